import type { Socket } from 'node:net';
import { describe, expect, test, vi } from 'vitest';
import { Lost, NotStarted } from '../../../src/execution/executor.ts';
import type { ExecutionFrame } from '../../../src/execution/executor.ts';
import { Liveness } from '../../../src/execution/runner/liveness.ts';
import { RunnerClient } from '../../../src/execution/runner/runner-client.ts';
import { RunnerServer } from '../../../src/execution/runner/runner-server.ts';
import { protocolVersion } from '../../../src/execution/runner/messages.ts';
import { SeenCalls } from '../../../src/execution/runner/seen-calls.ts';
import { encodeControl, encodeFrame } from '../../../src/execution/protocol/frame.ts';
import { executorOf, limits, profile, request, socketPair } from './support.ts';
import type { Script } from './support.ts';
import { FrameDecoder, parseControl } from '../../../src/execution/protocol/frame-decoder.ts';

const started = {
  type: 'started',
  runtime: { kind: 'isolate', confinement: 'process', image: null, warm: true },
} as const;
const usage = {
  type: 'usage',
  wallMs: 1,
  cpuMs: 1,
  memoryPeakBytes: 1,
  outputBytes: 1,
  truncated: [],
} as const;
const completed = { type: 'exit', reason: 'completed', error: null } as const;
/** For calls that yield more than a window. */
const wide = { ...limits, outputBytes: 8 * 1024 * 1024, logBytes: 8 * 1024 * 1024 };

async function linked(
  run: Script,
): Promise<{ client: RunnerClient; server: Socket; api: Socket; closed: Promise<string> }> {
  const [api, runner] = await socketPair();
  const closed = Promise.withResolvers<string>();
  void new RunnerServer({
    stream: runner,
    revisions: {
      hold: async () => 'sha256:a',
      profileOf: (revision, tool) => (revision === 'sha256:a' && tool === 'echo' ? profile : null),
    },
    executors: Promise.resolve([executorOf(run)]),
    seenCalls: new SeenCalls(),
    logger: { warn: () => {}, error: () => {} },
    onClosed: closed.resolve,
  });
  const client = new RunnerClient(api, { revision: Promise.resolve('sha256:a'), onGivenUp: () => {} });
  await client.hello;
  return { client, server: runner, api, closed: closed.promise };
}

async function collect(frames: AsyncIterable<ExecutionFrame>): Promise<ExecutionFrame[]> {
  const all: ExecutionFrame[] = [];
  for await (const frame of frames) all.push(frame);
  return all;
}

const never = new AbortController().signal;

describe('the link between api and runner', () => {
  test('hands over the exact argument bytes and brings every frame back in order', async () => {
    const { client } = await linked(async function* ({ args }) {
      yield started;
      yield { type: 'stdout', data: Buffer.from('hello') };
      yield { type: 'result', data: args };
      yield { type: 'artifact', name: 'a.txt', data: Buffer.from('artifact') };
      yield usage;
      yield completed;
    });
    const frames = await collect(client.run(request, never));
    expect(frames.map(({ type }) => type)).toEqual([
      'started',
      'stdout',
      'result',
      'artifact',
      'usage',
      'exit',
    ]);
    expect(Buffer.from((frames[2] as { data: Uint8Array }).data).toString()).toBe('{"code":"return 1"}');
    expect(Buffer.from((frames[3] as { data: Uint8Array }).data).toString()).toBe('artifact');
  });

  test('carries arguments and results far larger than the credit window', async () => {
    const { client } = await linked(async function* ({ args }) {
      yield started;
      yield { type: 'result', data: args };
      yield usage;
      yield completed;
    });
    const args = Buffer.alloc(5 * 1024 * 1024, 'x');
    const frames = await collect(client.run({ ...request, args, limits: wide }, never));
    const result = Buffer.concat(frames.flatMap((frame) => (frame.type === 'result' ? [frame.data] : [])));
    expect(result.equals(args)).toBe(true);
  });

  test('a slow reader holds the sender back: no more than the credit window is under way', async () => {
    let sent = 0;
    const { client } = await linked(async function* () {
      yield started;
      for (let count = 0; count < 64; count += 1) {
        sent += 65_536;
        yield { type: 'stdout', data: Buffer.alloc(65_536) };
      }
      yield usage;
      yield completed;
    });
    const frames = client.run({ ...request, limits: wide }, never)[Symbol.asyncIterator]();
    await frames.next();
    await client.health();
    await client.health();
    expect(sent).toBeLessThanOrEqual(512 * 1024 + 65_536);
    while (!(await frames.next()).done);
    expect(sent).toBe(64 * 65_536);
  });

  test('limits above the tool’s own are clamped by the runner', async () => {
    const seen: unknown[] = [];
    const { client } = await linked(async function* (asked) {
      seen.push(asked.limits);
      yield started;
      yield usage;
      yield completed;
    });
    await collect(
      client.run({ ...request, limits: { ...limits, timeoutMs: 999_999, memoryMiB: 1_000_000 } }, never),
    );
    expect(seen).toEqual([limits]);
  });

  test('a callId that the runner has seen runs nothing', async () => {
    let runs = 0;
    const { client } = await linked(async function* () {
      runs += 1;
      yield started;
      yield usage;
      yield completed;
    });
    await collect(client.run(request, never));
    await expect(collect(client.run(request, never))).rejects.toThrow(NotStarted);
    expect(runs).toBe(1);
  });

  test('an unknown tool or revision runs nothing', async () => {
    const { client } = await linked(() => {
      throw new Error('must not run');
    });
    await expect(collect(client.run({ ...request, tool: 'other' }, never))).rejects.toThrow(
      'does not hold tool other',
    );
    await expect(
      collect(
        client.run({ ...request, callId: 'call_01J00000000000000000000002', revision: 'sha256:b' }, never),
      ),
    ).rejects.toThrow('revision sha256:b');
  });

  test('a runner that goes away in mid-call leaves the call lost, and later calls not started', async () => {
    const { client, server } = await linked(async function* () {
      yield started;
      await new Promise(() => {});
    });
    const frames = client.run(request, never)[Symbol.asyncIterator]();
    await frames.next();
    server.destroy();
    await expect(frames.next()).rejects.toThrow(Lost);
    await client.closed;
    await expect(
      collect(client.run({ ...request, callId: 'call_01J00000000000000000000003' }, never)),
    ).rejects.toThrow(NotStarted);
  });

  test('an api that goes away in mid-call ends the sandbox', async () => {
    const aborted = Promise.withResolvers<void>();
    const { client, api, closed } = await linked(async function* (_request, signal) {
      yield started;
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
      aborted.resolve();
    });
    const frames = client.run(request, never)[Symbol.asyncIterator]();
    await frames.next();
    api.destroy();
    await expect(aborted.promise).resolves.toBeUndefined();
    expect(await closed).toContain('closed');
  });

  test('aborting asks the runner to cancel', async () => {
    const { client } = await linked(async function* (_request, signal) {
      yield started;
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
      yield usage;
      yield { type: 'exit', reason: 'cancelled', error: null };
    });
    const abort = new AbortController();
    const frames = client.run(request, abort.signal)[Symbol.asyncIterator]();
    await frames.next();
    abort.abort();
    await frames.next();
    expect((await frames.next()).value).toMatchObject({ type: 'exit', reason: 'cancelled' });
  });

  test('an executor that ends without an exit frame leaves the call lost, not hanging', async () => {
    const { client } = await linked(async function* () {
      yield started;
    });
    await expect(collect(client.run(request, never))).rejects.toThrow(Lost);
  });

  test('a malformed run frame or excess argument bytes end the link', async () => {
    const [api, runner] = await socketPair();
    const closed = Promise.withResolvers<string>();
    void new RunnerServer({
      stream: runner,
      revisions: { hold: async () => 'sha256:a', profileOf: () => profile },
      executors: Promise.resolve([]),
      seenCalls: new SeenCalls(),
      logger: { warn: () => {}, error: () => {} },
      onClosed: closed.resolve,
    });
    api.write(encodeControl('hello', 0, { protocol: protocolVersion, revision: 'sha256:a' }));
    api.write(encodeControl('run', 1, { ...request, args: undefined, argsBytes: 2 }));
    api.write(encodeFrame('args', 1, Buffer.from('{} ')));
    expect(await closed.promise).toBe('more bytes than the run frame announced');
  });
});

