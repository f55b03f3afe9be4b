import { afterAll, beforeAll, expect, test } from 'vitest';

import { buildImages, call, openExecutor, profileOf, requestOf } from '../../support/container-calls.ts';

const executor = openExecutor();
beforeAll(async () => await buildImages('shell'), 600_000);
afterAll(async () => await executor[Symbol.asyncDispose]());

test('a script prints, and its exit code is the result', async () => {
  const seen = await call(executor, 'shell', { script: 'echo out; echo err >&2; pwd; exit 3' });
  expect(seen).toMatchObject({ stdout: 'out\n/work\n', stderr: 'err\n', result: { exitCode: 3 } });
  expect(seen.exit).toEqual({ type: 'exit', reason: 'completed', error: null });
});

test('a script that a signal ends has 128 and the signal', async () => {
  expect((await call(executor, 'shell', { script: 'kill -9 $$' })).result).toEqual({ exitCode: 137 });
});

test('a script of a tool finds its arguments in args.json', async () => {
  const code = { name: 'show.sh', source: 'cat args.json' };
  expect((await call(executor, 'shell', { a: 1 }, { code })).stdout).toBe('{"a":1}');
});

test('a script of several hundred kilobytes runs to its end', async () => {
  const script = `${': a line that does nothing\n'.repeat(20_000)}echo done`;
  expect((await call(executor, 'shell', { script })).stdout).toBe('done\n');
});

test('prints come while the script runs', async () => {
  const frames = executor.run(
    requestOf(profileOf('shell'), { script: 'echo first; sleep 1000' }),
    new AbortController().signal,
  );
  const types: string[] = [];
  for await (const frame of frames) {
    types.push(frame.type);
    if (frame.type === 'stdout') break;
  }
  expect(types).toEqual(['started', 'stdout']);
});

test('what still runs when the script ends, ends with it', async () => {
  const seen = await call(executor, 'shell', { script: '(sleep 1000; echo late) & echo now' });
  expect(seen).toMatchObject({ stdout: 'now\n', result: { exitCode: 0 } });
});

test('artifacts are the regular files, in folders too, and no link is followed', async () => {
  const script = [
    'cd out',
    'ln -s /etc/passwd link; ln -s / root; ln /work/hard hard 2>/dev/null; mkfifo pipe',
    'mkdir -p b/c; echo deep > b/c/deep; echo a > a; : > empty; echo q > "quo\\"te"',
  ].join('\n');
  const seen = await call(executor, 'shell', { script });
  expect(seen.artifacts).toEqual({ a: 'a\n', 'b/c/deep': 'deep\n', empty: '', 'quo"te': 'q\n' });
  expect(seen.usage.truncated).toEqual([]);
});

test('an out folder that is a link gives nothing', async () => {
  const seen = await call(executor, 'shell', { script: 'rmdir out; ln -s /etc out; exit 0' });
  expect(seen.artifacts).toEqual({});
  expect(seen.result).toEqual({ exitCode: 0 });
});

test('artifacts that cannot be read or are too many are named as lost', async () => {
  const script =
    'cd out; i=0; while [ $i -lt 300 ]; do : > f$i; i=$((i+1)); done; echo secret > a; chmod 000 a';
  const seen = await call(executor, 'shell', { script });
  expect(Object.keys(seen.artifacts).length).toBe(256);
  expect(seen.usage.truncated).toEqual([{ stream: 'artifacts', keptBytes: 0, droppedBytes: 0 }]);
});
