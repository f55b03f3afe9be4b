/** What an api that was taken over can do to its runner beside running registered tools: nothing that others feel. */
import type { Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test, vi } from 'vitest';
import type { ExecutorHealth } from '../../../src/execution/executor.ts';
import {
  argsBytesMax,
  callsMax,
  heldBytesMax,
  protocolVersion,
} from '../../../src/execution/runner/messages.ts';
import { RunnerServer } from '../../../src/execution/runner/runner-server.ts';
import type { RunnerServerOptions } from '../../../src/execution/runner/runner-server.ts';
import { SeenCalls } from '../../../src/execution/runner/seen-calls.ts';
import { encodeControl, encodeFrame } from '../../../src/execution/protocol/frame.ts';
import type { FrameType } from '../../../src/execution/protocol/frame.ts';
import { FrameDecoder, parseControl } from '../../../src/execution/protocol/frame-decoder.ts';
import { executorOf, idOf, profile, request, socketPair } from './support.ts';

/** A runner over one end of a socket pair, and the other end, which nothing of the api's own code holds. */
async function bareRunner(changes: Partial<RunnerServerOptions> = {}): Promise<{
  api: Socket;
  closed: Promise<string>;
}> {
  const [api, stream] = await socketPair();
  const closed = Promise.withResolvers<string>();
  void new RunnerServer({
    stream,
    revisions: { hold: async () => 'sha256:a', profileOf: () => profile },
    executors: Promise.resolve([]),
    seenCalls: new SeenCalls(),
    logger: { warn: () => {}, error: () => {} },
    onClosed: closed.resolve,
    ...changes,
  });
  return { api, closed: closed.promise };
}

const hello = encodeControl('hello', 0, { protocol: protocolVersion, revision: 'sha256:a' });

function runFrame(channel: number, sequence: number, argsBytes = 2): Buffer {
  return encodeControl('run', channel, {
    ...request,
    callId: idOf(sequence),
    args: undefined,
    argsBytes,
  });
}

/** Control frames that a runner sends, as they come. */
async function answersOf(api: Socket, count: number): Promise<{ type: FrameType; fields: unknown }[]> {
  const answers: { type: FrameType; fields: unknown }[] = [];
  const decoder = new FrameDecoder(['hello', 'notStarted', 'health', 'pong']);
  const enough = Promise.withResolvers<void>();
  api.on('data', (chunk: Buffer) =>
    decoder.decode(chunk, (frame) => {
      answers.push({ type: frame.type, fields: parseControl(frame) });
      if (answers.length === count) enough.resolve();
    }),
  );
  await enough.promise;
  return answers;
}

describe('a compromised api', () => {
  test('that never reads what it is told is cut off', async () => {
    const { api, closed } = await bareRunner();
    api.pause();
    // Each is refused in some hundred bytes.
    const refused = Buffer.concat(Array.from({ length: 1000 }, () => runFrame(2, 1)));
    api.write(Buffer.concat([hello, runFrame(1, 1)]));
    const flood = (): void => {
      while (api.writable && api.write(refused));
      if (api.writable) api.once('drain', flood);
    };
    api.on('error', () => {});
    flood();
    expect(await closed).toBe('the other side does not read');
  });

  test('holds no memory with frames that carry nothing', async () => {
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    const { api } = await bareRunner();
    const answered = answersOf(api, 2);
    api.write(Buffer.concat([hello, runFrame(1, 1, 1_000_000)]));
    const empty = Buffer.concat(
      Array.from({ length: 10_000 }, () => encodeFrame('args', 1, Buffer.alloc(0))),
    );
    collectGarbage();
    const before = process.memoryUsage();
    for (let round = 0; round < 50; round += 1) await new Promise((resolve) => api.write(empty, resolve));
    api.write(encodeControl('ping', 0, {}));
    expect((await answered).map(({ type }) => type).toSorted()).toEqual(['hello', 'pong']);
    collectGarbage();
    const after = process.memoryUsage();
    expect(after.heapUsed + after.external - before.heapUsed - before.external).toBeLessThan(
      16 * 1024 * 1024,
    );
  });

  test('cannot open calls without end', async () => {
    const { api } = await bareRunner();
    const answered = answersOf(api, 3);
    api.write(hello);
    for (let channel = 1; channel <= callsMax + 1; channel += 1) api.write(runFrame(channel, channel));
    api.write(runFrame(callsMax + 2, callsMax + 2, argsBytesMax));
    expect((await answered).filter(({ type }) => type !== 'hello')).toMatchObject([
      { type: 'notStarted', fields: { code: 'overloaded' } },
      { type: 'notStarted', fields: { code: 'overloaded' } },
    ]);
  });

  test('nor announce more than a runner can hold', async () => {
    const { api } = await bareRunner();
    const answered = answersOf(api, 2);
    api.write(hello);
    for (let channel = 1; channel <= heldBytesMax / argsBytesMax + 1; channel += 1)
      api.write(runFrame(channel, channel, argsBytesMax));
    expect(await answered).toContainEqual({
      type: 'notStarted',
      fields: expect.objectContaining({ code: 'overloaded' }),
    });
  });

  test('learns how a runtime is from one look, however often it asks', async () => {
    let looks = 0;
    const look = Promise.withResolvers<ExecutorHealth>();
    const health = (): Promise<ExecutorHealth> => {
      looks += 1;
      return look.promise;
    };
    const { api } = await bareRunner({
      executors: Promise.resolve([{ ...executorOf(async function* () {}), health }]),
    });
    const answered = answersOf(api, 3);
    api.write(hello);
    for (let asked = 0; asked < 50; asked += 1) api.write(encodeControl('health', 0, {}));
    const last = answersOf(api, 2);
    api.write(encodeControl('ping', 0, {}));
    await last;
    look.resolve({ kind: 'isolate', state: 'ok', confinement: 'process', reason: null });
    expect((await answered).map(({ type }) => type).toSorted()).toEqual(['health', 'hello', 'pong']);
    expect(looks).toBe(1);
  });

  test('cannot make every later call look old with an id of a time to come', async () => {
    const { api } = await bareRunner({ seenCalls: new SeenCalls({ rememberedMax: 2, markedMax: 1 }) });
    const answered = answersOf(api, 2);
    api.write(hello);
    const future = { ...request, callId: 'call_7ZZZZZZZZZZZZZZZZZZZZZZZZZ', args: undefined, argsBytes: 2 };
    api.write(encodeControl('run', 1, future));
    expect(await answered).toContainEqual({
      type: 'notStarted',
      fields: expect.objectContaining({ message: expect.stringContaining('set the clocks') }),
    });
  });
});

test('an api that does not greet is let go', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    const { closed } = await bareRunner();
    vi.advanceTimersByTime(60_000);
    expect(await closed).toBe('no greeting within 60000 ms');
  } finally {
    vi.useRealTimers();
  }
});
