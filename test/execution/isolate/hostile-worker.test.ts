/** A worker that a guest has taken over: real processes that say on the wire what no honest worker says. */
import { readFileSync } from 'node:fs';
import { assert, asyncProperty, uint8Array } from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ExecutionFrame } from '../../../src/execution/executor.ts';
import { spawnWorker } from '../../../src/execution/isolate/spawn-worker.ts';
import { IsolateCall } from '../../../src/execution/isolate/isolate-call.ts';
import { WorkerProcess } from '../../../src/execution/isolate/worker-process.ts';
import type { WorkerExit } from '../../../src/execution/isolate/worker-process.ts';
import { encodeControl, encodeFrame } from '../../../src/execution/protocol/frame.ts';
import type { FrameType } from '../../../src/execution/protocol/frame.ts';
import type { Limits } from '../../../src/model/limits.ts';
import { limits, toolProfile } from './support.ts';

/** Answers its first call with the bytes that it was given, then stays. */
const program = `
  const fs = require('node:fs');
  fs.writeSync(3, Buffer.from(process.argv[1], 'hex'));
  fs.readSync(3, Buffer.alloc(65536));
  const answer = Buffer.from(process.argv[2], 'hex');
  for (let sent = 0; sent < answer.length;) sent += fs.writeSync(3, answer, sent);
  setInterval(() => {}, 1000);
`;
const ready = encodeControl('ready', 1, {});
const ended = { outcome: { kind: 'returned' }, dropped: { stdout: 0, stderr: 0 }, cpuMs: 1, memoryBytes: 0 };

interface Verdict {
  readonly exit: Extract<ExecutionFrame, { type: 'exit' }> | undefined;
  readonly usage: Extract<ExecutionFrame, { type: 'usage' }> | undefined;
  readonly resultBytes: number;
  readonly logBytes: number;
}

function callHostileWorker(answer: Buffer, narrowed: Partial<Limits> = {}): Promise<Verdict> {
  return callProgram(['-e', program, ready.toString('hex'), answer.toString('hex')], narrowed);
}

async function callProgram(args: readonly string[], narrowed: Partial<Limits> = {}): Promise<Verdict> {
  const { promise: isReady, resolve } = Promise.withResolvers<void>();
  const launched = spawnWorker(process.execPath, args);
  const worker = new WorkerProcess(launched, { onReady: () => resolve(), onExit: () => resolve() });
  await isReady;
  const request = {
    callId: 'call_1',
    tenant: 'acme',
    principal: 'alice',
    revision: 'r1',
    tool: 'a_tool',
    limits: { ...limits, timeoutMs: 2000, ...narrowed },
    args: Buffer.from('{}'),
    profile: toolProfile('export default () => 1;'),
  };
  const call = new IsolateCall({ worker, request, confinement: 'process', warm: true });
  const frames: ExecutionFrame[] = [];
  for await (const frame of call.frames) frames.push(frame);
  worker.kill();
  await worker.exited;
  return {
    exit: frames.find((frame) => frame.type === 'exit'),
    usage: frames.find((frame) => frame.type === 'usage'),
    resultBytes: bytesOf(frames, ['result']),
    logBytes: bytesOf(frames, ['stdout', 'stderr']),
  };
}

function bytesOf(frames: readonly ExecutionFrame[], types: readonly string[]): number {
  return frames.reduce(
    (sum, frame) => sum + ('data' in frame && types.includes(frame.type) ? frame.data.length : 0),
    0,
  );
}

function data(type: FrameType, bytes: number): Buffer {
  return encodeFrame(type, 1, Buffer.alloc(bytes, 'x'));
}

const end = encodeControl('ended', 1, ended);

