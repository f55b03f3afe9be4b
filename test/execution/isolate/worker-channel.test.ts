/** The worker's end of its connection. */
import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { WorkerChannel } from '../../../src/execution/isolate/worker/channel.ts';

test('after half a frame nothing more is sent', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-channel-'));
  const pipe = join(folder, 'pipe');
  execFileSync('/usr/bin/mkfifo', [pipe]);
  // A pipe that takes no more than it holds: the write ends in the middle.
  const descriptor = openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK);
  const channel = new WorkerChannel({ input: descriptor, output: descriptor });
  try {
    expect(() => channel.sendLog('stdout', Buffer.alloc(1024 * 1024))).toThrow('EAGAIN');
    expect(readSync(descriptor, Buffer.alloc(1024 * 1024))).toBeGreaterThan(0);
    expect(() => channel.sendControl('ready', {})).toThrow('in the middle of a frame');
  } finally {
    closeSync(descriptor);
    rmSync(folder, { recursive: true });
  }
});

test('after a write that sent nothing the next is served', () => {
  const channel = new WorkerChannel({ input: -1, output: -1 });
  expect(() => channel.sendControl('ready', {})).toThrow('out of range');
  expect(() => channel.sendControl('ready', {})).toThrow('out of range');
});
