/** Which calls of a worker get another weight for the processor. A real process; its weights are only noted. */
import { expect, test } from 'vitest';
import type { CpuTurn } from '../../../src/execution/cpu-weights.ts';
import { spawnWorker } from '../../../src/execution/isolate/spawn-worker.ts';
import { WorkerProcess } from '../../../src/execution/isolate/worker-process.ts';
import { encodeControl } from '../../../src/execution/protocol/frame.ts';

/** Takes the processor for as many hundredths of a second as each byte that it is sent says; is not ready after a 254 until it is sent another. */
const program = `
  const fs = require('node:fs');
  const [ready, ended] = process.argv.slice(1).map((hex) => Buffer.from(hex, 'hex'));
  const order = Buffer.alloc(1);
  for (fs.writeSync(3, ready); fs.readSync(3, order) > 0; fs.writeSync(3, ready)) {
    if (order[0] !== 254) for (const before = process.cpuUsage(); process.cpuUsage(before).user < order[0] * 10000;);
    fs.writeSync(3, ended);
    if (order[0] === 254) fs.readSync(3, order);
  }
`;
const frames = [encodeControl('ready', 1, {}), encodeControl('ended', 1, {})];

/** Its worker has spare time alone before and after it. */
const betweenCalls = ['spare', 'resting'];

test('a call that takes the processor for long steps back until it ends or is killed, a short one does not', async () => {
  const turns: CpuTurn[] = [];
  const told: number[] = [];
  const launched = spawnWorker(process.execPath, [
    '-e',
    program,
    ...frames.map((frame) => frame.toString('hex')),
  ]);
  let tellLong = (): void => {};
  launched.weigh = (turn) => {
    if (turns.at(-1) !== turn) turns.push(turn);
    if (turn === 'long') tellLong();
  };
  let tellReady = (): void => {};
  let isWaitedFor = false;
  const nextReady = (): Promise<void> => new Promise((resolve) => (tellReady = resolve));
  const started = nextReady();
  const worker = new WorkerProcess(launched, {
    onReady: () => tellReady(),
    onCpu: (_worker, ms) => told.push(ms),
    onExit: () => {},
    isWaitedFor: () => isWaitedFor,
  });
  await started;
  expect(turns.splice(0)).toEqual(betweenCalls);
  const call = async (hundredths: number): Promise<void> => {
    const ready = nextReady();
    worker.begin(Buffer.from([hundredths]), { onFrame: () => {}, onExit: () => {} });
    await ready;
  };
  await call(0);
  expect(turns.splice(0)).toEqual(['short', ...betweenCalls]);
  await call(60);
  expect(turns.splice(0)).toEqual(['short', 'long', ...betweenCalls]);
  expect(told.reduce((sum, ms) => sum + ms, 0)).toBeGreaterThan(50);
  told.splice(0);
  await call(1);
  turns.splice(0);
  expect(told.reduce((sum, ms) => sum + ms, 0)).toBeGreaterThan(5);
  worker.isBehind = true;
  await call(0);
  expect(turns.splice(0)).toEqual(betweenCalls);
  worker.isBehind = false;
  isWaitedFor = true;
  await call(0);
  expect(turns.splice(0)).toEqual(['short', 'resting']);
  isWaitedFor = false;
  const ready = nextReady();
  await new Promise<void>((resolve) =>
    worker.begin(Buffer.from([254]), { onFrame: () => resolve(), onExit: () => {} }),
  );
  worker.hurry();
  launched.channel.write(Buffer.of(0));
  await ready;
  expect(turns.splice(0)).toEqual(['short', 'spare', 'short', 'resting']);
  worker.begin(Buffer.from([255]), { onFrame: () => {}, onExit: () => {} });
  await new Promise<void>((resolve) => (tellLong = resolve));
  worker.kill();
  expect(turns).toEqual(['short', 'long', 'short']);
  await worker.exited;
});
