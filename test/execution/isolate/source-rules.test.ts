/** What isolated-vm offers and this project never uses: each has been, or could be, a way out of the isolate. */
import { readFileSync, readdirSync } from 'node:fs';
import { expect, test } from 'vitest';

const root = new URL('../../../src/', import.meta.url);
const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
const sources = files.map((name) => [name, readFileSync(new URL(name, root), 'utf8')] as const);

test.each([
  ['copies of objects', /\bcopy\s*:\s*true|copyInto|deepCopy/],
  [
    'references to objects',
    /\breference\s*:\s*true|\bReference\b.*isolated-vm|\.deref|derefInto|\.namespace\b/,
  ],
  ['external copies', /ExternalCopy/],
  ['callbacks that nobody waits for', /\bignored\s*:\s*true/],
  ['snapshots', /createSnapshot|\bsnapshot\s*:/],
  ['the inspector', /\binspector\s*:|createInspectorSession|node:inspector/],
  ['promises across the boundary', /\bpromise\s*:\s*true/],
  ['accessors that a guest could define', /\baccessors\s*:/],
  ['native modules inside the isolate', /NativeModule/],
])('%s are used nowhere', (_what, pattern) => {
  const offenders = sources.filter(([, source]) => pattern.test(source)).map(([name]) => name);
  expect(offenders).toEqual([]);
});

test('isolated-vm is named only in the room of isolates', () => {
  const importing = sources.filter(([, source]) => /from 'isolated-vm'|\(\s*'isolated-vm/.test(source));
  expect(importing.map(([name]) => name).filter((name) => !name.startsWith('execution/isolate/'))).toEqual(
    [],
  );
});
