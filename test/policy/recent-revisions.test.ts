import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runCompileJob } from '../../src/policy/compile/compile-job.ts';
import type { CompileJob } from '../../src/policy/compile/compile-job.ts';
import { scanFiles } from '../../src/policy/load/scan-files.ts';
import { RecentRevisions } from '../../src/policy/recent-revisions.ts';
import { RevisionStore } from '../../src/policy/revision-store.ts';
import { knownDetectors, withPolicyDirectory } from '../support/policy-directory.ts';

const policy = (name: string): string =>
  `apiVersion: sallyport/v1\nkind: Constants\nmetadata: {name: env}\nspec: {host: ${name}}\n`;

interface Held {
  readonly revisions: RecentRevisions;
  readonly first: string;
  /** Another process with the same files and the same folder. */
  readonly restart: () => RecentRevisions;
  /** Rewrites the files and tells the id that they compile to. */
  readonly become: (name: string) => Promise<string>;
  readonly breakFiles: () => Promise<void>;
  readonly jobs: CompileJob['from'][];
  readonly store: string;
  readonly broken: () => number;
  readonly failed: unknown[];
}

function withRevisions(use: (held: Held) => Promise<void>): Promise<void> {
  return withPolicyDirectory({ 'policy/a.yaml': policy('one'), 'store/none': '' }, async (home) => {
    const directory = join(home, 'policy');
    const store = join(home, 'store', 'revisions');
    const jobs: CompileJob['from'][] = [];
    const failed: unknown[] = [];
    let broken = 0;
    const files = {
      from: 'directories',
      directories: [directory],
      knownDetectors,
      isForDeciding: false,
    } as const;
    const restart = (): RecentRevisions =>
      new RecentRevisions({
        ...files,
        compile(job) {
          jobs.push(job.from);
          return runCompileJob(job);
        },
        scan: () => scanFiles([directory]),
        store: new RevisionStore(store),
        onBroken: () => (broken += 1),
        onFailed: (error) => failed.push(error),
      });
    const idNow = async (): Promise<string> => {
      const compiled = await runCompileJob(files);
      return compiled.ok ? compiled.id : 'does not compile';
    };
    const revisions = restart();
    await revisions.refresh();
    await use({
      revisions,
      first: await idNow(),
      restart,
      async become(name) {
        await writeFile(join(directory, 'a.yaml'), policy(name));
        return idNow();
      },
      breakFiles: () => writeFile(join(directory, 'a.yaml'), 'kind: ['),
      jobs,
      store,
      broken: () => broken,
      failed,
    });
  });
}

test('the last three are held, the one before them comes back from the store', async () => {
  await withRevisions(async ({ revisions, first, become, jobs }) => {
    const ids = [first];
    for (const name of ['two', 'three', 'four']) {
      const id = await become(name);
      expect(await revisions.hold(id)).toBe(id);
      ids.push(id);
    }
    expect(ids.map((id) => revisions.get(id)?.id ?? null)).toEqual([null, ...ids.slice(1)]);
    jobs.splice(0);
    expect(await revisions.hold(first)).toBe(first);
    expect(jobs).toEqual(['content']);
    expect(revisions.get(ids[1] ?? '')).toBeNull();
  });
});

test('an unknown one is answered with the latest, and files that did not change are not compiled again', async () => {
  await withRevisions(async ({ revisions, first, become, jobs }) => {
    expect(await revisions.hold(`sha256:${'0'.repeat(64)}`)).toBe(first);
    expect(await revisions.hold('../../etc/passwd')).toBe(first);
    expect(jobs).toEqual(['directories']);
    const second = await become('two');
    expect(await revisions.hold('')).toBe(second);
    expect(await revisions.hold(second)).toBe(second);
    expect(jobs).toEqual(['directories', 'directories']);
  });
});

test('files that do not compile change nothing', async () => {
  await withRevisions(async ({ revisions, first, breakFiles, broken }) => {
    await breakFiles();
    expect(await revisions.hold('')).toBe(first);
    expect(broken()).toBe(1);
  });
});

test('a runner that starts on broken files serves what it compiled once, and nothing that it is told', async () => {
  await withRevisions(async ({ first, breakFiles, restart }) => {
    await breakFiles();
    const again = restart();
    await again.refresh();
    expect(await again.hold(`sha256:${'0'.repeat(64)}`)).toBe('');
    expect(await again.hold(first)).toBe(first);
    expect(again.get(first)?.id).toBe(first);
  });
});

test('a stored content that was altered is as good as none', async () => {
  await withRevisions(async ({ first, become, restart, store }) => {
    const second = await become('two');
    const file = join(store, `${first.slice(7)}.json`);
    await writeFile(file, (await readFile(file, 'utf8')).replace('one', 'own'));
    const again = restart();
    expect(await again.hold(first)).toBe(second);
    expect(again.get(first)).toBeNull();
  });
});

test('where nothing can be kept, what the files hold is served all the same', async () => {
  await withRevisions(async ({ become, restart, store, failed }) => {
    await rm(store, { recursive: true });
    await writeFile(store, 'a file in the way');
    const second = await become('two');
    const again = restart();
    await again.refresh();
    expect(await again.hold(second)).toBe(second);
    expect(failed.length).toBeGreaterThan(0);
  });
});