describe('the greeting', () => {
  async function greeted(hello: object, first?: Buffer): Promise<{ closed: string } | { hello: unknown }> {
    const [api, runner] = await socketPair();
    const closed = Promise.withResolvers<string>();
    void new RunnerServer({
      stream: runner,
      revisions: { hold: async () => 'sha256:latest', profileOf: () => profile },
      executors: Promise.resolve([]),
      seenCalls: new SeenCalls(),
      logger: { warn: () => {}, error: () => {} },
      onClosed: closed.resolve,
    });
    const answered = Promise.withResolvers<unknown>();
    const decoder = new FrameDecoder(['hello']);
    api.on('data', (chunk: Buffer) =>
      decoder.decode(chunk, (frame) => answered.resolve(parseControl(frame))),
    );
    if (first !== undefined) api.write(first);
    api.write(encodeControl('hello', 0, hello));
    return Promise.race([
      closed.promise.then((reason) => ({ closed: reason })),
      answered.promise.then((value) => ({ hello: value })),
    ]);
  }

  test('tells an api that asks for a revision it does not hold which one it has', async () => {
    expect(await greeted({ protocol: protocolVersion, revision: 'sha256:other' })).toEqual({
      hello: { protocol: protocolVersion, revision: 'sha256:latest' },
    });
  });

  test('tells an api of another version its own, and runs nothing for it', async () => {
    expect(await greeted({ protocol: 1, revision: 'sha256:a' })).toEqual({
      hello: { protocol: protocolVersion, revision: '' },
    });
  });

  test('comes before any call', async () => {
    const run = encodeControl('run', 1, { ...request, args: undefined, argsBytes: 2 });
    expect(await greeted({ protocol: protocolVersion, revision: 'sha256:a' }, run)).toEqual({
      closed: 'a call before the greeting',
    });
  });
});

test('a call that is refused while its arguments are on their way says so, and does not wait for ever', async () => {
  const { client } = await linked(async function* () {
    yield started;
    yield usage;
    yield completed;
  });
  await collect(client.run(request, never));
  const large = { ...request, args: Buffer.alloc(4 * 1024 * 1024, 32) };
  await expect(collect(client.run(large, never))).rejects.toThrow('runs nothing twice');
});

test('a runner may take its time until its first word, and little after that', () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  try {
    const silences: string[] = [];
    using liveness = new Liveness({ ping: () => {}, onSilent: (reason) => silences.push(reason) });
    vi.advanceTimersByTime(60_000);
    expect(silences).toEqual([]);
    liveness.heard();
    vi.advanceTimersByTime(11_999);
    expect(silences).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(silences).toEqual(['it has not answered for 10 s']);
  } finally {
    vi.useRealTimers();
  }
});