describe('a worker that was taken over', () => {
  test('and plays by the rules is believed', async () => {
    const { exit, resultBytes } = await callHostileWorker(Buffer.concat([data('result', 4), end]));
    expect(exit?.reason).toBe('completed');
    expect(resultBytes).toBe(4);
  });

  test.each<[string, Buffer, string]>([
    ['a type that does not exist', Buffer.from('00000000ff00000001', 'hex'), 'frame type 255'],
    ['a frame that only runners send', encodeControl('usage', 1, {}), 'usage frame from this side'],
    ['a forged exit', encodeControl('exit', 1, { reason: 'completed' }), 'exit frame from this side'],
    [
      'an artifact, which isolates have none of',
      encodeControl('artifact', 1, { name: 'x' }),
      'artifact frame from',
    ],
    ['another channel', encodeFrame('result', 2, Buffer.from('1')), 'result frame on channel 2'],
    ['the connection channel', encodeFrame('result', 0, Buffer.from('1')), 'result frame on channel 0'],
    ['an oversized frame', Buffer.from('7fffffff4300000001', 'hex'), 'result frame of 2147483647 bytes'],
    ['ready in mid-call', ready, 'ready while busy'],
  ])('and sends %s is killed as crashed', async (_what, answer, detail) => {
    const { exit } = await callHostileWorker(answer);
    expect(exit?.reason).toBe('crashed');
    expect(exit?.error?.message).toContain(detail);
  });

  test.each<[string, unknown]>([
    ['nothing', {}],
    ['an unknown outcome', { ...ended, outcome: { kind: 'timed_out' } }],
    ['an error without a name', { ...ended, outcome: { kind: 'threw', error: { message: 'x' } } }],
    ['an error of numbers', { ...ended, outcome: { kind: 'threw', error: { name: 1, message: 2 } } }],
    [
      'an error too long',
      { ...ended, outcome: { kind: 'threw', error: { name: 'x', message: 'x'.repeat(4097) } } },
    ],
    ['negative counts', { ...ended, dropped: { stdout: -1, stderr: 0 } }],
    ['counts that are no counts', { ...ended, dropped: { stdout: 0.5, stderr: 0 } }],
    ['no time', { ...ended, cpuMs: null }],
  ])('and ends with %s is killed as crashed', async (_what, payload) => {
    const { exit } = await callHostileWorker(encodeControl('ended', 1, payload as object));
    expect(exit?.reason).toBe('crashed');
    expect(exit?.error?.message).toContain('an end that cannot be read');
  });

  test('and sends more result than it may is an output limit, and no byte of the excess is handed on', async () => {
    const { exit, resultBytes, usage } = await callHostileWorker(
      Buffer.concat([data('result', 600), data('result', 600), end]),
      { outputBytes: 1000 },
    );
    expect(exit?.reason).toBe('output_limit');
    expect(resultBytes).toBe(600);
    expect(usage?.outputBytes).toBe(600);
  });

  test('and sends more logs than it may has them cut and counted', async () => {
    const { exit, logBytes, usage } = await callHostileWorker(
      Buffer.concat([data('stdout', 700), data('stderr', 700), end]),
      { logBytes: 1000 },
    );
    expect(exit?.reason).toBe('completed');
    expect(logBytes).toBe(1000);
    expect(usage?.truncated).toEqual([{ stream: 'stderr', keptBytes: 300, droppedBytes: 400 }]);
  });

  test('and floods with frames of one byte is killed as crashed', async () => {
    const flood = Buffer.concat(Array.from({ length: 500 }, () => data('stdout', 1)));
    const { exit, logBytes } = await callHostileWorker(flood, { hostCalls: 100, logBytes: 1000 });
    expect(exit?.reason).toBe('crashed');
    expect(logBytes).toBeLessThanOrEqual(102);
  });

  test.each([
    ['FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory', 'out_of_memory'],
    ['Segmentation fault', 'crashed'],
  ])('and dies with the words %j ends as %s', async (words, reason) => {
    const dying = `
      require('node:fs').writeSync(3, Buffer.from('${ready.toString('hex')}', 'hex'));
      require('node:fs').readSync(3, Buffer.alloc(65536));
      require('node:fs').writeSync(2, ${JSON.stringify(words)});
      process.abort();
    `;
    expect((await callProgram(['-e', dying])).exit?.reason).toBe(reason);
  });

  test('and stops in the middle of a frame ends at the deadline', async () => {
    const { exit } = await callHostileWorker(Buffer.from('0000001043000000', 'hex'), { timeoutMs: 200 });
    expect(exit?.reason).toBe('timed_out');
  });

  test('and leaves a process behind has it killed with itself', async () => {
    const leaving = `
      const child = require('node:child_process').spawn('/bin/sleep', ['60'], { stdio: ['ignore', 'ignore', 2] });
      require('node:fs').writeSync(2, String(child.pid));
      process.exit(1);
    `;
    const { promise, resolve } = Promise.withResolvers<WorkerExit>();
    const worker = new WorkerProcess(spawnWorker(process.execPath, ['-e', leaving]), {
      onReady: () => {},
      onExit: (_worker, exit) => resolve(exit),
    });
    const { lastWords } = await promise;
    await worker.exited;
    expect(lastWords).toMatch(/^\d+$/);
    expect(isRunning(Number(lastWords))).toBe(false);
  });

  test('and sends random bytes never completes and never hangs the runner', async () => {
    await assert(
      asyncProperty(uint8Array({ minLength: 1, maxLength: 200 }), async (bytes) => {
        const { exit } = await callHostileWorker(Buffer.from(bytes), { timeoutMs: 100 });
        expect(['crashed', 'timed_out']).toContain(exit?.reason);
      }),
      { numRuns: 8 },
    );
  });
});

/** A process gives up its memory, and with it its command line, before it closes the pipe that it was given. */
function isRunning(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1') !== '';
  } catch {
    return false;
  }
}
