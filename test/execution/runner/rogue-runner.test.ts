/** What a runner that was taken over can do to its api: lie about its own calls. Not: fill its memory, or hang it. */
import type { Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test, vi } from 'vitest';
import { runCall } from '../../../src/calls/run-call.ts';
import type { Run } from '../../../src/calls/run-call.ts';
import type { ExecutionRequest } from '../../../src/execution/executor.ts';
import { protocolVersion } from '../../../src/execution/runner/messages.ts';
import { RunnerClient } from '../../../src/execution/runner/runner-client.ts';
import { encodeControl, encodeFrame } from '../../../src/execution/protocol/frame.ts';
import type { Frame } from '../../../src/execution/protocol/frame.ts';
import { FrameDecoder } from '../../../src/execution/protocol/frame-decoder.ts';
import { limits, request, socketPair } from './support.ts';

const runtime = { kind: 'isolate', confinement: 'process', image: null, warm: true };
const usage = { wallMs: 1, cpuMs: 1, memoryPeakBytes: 1, outputBytes: 1, truncated: [] };
const completed = { reason: 'completed', error: null };
const started = encodeControl('started', 1, runtime);
const used = encodeControl('usage', 1, usage);
const exit = encodeControl('exit', 1, completed);
const artifact = (name: unknown): Buffer => encodeControl('artifact', 1, { name });
const byte = (type: 'stdout' | 'result' | 'artifactData'): Buffer => encodeFrame(type, 1, Buffer.from('x'));
const bytes = (type: 'stdout' | 'stderr' | 'result' | 'artifactData', count: number): Buffer =>
  encodeFrame(type, 1, Buffer.alloc(count, 'x'));

/** An api's client, and the other end of its link, which greets and then does what a test likes. */
async function rogue(
  onFrame: (frame: Frame, runner: Socket) => void,
): Promise<{ client: RunnerClient; runner: Socket }> {
  const [api, runner] = await socketPair();
  const decoder = new FrameDecoder([
    'hello',
    'run',
    'args',
    'end',
    'cancel',
    'ping',
    'session',
    'health',
    'fileData',
  ]);
  runner.on('data', (chunk: Buffer) => decoder.decode(chunk, (frame) => onFrame(frame, runner)));
  runner.on('error', () => {});
  const client = new RunnerClient(api, { revision: Promise.resolve('sha256:a'), onGivenUp: () => {} });
  runner.write(encodeControl('hello', 0, { protocol: protocolVersion, revision: 'sha256:a' }));
  await client.hello;
  return { client, runner };
}

/** What the api makes of one call that the runner answers so, and why it hung up, if it did. */
async function answered(
  frames: readonly Buffer[],
  asked: ExecutionRequest = request,
): Promise<{ run: Run; fault: string | null }> {
  const { client } = await rogue((frame, runner) => {
    if (frame.type === 'end') for (const answer of frames) runner.write(answer);
  });
  let fault: string | null = null;
  const noteFault = async (): Promise<void> => {
    fault = await client.closed;
  };
  void noteFault();
  const run = await runCall(
    { run: client.run.bind(client), [Symbol.asyncDispose]: async () => {} },
    asked,
    never,
    null,
  );
  return { run, fault };
}

const never = new AbortController().signal;

test('what a runner sends within the limits of its call is taken', async () => {
  const { run, fault } = await answered([
    started,
    bytes('stdout', limits.logBytes - 1),
    bytes('stderr', 1),
    bytes('result', limits.outputBytes),
    artifact('a/b.txt'),
    bytes('artifactData', limits.artifactBytes),
    artifact('empty'),
    used,
    exit,
  ]);
  expect(fault).toBe(null);
  expect(run).toMatchObject({ kind: 'ended', run: { runtime, exit: completed } });
  if (run.kind !== 'ended') return;
  expect(run.run.stdout.length + run.run.stderr.length).toBe(limits.logBytes);
  expect(run.run.result).toHaveLength(limits.outputBytes);
  expect(run.run.artifacts.map(({ name, data }) => [name, data.length])).toEqual([
    ['a/b.txt', limits.artifactBytes],
    ['empty', 0],
  ]);
});

test('a call for which there never was a sandbox ends without a start', async () => {
  const { run, fault } = await answered([used, exit]);
  expect([fault, run]).toEqual([null, expect.objectContaining({ kind: 'ended' })]);
});

test('usage is cut to what can be: it gives no quota back, and uses none up for ever', async () => {
  const odd = Buffer.from(
    `{"wallMs":-5,"cpuMs":-1e9,"memoryPeakBytes":1e300,"outputBytes":1e999,"truncated":[]}`,
  );
  const { run, fault } = await answered([started, encodeFrame('usage', 1, odd), exit]);
  expect(fault).toBe(null);
  const most = Number.MAX_SAFE_INTEGER;
  expect(run).toMatchObject({
    run: { usage: { wallMs: 0, cpuMs: 0, memoryPeakBytes: most, outputBytes: most } },
  });
});

