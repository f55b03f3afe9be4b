import { afterEach, beforeAll, expect, test } from 'vitest';

import { Engine } from '../../../src/execution/container/engine.ts';
import { containerSpec } from '../../../src/execution/container/host-config.ts';
import { resolveImage } from '../../../src/execution/container/images.ts';
import { Sandbox } from '../../../src/execution/container/sandbox.ts';
import { labels } from '../../../src/execution/container/sweep.ts';
import { encodeControl, encodeFrame } from '../../../src/execution/protocol/frame.ts';
import type { Frame } from '../../../src/execution/protocol/frame.ts';
import {
  buildImages,
  dockerHost,
  imagesDirectory,
  profileOf,
  silentLogger,
} from '../../support/container-calls.ts';

const profile = profileOf('shell');
let cleanup = new AsyncDisposableStack();
beforeAll(async () => await buildImages('shell'), 600_000);
afterEach(async () => {
  await cleanup.disposeAsync();
  cleanup = new AsyncDisposableStack();
});

/** What the supervisor of a shell answers to these bytes: its frames, and why it gave up. */
async function answerTo(pieces: readonly Uint8Array[]): Promise<{ frames: string[]; complaint: string }> {
  const engine = new Engine(dockerHost);
  const spec = containerSpec(profile, {
    imageId: await resolveImage(engine, imagesDirectory, profile.image),
    cgroupParent: '/sallyport',
    labels: {
      [labels.instance]: `test-supervisor-${process.pid}`,
      [labels.call]: 'c',
      [labels.deadline]: String(Date.now() + 60_000),
    },
  });
  const sandbox = cleanup.use(
    await Sandbox.start(engine, spec, {
      signal: new AbortController().signal,
      logger: silentLogger,
      onRemoved: () => {},
    }),
  );
  const frames: string[] = [];
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  sandbox.listen({
    onFrame: ({ type, payload }: Frame) => {
      frames.push(`${type}:${Buffer.from(payload).toString()}`);
      if (type === 'ended') resolve();
    },
    fail: () => resolve(),
    room: async () => {},
  });
  await sandbox.send(pieces);
  await Promise.race([ended, sandbox.closed]);
  return { frames, complaint: sandbox.complaint };
}

const bytes = (text: string): Buffer => Buffer.from(text);
const file = (path: string): Buffer => encodeControl('file', 1, { path });
const script = (text: string): Buffer => encodeFrame('args', 1, bytes(text));
const end = encodeControl('end', 1, {});

test('a request in one-byte pieces is understood', async () => {
  const whole = Buffer.concat([
    file('a"\\b'),
    encodeFrame('fileData', 1, bytes('hi\n')),
    script('cat a*'),
    end,
  ]);
  const { frames } = await answerTo(Array.from(whole, (byte) => Buffer.of(byte)));
  expect(frames).toEqual([
    'stdout:hi\n',
    'ended:{"code":0,"signal":0,"droppedFiles":0,"droppedBytes":0,"goesOn":false}',
  ]);
});

test.each([
  ['../x', "supervisor: a file's path cannot be made: Invalid argument"],
  ['a/../../x', "supervisor: a file's path cannot be made: Invalid argument"],
  ['/etc/x', "supervisor: a file's path cannot be made: Invalid argument"],
  ['a//b', "supervisor: a file's path cannot be made: Invalid argument"],
  ['.', "supervisor: a file's path cannot be made: Invalid argument"],
  ['', "supervisor: a file's path cannot be made: Invalid argument"],
  ['a\nb', "supervisor: a file's path holds a control character"],
  [`${'a/'.repeat(20)}b`, "supervisor: a file's path cannot be made: Invalid argument"],
  ['x'.repeat(1100), "supervisor: a file's path is too long"],
  ['out', 'supervisor: out: File exists'],
])('the path %j ends the sandbox before any code runs', async (path, complaint) => {
  expect(await answerTo([file(path), script('echo ran'), end])).toEqual({ frames: [], complaint });
});

test.each([
  ['an unknown type', Buffer.of(0, 0, 0, 0, 99, 0, 0, 0, 1), 'supervisor: an unknown frame of type 99'],
  [
    'a frame of gigabytes',
    Buffer.of(0xff, 0, 0, 0, 64, 0, 0, 0, 1),
    'supervisor: a frame of 4278190080 bytes',
  ],
  [
    'data of no file',
    encodeFrame('fileData', 1, bytes('x')),
    'supervisor: data of a file that was not opened',
  ],
  [
    'another JSON',
    encodeFrame('file', 1, bytes('{"path":"a"} ')),
    'supervisor: a file frame is not understood',
  ],
  [
    'a cut JSON',
    encodeFrame('file', 1, bytes('{"path":"a\\')),
    "supervisor: a file's path holds a control character",
  ],
])('%s ends the sandbox', async (_, frame, complaint) => {
  expect(await answerTo([frame])).toEqual({ frames: [], complaint });
});

test('a file after the request has begun ends the sandbox', async () => {
  const { complaint } = await answerTo([script('sleep 1000'), file('a')]);
  expect(complaint).toBe('supervisor: a frame of type 13 out of turn');
});

const session = encodeControl('session', 1, {});
const put = encodeControl('filePut', 1, { path: 'a' });

test.each([
  ['a file operation outside of a session', [put], 'supervisor: an unknown frame of type 19'],
  ['a second greeting', [session, session], 'supervisor: a file frame is not understood'],
  [
    'data before a file',
    [session, encodeFrame('fileData', 1, bytes('x'))],
    'supervisor: a file frame is not understood',
  ],
  ['an operation within a put', [session, put, put], 'supervisor: a frame of type 19 out of turn'],
  ['a call within a put', [session, put, script('echo ran')], 'supervisor: a frame of type 64 out of turn'],
  ['a file of a single call', [session, file('a')], 'supervisor: a frame of type 13 out of turn'],
  ['an end of nothing', [session, end], 'supervisor: a file frame is not understood'],
])('in a session, %s ends the sandbox', async (_, pieces, complaint) => {
  expect(await answerTo(pieces)).toEqual({ frames: [], complaint });
});

test('a request larger than a pipe waits for a child that is slow to read', async () => {
  const lines = bytes(': a line\n'.repeat(7000));
  const slow = encodeFrame('args', 1, bytes('sleep 0.3\n'));
  const { frames } = await answerTo([
    slow,
    encodeFrame('args', 1, lines),
    encodeFrame('args', 1, lines),
    script('echo last'),
    end,
  ]);
  expect(frames[0]).toBe('stdout:last\n');
});

test('a child that ends without reading its request to the end is no harm', async () => {
  const lines = encodeFrame('args', 1, bytes(': a line\n'.repeat(7000)));
  const { frames } = await answerTo([script('exit 5\n'), lines, lines, lines, lines, end]);
  expect(frames).toEqual(['ended:{"code":5,"signal":0,"droppedFiles":0,"droppedBytes":0,"goesOn":false}']);
});
