/**
 * Removes each guard of `test/escape/isolate/guards/`, one at a time, in a copy of the sources, and runs the test
 * that must then go red. First all of those tests must be green in the copy as it is.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Removal } from '../escape/isolate/guards/guard.ts';
import { confinementGuards } from '../escape/isolate/guards/confinement.ts';
import { guards as guestGuards } from '../escape/isolate/guards/guest-and-worker.ts';
import { repository } from '../support/server.ts';

const guards = [...guestGuards, ...confinementGuards];
const copied = ['src', 'test', 'policies', 'package.json', 'tsconfig.json', 'vitest.config.ts'];
/** The slowest of these runs takes about 30 s. */
const runMsMax = 180_000;
let copy: string;

beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), 'sallyport-guards-'));
  for (const name of copied) cpSync(join(repository, name), join(copy, name), { recursive: true });
  symlinkSync(join(repository, 'node_modules'), join(copy, 'node_modules'));
});
afterAll(() => rmSync(copy, { recursive: true }));

test.each([...Map.groupBy(guards, (guard) => guard.test[0])])(
  'with all guards, the tests of %s are green',
  async (file, own) => {
    const names = [...new Set(own.map((guard) => guard.test[1]))];
    const { failed, passed } = await run(file, names);
    expect(failed).toBe(0);
    expect(passed).toBeGreaterThanOrEqual(names.length);
  },
);

test.each(guards)('without "$guard" of $file its test is red', async (guard) => {
  const removals = guard.also === undefined ? [guard] : [guard, guard.also];
  const restore = removals.map(remove);
  try {
    expect((await run(guard.test[0], [guard.test[1]])).failed).toBeGreaterThan(0);
  } finally {
    for (const undo of restore) undo();
  }
});

/** Returns what puts it back. */
function remove({ file, find, replace }: Removal): () => void {
  const path = join(copy, file);
  const source = readFileSync(path, 'utf8');
  expect(source.split(find)).toHaveLength(2);
  writeFileSync(
    path,
    source.replace(find, () => replace),
  );
  return () => writeFileSync(path, source);
}

/** Runs the tests of a file whose names hold one of `names`. */
async function run(file: string, names: readonly string[]): Promise<{ failed: number; passed: number }> {
  const report = join(copy, 'report.json');
  rmSync(report, { force: true });
  const filter = `(${names.map(escaped).join('|')})`;
  const args = ['run', file, '-t', filter, '--reporter=json', `--outputFile=${report}`];
  const child = spawn(join(repository, 'node_modules/.bin/vitest'), args, {
    cwd: copy,
    stdio: 'ignore',
    detached: true,
  });
  // Without its guard a test may block for ever, and its process with it.
  const timer = setTimeout(() => process.kill(-Number(child.pid), 'SIGKILL'), runMsMax);
  await once(child, 'exit');
  clearTimeout(timer);
  if (child.signalCode !== null) return { failed: 1, passed: 0 };
  const { numFailedTests, numPassedTests, numFailedTestSuites } = JSON.parse(
    readFileSync(report, 'utf8'),
  ) as {
    readonly [count: string]: number | undefined;
  };
  const failed = numFailedTests || numFailedTestSuites;
  return { failed: failed ?? 0, passed: numPassedTests ?? 0 };
}

function escaped(name: string): string {
  return name.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