test('a health report is cut to what is shown', async () => {
  const health = { kind: 'isolate', state: 'ok', confinement: 'process', reason: 'x'.repeat(5000) };
  const { client } = await rogue((frame, runner) => {
    if (frame.type === 'health') runner.write(encodeControl('health', 0, { executors: [health] }));
  });
  expect((await client.health()).executors[0]?.reason).toHaveLength(4000);
});

describe('a runner is hung up on, and its calls are lost, when it sends', () => {
  test.each<[string, readonly Buffer[]]>([
    ['more log bytes than the call may have', [started, bytes('stdout', 600), bytes('stderr', 401)]],
    ['a result of more bytes than the call may have', [started, bytes('result', limits.outputBytes + 1)]],
    [
      'more artifact bytes than the call may have',
      [started, artifact('a'), bytes('artifactData', 600), artifact('b'), bytes('artifactData', 401)],
    ],
    [
      'more artifacts than a call may have',
      [started, ...Array.from({ length: 257 }, (_, at) => artifact(`a${at}`))],
    ],
    ['an artifact without a plain name', [started, artifact('../../etc/passwd')]],
    ['an artifact without a plain name', [started, artifact(['a'])]],
    ['an artifact without a plain name', [started, artifact('a'.repeat(300))]],
    ['data of no artifact', [started, byte('artifactData')]],
    ['stdout without bytes', [started, encodeFrame('stdout', 1, Buffer.alloc(0))]],
    ['stdout out of turn', [byte('stdout')]],
    ['result out of turn', [started, used, byte('result')]],
    ['an artifact out of turn', [started, used, artifact('a')]],
    ['a second start', [started, started]],
    ['usage out of turn', [started, used, used]],
    ['an exit out of turn', [started, exit]],
    [
      'a start that is not understood',
      [encodeControl('started', 1, { ...runtime, confinement: 'ghp_secret' })],
    ],
    ['a start that is not understood', [encodeControl('started', 1, { ...runtime, image: 'ghp_secret' })]],
    [
      'a start that is not understood',
      [encodeControl('started', 1, { ...runtime, kind: 'container', confinement: 'runc, runc' })],
    ],
    ['usage that is not understood', [started, encodeControl('usage', 1, { ...usage, cpuMs: null })]],
    [
      'usage that is not understood',
      [
        started,
        encodeControl('usage', 1, {
          ...usage,
          truncated: [{ stream: 'ghp_secret', keptBytes: 1, droppedBytes: 1 }],
        }),
      ],
    ],
    [
      'an exit that is not understood',
      [started, used, encodeControl('exit', 1, { reason: 'ghp_secret', error: null })],
    ],
    [
      'an exit that is not understood',
      [
        started,
        used,
        encodeControl('exit', 1, { reason: 'threw', error: { name: 'E', message: 'x'.repeat(5000) } }),
      ],
    ],
    [
      'a refusal that is not understood',
      [encodeControl('notStarted', 1, { code: 'ghp_secret', message: '' })],
    ],
  ])('%s', async (what, frames) => {
    const { run, fault } = await answered(frames);
    expect(run.kind).toBe('lost');
    expect(fault).toBe(`it broke the protocol: ${what}`);
  });

  test('a health report, a greeting or an end of a session in other words', async () => {
    const health = { kind: 'isolate', state: 'ok', confinement: 'process', reason: null };
    const orphan = 'a'.repeat(64);
    for (const frame of [
      encodeControl('health', 0, { executors: [{ ...health, confinement: 'ghp_secret' }] }),
      encodeControl('health', 0, { executors: [{ ...health, reason: 1 }] }),
      encodeControl('health', 0, { executors: Array.from({ length: 9 }, () => health) }),
      encodeControl('health', 0, { executors: [{ ...health, workers: { idle: 1 } }] }),
      encodeControl('health', 0, { executors: [health], orphans: ['../etc'] }),
      encodeControl('health', 0, { executors: [health], orphans: [`${orphan}a`] }),
      encodeControl('health', 0, { executors: [health], orphans: Array.from({ length: 65 }, () => orphan) }),
      encodeControl('hello', 0, { protocol: protocolVersion, revision: 'GHP secret' }),
      encodeControl('sessionEnded', 0, { sessionId: 'ses_1', reason: 'ghp_secret' }),
    ]) {
      const { client, runner } = await rogue(() => {});
      client.health().catch(() => {});
      runner.write(frame);
      expect(await client.closed).toMatch(/^it broke the protocol: /);
    }
    const { client, runner } = await rogue(() => {});
    const asked = client.health();
    runner.write(encodeControl('health', 0, { executors: [health], orphans: [orphan] }));
    expect(await asked).toEqual({ executors: [health], orphans: [orphan] });
    // Nobody asked for a second one.
    runner.write(encodeControl('health', 0, { executors: [health], orphans: [orphan] }));
    expect(await client.closed).toBe('it broke the protocol: how it is');
  });
});

