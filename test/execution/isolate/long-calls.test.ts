/** Which calls of a worker get another weight for the processor. A real process; its weights are only noted. */
import { expect, test } from 'vitest';
import { spawnWorker } from '../../../src/execution/isolate/spawn-worker.ts';
import { WorkerProcess } from '../../../src/execution/isolate/worker-process.ts';
import { encodeControl } from '../../../src/execution/protocol/frame.ts';

/** Takes the processor for as many hundredths of a second as each byte that it is sent says. */
const program = `
  const fs = require('node:fs');
  const [ready, ended] = process.argv.slice(1).map((hex) => Buffer.from(hex, 'hex'));
  const order = Buffer.alloc(1);
  for (fs.writeSync(3, ready); fs.readSync(3, order) > 0; fs.writeSync(3, Buffer.concat([ended, ready])))
    for (const before = process.cpuUsage(); process.cpuUsage(before).user < order[0] * 10000;);
`;
const frames = [encodeControl('ready', 1, {}), encodeControl('ended', 1, {})];

test('a call that takes the processor for long steps back until it ends or is killed, a short one does not', async () => {
  const weights: boolean[] = [];
  const told: number[] = [];
  const launched = spawnWorker(process.execPath, [
    '-e',
    program,
    ...frames.map((frame) => frame.toString('hex')),
  ]);
  let tellLong = (): void => {};
  launched.weigh = (isLong) => {
    weights.push(isLong);
    if (isLong) tellLong();
  };
  let tellReady = (): void => {};
  const nextReady = (): Promise<void> => new Promise((resolve) => (tellReady = resolve));
  const started = nextReady();
  const worker = new WorkerProcess(launched, {
    onReady: () => tellReady(),
    onCpu: (_worker, ms) => told.push(ms),
    onExit: () => {},
  });
  await started;
  const call = async (hundredths: number): Promise<void> => {
    const ready = nextReady();
    worker.begin(Buffer.from([hundredths]), { onFrame: () => {}, onExit: () => {} });
    await ready;
  };
  await call(0);
  expect(weights.splice(0)).toEqual([false, false]);
  await call(60);
  expect(weights.splice(0)).toEqual([false, true, false]);
  expect(told.reduce((sum, ms) => sum + ms, 0)).toBeGreaterThan(50);
  told.splice(0);
  await call(1);
  weights.splice(0);
  expect(told.reduce((sum, ms) => sum + ms, 0)).toBeGreaterThan(5);
  worker.isBehind = true;
  await call(0);
  expect(weights.splice(0)).toEqual([true, false]);
  worker.isBehind = false;
  worker.begin(Buffer.from([255]), { onFrame: () => {}, onExit: () => {} });
  await new Promise<void>((resolve) => (tellLong = resolve));
  worker.kill();
  expect(weights).toEqual([false, true, false]);
  await worker.exited;
});
