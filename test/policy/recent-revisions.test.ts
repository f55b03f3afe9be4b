import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { compile } from '../../src/policy/compile/compile.ts';
import { RecentRevisions } from '../../src/policy/recent-revisions.ts';
import { knownDetectors, withPolicyDirectory } from '../support/policy-directory.ts';

const policy = (name: string): string =>
  `apiVersion: sallyport/v1\nkind: Constants\nmetadata: {name: env}\nspec: {host: ${name}}\n`;

interface Held {
  readonly revisions: RecentRevisions;
  readonly first: string;
  /** Rewrites the files and tells the id that they compile to. */
  readonly become: (name: string) => Promise<string>;
  readonly breakFiles: () => Promise<void>;
  readonly pass: (ms: number) => void;
  readonly broken: () => number;
}

function withRevisions(use: (held: Held) => Promise<void>): Promise<void> {
  return withPolicyDirectory({ 'a.yaml': policy('one') }, async (directory) => {
    let now = 0;
    let broken = 0;
    const options = { directories: [directory], knownDetectors };
    const compiled = await compile(options);
    if (!compiled.ok) throw new Error(JSON.stringify(compiled.problems));
    const revisions = new RecentRevisions(compiled.revision, {
      ...options,
      now: () => now,
      onBroken: () => (broken += 1),
    });
    await use({
      revisions,
      first: compiled.revision.id,
      async become(name) {
        await writeFile(join(directory, 'a.yaml'), policy(name));
        const next = await compile(options);
        return next.ok ? next.revision.id : 'does not compile';
      },
      breakFiles: () => writeFile(join(directory, 'a.yaml'), 'kind: ['),
      pass: (ms) => (now += ms),
      broken: () => broken,
    });
  });
}

test('the last three are held, the one before them is not', async () => {
  await withRevisions(async ({ revisions, first, become, pass }) => {
    const ids = [first];
    for (const name of ['two', 'three', 'four']) {
      const id = await become(name);
      pass(1000);
      expect(await revisions.hold(id)).toBe(id);
      ids.push(id);
    }
    expect(new Set(ids).size).toBe(4);
    expect(ids.map((id) => revisions.get(id)?.id ?? null)).toEqual([null, ...ids.slice(1)]);
  });
});

test('an unknown one is answered with the latest, and the files are not read again at once', async () => {
  await withRevisions(async ({ revisions, first, become, pass }) => {
    pass(1000);
    expect(await revisions.hold('sha256:none')).toBe(first);
    const second = await become('two');
    expect(await revisions.hold(second)).toBe(first);
    pass(1000);
    expect(await revisions.hold(second)).toBe(second);
  });
});

test('files that do not compile change nothing', async () => {
  await withRevisions(async ({ revisions, first, breakFiles, pass, broken }) => {
    await breakFiles();
    pass(1000);
    expect(await revisions.hold('sha256:none')).toBe(first);
    expect(broken()).toBe(1);
  });
});