test('prints of one byte between frames of other sizes cost the api what they hold, not what they came in', async () => {
  setFlagsFromString('--expose-gc');
  const collectOnce = runInNewContext('gc') as () => void;
  // Buffers of what a collection found are given back on another thread; the next collection begins by waiting for that.
  const collectGarbage = (): void => {
    collectOnce();
    collectOnce();
  };
  const printed = 2_000;
  const asked = { ...request, limits: { ...limits, logBytes: printed } };
  // Each print pins 64 KiB of the stream if it is kept as it came: 128 MiB in all.
  const noise = encodeControl('pong', 0, { noise: 'x'.repeat(60 * 1024) });
  const printing = Buffer.concat([byte('stdout'), noise]);
  collectGarbage();
  const before = process.memoryUsage();
  const { run } = await answered(
    [started, ...Array.from({ length: printed }, () => printing), used, exit],
    asked,
  );
  collectGarbage();
  const after = process.memoryUsage();
  expect(run).toMatchObject({ kind: 'ended', run: { stdout: { length: printed } } });
  expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(16 * 1024 * 1024);
});

describe('a call is not waited for for ever', () => {
  const overdueMs = 60_000;

  test('when its runner says that it started, and no more', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const cancelled = Promise.withResolvers<void>();
      const { client } = await rogue((frame, runner) => {
        if (frame.type === 'end') runner.write(started);
        if (frame.type === 'cancel') cancelled.resolve();
      });
      const frames = client.run(request, never)[Symbol.asyncIterator]();
      expect((await frames.next()).value).toMatchObject({ type: 'started' });
      const next = frames.next();
      vi.advanceTimersByTime(limits.timeoutMs + overdueMs);
      await expect(next).rejects.toThrow('did not end the call in time');
      await cancelled.promise;
    } finally {
      vi.useRealTimers();
    }
  });

  test('when its runner does not even take its arguments, once it was cancelled', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const asked = Promise.withResolvers<void>();
      const { client } = await rogue((frame) => {
        if (frame.type === 'args') asked.resolve();
      });
      const abort = new AbortController();
      const large = { ...request, args: Buffer.alloc(4 * 1024 * 1024, 32) };
      const next = client.run(large, abort.signal)[Symbol.asyncIterator]().next();
      await asked.promise;
      abort.abort();
      vi.advanceTimersByTime(overdueMs);
      await expect(next).rejects.toThrow('did not end the call in time');
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('a file of a session', () => {
  const target = { sessionId: 'ses_1', tenant: 'acme', principal: 'ana' };
  const get = { op: 'get', ...target, path: 'a', bytesMax: 100 } as const;
  const nothing = new Uint8Array();
  const answering = (...frames: readonly Buffer[]): Promise<{ client: RunnerClient; runner: Socket }> =>
    rogue((frame, runner) => {
      if (frame.type === 'end') for (const answer of frames) runner.write(answer);
    });
  const done = encodeControl('sessionAnswer', 1, { kind: 'done', dropped: 0 });

  test('comes with as many bytes as were asked for', async () => {
    const { client } = await answering(encodeFrame('fileData', 1, Buffer.alloc(100, 'x')), done);
    const { answer, data } = await client.askSession(get, nothing);
    expect([answer, data.length]).toEqual([{ kind: 'done', dropped: 0 }, 100]);
  });

  test.each<[string, readonly Buffer[]]>([
    ['more bytes than were asked for', [encodeFrame('fileData', 1, Buffer.alloc(101, 'x')), done]],
    [
      'an answer about a session that is not understood',
      [encodeControl('sessionAnswer', 1, { kind: 'refused', error: 'ghp_secret' })],
    ],
    [
      'an answer about a session that is not understood',
      [
        encodeControl('sessionAnswer', 1, {
          kind: 'opened',
          runtime: { ...runtime, confinement: 'ghp_secret' },
        }),
      ],
    ],
  ])('does not come with %s', async (what, frames) => {
    const { client } = await answering(...frames);
    await expect(client.askSession(get, nothing)).rejects.toThrow(what);
  });

  test('is not waited for for ever', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const asked = Promise.withResolvers<void>();
      const { client } = await rogue((frame) => {
        if (frame.type === 'end') asked.resolve();
      });
      const answer = client.askSession(get, nothing);
      await asked.promise;
      vi.advanceTimersByTime(120_000);
      await expect(answer).rejects.toThrow('did not answer in time');
    } finally {
      vi.useRealTimers();
    }
  });
});
