import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import {
  buildImages,
  call,
  collect,
  generousLimits,
  openExecutor,
  profileOf,
  requestOf,
} from '../../support/container-calls.ts';

const executor = openExecutor();
beforeAll(async () => await buildImages('python', 'shell'), 600_000);
afterAll(async () => await executor[Symbol.asyncDispose]());

const within = (changes: object): object => ({ limits: { ...generousLimits, ...changes } });

describe('time', () => {
  test('a script that sleeps is timed_out at its deadline', async () => {
    const seen = await call(executor, 'shell', { script: 'echo hi; sleep 1000' }, within({ timeoutMs: 300 }));
    expect(seen.exit).toEqual({ type: 'exit', reason: 'timed_out', error: null });
    expect(seen.stdout).toBe('hi\n');
    expect(seen.usage.wallMs).toBeGreaterThanOrEqual(299);
    expect(seen.usage.wallMs).toBeLessThan(2000);
  });

  test('a loop that ignores every signal is timed_out', async () => {
    const code =
      'import signal\nfor n in range(1, 32):\n  try: signal.signal(n, signal.SIG_IGN)\n  except OSError: pass\nwhile True: pass';
    expect((await call(executor, 'python', { code }, within({ timeoutMs: 300 }))).exit.reason).toBe(
      'timed_out',
    );
  });

  test('a fork bomb ends by the deadline', async () => {
    const code = 'import os\nwhile True:\n  try: os.fork()\n  except OSError: pass';
    expect((await call(executor, 'python', { code }, within({ timeoutMs: 700 }))).exit.reason).toBe(
      'timed_out',
    );
  });
});

describe('memory and processes', () => {
  test('a string beyond the limit is out_of_memory', async () => {
    const seen = await call(executor, 'python', { code: 'x = "a" * 10**9' }, within({ memoryMiB: 64 }));
    expect(seen.exit).toEqual({ type: 'exit', reason: 'out_of_memory', error: null });
  });

  test('a shell whose last command ran out of memory is out_of_memory', async () => {
    const script = 'tail /dev/zero';
    expect((await call(executor, 'shell', { script }, within({ memoryMiB: 32 }))).exit.reason).toBe(
      'out_of_memory',
    );
  });

  test('more processes than pids cannot be made', async () => {
    const code =
      'import os, time\nn = 0\ntry:\n  while n < 1000:\n    if os.fork() == 0: time.sleep(1000)\n    n += 1\nexcept OSError: pass\nn';
    const seen = await call(executor, 'python', { code }, within({ pids: 16 }));
    expect(seen.result).toBe(14);
  });

  test('/work and /tmp hold half and a quarter of the memory, and so many files', async () => {
    const script = [
      'head -c 100000000 /dev/zero >/tmp/big 2>/dev/null; wc -c </tmp/big; rm /tmp/big',
      '(head -c 100000000 /dev/zero >big) 2>/dev/null; wc -c <big; rm big',
      'i=0; while (: >/tmp/$i) 2>/dev/null; do i=$((i+1)); done; echo $i',
    ].join('\n');
    const seen = await call(executor, 'shell', { script }, within({ memoryMiB: 64 }));
    expect(seen.stdout.split('\n').map((line) => line.trim())).toEqual(['16777216', '33554432', '4095', '']);
  });
});

describe('output', () => {
  test('a result beyond outputBytes is output_limit', async () => {
    const seen = await call(executor, 'python', { code: '"x" * 2000' }, within({ outputBytes: 2000 }));
    expect(seen.exit).toEqual({ type: 'exit', reason: 'output_limit', error: null });
    expect(seen.result).toBe(undefined);
    expect(
      (await call(executor, 'python', { code: '"x" * 1998' }, within({ outputBytes: 2000 }))).exit.reason,
    ).toBe('completed');
  });

  test('a flood on the result channel is cut off at once', async () => {
    const code = 'import os\nwhile True: os.write(4, b"x" * 65536)';
    const seen = await call(executor, 'python', { code }, within({ outputBytes: 1000 }));
    expect(seen.exit.reason).toBe('output_limit');
  });

  test('outputBytes of the usage are result and logs, and not artifacts', async () => {
    const code = 'print("log")\nopen("out/a", "w").write("x" * 1000)\n"done"';
    const seen = await call(executor, 'python', { code }, within({}));
    expect(Object.keys(seen.artifacts)).toEqual(['a']);
    expect(seen.usage.outputBytes).toBe('log\n"done"'.length);
  });

  test('logs beyond logBytes are drained and named as truncated; the call goes on', async () => {
    const code = 'import sys\nprint("a" * 10_000_000)\nsys.stderr.write("b" * 1000)\n"done"';
    const seen = await call(executor, 'python', { code }, within({ logBytes: 5000 }));
    expect(seen.result).toBe('done');
    expect(seen.stdout).toBe('a'.repeat(5000));
    expect(seen.usage.outputBytes).toBe(5000 + '"done"'.length);
    expect(seen.usage.truncated).toEqual([
      { stream: 'stdout', keptBytes: 5000, droppedBytes: 9_995_001 },
      { stream: 'stderr', keptBytes: 0, droppedBytes: 1000 },
    ]);
  });

  test('a flood of one-byte writes is drained too', async () => {
    const code = 'import os\nfor _ in range(50_000): os.write(1, b"x")\n"done"';
    const seen = await call(executor, 'python', { code });
    expect(seen.result).toBe('done');
    expect(seen.stdout.length).toBe(50_000);
  });

  test('artifacts beyond artifactBytes are dropped whole and named', async () => {
    const script = 'cd out; head -c 3000 /dev/zero >a; head -c 3000 /dev/zero >b; head -c 100 /dev/zero >c';
    const seen = await call(executor, 'shell', { script }, within({ artifactBytes: 4000 }));
    expect(Object.entries(seen.artifacts).map(([name, content]) => [name, content.length])).toEqual([
      ['a', 3000],
      ['c', 100],
    ]);
    expect(seen.usage.truncated).toEqual([{ stream: 'artifacts', keptBytes: 3100, droppedBytes: 3000 }]);
  });

  test('closed pipes and a forged result harm only the call itself', async () => {
    const closed =
      'import os\nfor fd in (1, 2, 3, 4): \n  try: os.close(fd)\n  except OSError: pass\nimport time; time.sleep(0.2)';
    expect((await call(executor, 'python', { code: closed })).exit.reason).toBe('crashed');
    const forged = 'import os\nos.write(4, b\'{"ok":true,"value":"forged"}\')\nos._exit(0)';
    expect((await call(executor, 'python', { code: forged })).result).toBe('forged');
    const broken = 'import os\nos.write(4, b\'{"ok":true,\')\n1';
    expect((await call(executor, 'python', { code: broken })).exit.reason).toBe('crashed');
  });
});

test('a request can narrow the limits of its profile, and never widen them', async () => {
  const profile = profileOf('shell', { limits: { ...generousLimits, logBytes: 100 } });
  const request = requestOf(profile, { script: 'yes | head -c 1000' });
  const kept = async (logBytes: number): Promise<number> => {
    const limits = { ...request.limits, logBytes };
    return (await collect(executor.run({ ...request, limits }, new AbortController().signal))).stdout.length;
  };
  expect(await kept(10)).toBe(10);
  expect(await kept(1000)).toBe(100);
});
