/** What isolated-vm offers and this project never uses: each has been, or could be, a way out of the isolate. */
import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

const root = new URL('../../../src/', import.meta.url);
const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
const sources = files.map((name) => [name, readFileSync(new URL(name, root), 'utf8')] as const);

describe.each([
  ['copies of objects', /\bcopy\s*:\s*true|copyInto|deepCopy/, '{ result: { copy: true } }'],
  [
    'references to objects',
    /\breference\s*:\s*true|\bReference\b.*isolated-vm|\bReference\(|\.deref|derefInto|\.namespace\b/,
    'context.global.derefInto()',
  ],
  ['external copies', /ExternalCopy/, 'new ivm.ExternalCopy(value)'],
  ['callbacks that nobody waits for', /\bignored\s*:\s*true|\bapplyIgnored/, '{ ignored: true }'],
  ['asynchronous callbacks', /\basync\s*:\s*true/, 'new Callback(run, { async: true })'],
  ['snapshots', /createSnapshot|\bsnapshot\s*:/, 'new Isolate({ snapshot: blob })'],
  ['code that was compiled elsewhere (CVE-2022-39266)', /cachedData/i, '{ produceCachedData: true }'],
  ['the inspector', /\binspector\s*:|createInspectorSession|node:inspector/, '{ inspector: true }'],
  ['promises across the boundary', /\bpromise\s*:\s*true/, '{ promise: true }'],
  ['accessors that a guest could define', /\baccessors\s*:/, '{ accessors: true }'],
  ['native modules inside the isolate', /NativeModule/, 'new ivm.NativeModule(path)'],
])('%s', (_what, pattern, example) => {
  test('are used nowhere', () => {
    const offenders = sources.filter(([, source]) => pattern.test(source)).map(([name]) => name);
    expect(offenders).toEqual([]);
  });

  test('would be found', () => {
    expect(example).toMatch(pattern);
  });
});

test('isolated-vm is named only in the room of isolates', () => {
  const importing = sources.filter(([, source]) =>
    /from 'isolated-vm'|(?:require|resolve|import)\(\s*'isolated-vm/.test(source),
  );
  expect(importing.map(([name]) => name).filter((name) => !name.startsWith('execution/isolate/'))).toEqual(
    [],
  );
});

test("a caller's TypeScript is parsed in the confined worker alone; the policy's own where policy is loaded", () => {
  const parsing = sources.filter(([, source]) => source.includes('stripTypeScriptTypes('));
  expect(parsing.map(([name]) => name).toSorted()).toEqual([
    'execution/isolate/worker/strip-types.ts',
    'policy/load/strip-types.ts',
  ]);
});
