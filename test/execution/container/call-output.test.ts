import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { CallOutput } from '../../../src/execution/container/call-output.ts';
import type { ExecutionFrame } from '../../../src/execution/executor.ts';
import { frameTypes } from '../../../src/execution/protocol/frame.ts';
import type { FrameType } from '../../../src/execution/protocol/frame.ts';
import { generousLimits } from '../../support/container-calls.ts';

function send(output: CallOutput, type: FrameType, payload: string | object): void {
  const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
  output.onFrame({ type, channel: 1, payload: Buffer.from(text) });
}

const ended = { code: 0, signal: 0, droppedFiles: 0, droppedBytes: 0 };

async function framesOf(output: CallOutput): Promise<ExecutionFrame[]> {
  output.queue.end();
  return await Array.fromAsync(output.queue);
}

test('logs are kept up to the cap of both together, and the rest is counted', async () => {
  const output = new CallOutput({ ...generousLimits, logBytes: 5 }, true);
  send(output, 'stdout', 'abc');
  send(output, 'stderr', 'def');
  send(output, 'stdout', 'g');
  expect(output.truncated).toEqual([
    { stream: 'stdout', keptBytes: 3, droppedBytes: 1 },
    { stream: 'stderr', keptBytes: 2, droppedBytes: 1 },
  ]);
  expect(await framesOf(output)).toEqual([
    { type: 'stdout', data: Uint8Array.from(Buffer.from('abc')) },
    { type: 'stderr', data: Uint8Array.from(Buffer.from('de')) },
  ]);
});

test('an artifact is handed on whole or not at all', async () => {
  const output = new CallOutput({ ...generousLimits, artifactBytes: 5 }, true);
  for (const [name, ...parts] of [['a', 'xx', 'y'], ['too-big', 'xxx'], ['b', 'zz'], ['empty']]) {
    send(output, 'artifact', { name });
    for (const part of parts) send(output, 'artifactData', part);
  }
  send(output, 'ended', { ...ended, droppedFiles: 1, droppedBytes: 9 });
  expect(output.truncated).toEqual([{ stream: 'artifacts', keptBytes: 5, droppedBytes: 12 }]);
  const frames = await framesOf(output);
  expect(
    frames.map((frame) => ('name' in frame ? `${frame.name}=${Buffer.from(frame.data).toString()}` : '')),
  ).toEqual(['a=xxy', 'b=zz', 'empty=']);
});

test('an artifact whose name is no plain path is dropped', async () => {
  const output = new CallOutput(generousLimits, true);
  send(output, 'artifact', { name: '../../etc/cron.d/x' });
  send(output, 'artifactData', 'x');
  send(output, 'ended', ended);
  expect(output.truncated).toEqual([{ stream: 'artifacts', keptBytes: 0, droppedBytes: 1 }]);
  expect(await framesOf(output)).toEqual([]);
});

test('artifacts beyond as many as a supervisor sends are dropped: it can be forged where a kernel lets code reach it', async () => {
  const output = new CallOutput(generousLimits, true);
  for (let count = 0; count < 300; count += 1) send(output, 'artifact', { name: `a${count}` });
  send(output, 'ended', ended);
  expect(output.truncated).toEqual([{ stream: 'artifacts', keptBytes: 0, droppedBytes: 0 }]);
  expect(await framesOf(output)).toHaveLength(256);
});

test('a result beyond the cap and its envelope ends the call', async () => {
  const output = new CallOutput({ ...generousLimits, outputBytes: 10 }, true);
  send(output, 'result', 'x'.repeat(65_536));
  send(output, 'result', 'x'.repeat(10));
  expect(output.result.length).toBe(65_546);
  send(output, 'result', 'x');
  expect(await output.end).toEqual({ kind: 'output_limit' });
});

test('frames out of turn and control frames of another form are faults', async () => {
  const faultOf = async (type: FrameType, payload: string | object): Promise<unknown> => {
    const output = new CallOutput(generousLimits, true);
    send(output, type, payload);
    return await output.end;
  };
  expect(await faultOf('ready', {})).toEqual({ kind: 'fault', message: 'a frame of type ready out of turn' });
  expect(await faultOf('artifact', '[]')).toEqual({ kind: 'fault', message: 'an artifact without a name' });
  expect(await faultOf('artifactData', 'x')).toEqual({ kind: 'fault', message: 'data of no artifact' });
  expect(await faultOf('ended', { ...ended, code: '0' })).toEqual({
    kind: 'fault',
    message: 'an end that is not understood',
  });
});

test('a reader that stops makes the sandbox wait, also for one-byte frames', async () => {
  const output = new CallOutput(generousLimits, true);
  for (let i = 0; i < 1019; i++) send(output, 'stdout', 'x');
  await output.room();
  send(output, 'stdout', 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'.repeat(8));
  let hasRoom = false;
  const room = output.room().then(() => (hasRoom = true));
  await Promise.resolve();
  expect(hasRoom).toBe(false);
  const reader = output.queue[Symbol.asyncIterator]();
  for (let i = 0; i < 5; i++) await reader.next();
  await room;
});

test('no order of frames throws', () => {
  const types = Object.keys(frameTypes) as FrameType[];
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.constantFrom(...types), fc.oneof(fc.string(), fc.json()))),
      fc.boolean(),
      (frames, keepsResult) => {
        const output = new CallOutput(generousLimits, keepsResult);
        for (const [type, payload] of frames) send(output, type, payload);
        expect(output.logBytes).toBeGreaterThanOrEqual(0);
      },
    ),
  );
});
