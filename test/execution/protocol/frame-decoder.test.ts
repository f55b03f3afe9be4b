import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FrameDecoder } from '../../../src/execution/protocol/frame-decoder.ts';
import {
  encodeControl,
  encodeFrame,
  frameTypes,
  headerBytes,
  payloadBytesMax,
} from '../../../src/execution/protocol/frame.ts';
import type { Frame, FrameType } from '../../../src/execution/protocol/frame.ts';

const dataTypes = ['stdout', 'stderr', 'result', 'args'] as const;

function decodeAll(
  decoder: FrameDecoder,
  chunks: readonly Uint8Array[],
): { frames: Frame[]; violation: unknown } {
  const frames: Frame[] = [];
  let violation: unknown = null;
  for (const chunk of chunks) {
    violation = decoder.decode(chunk, (frame) =>
      frames.push({ ...frame, payload: Uint8Array.from(frame.payload) }),
    );
  }
  return { frames, violation };
}

function split(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  let offset = 0;
  for (let index = 0; offset < bytes.length; index += 1) {
    const size = sizes[index % sizes.length] ?? 1;
    chunks.push(bytes.subarray(offset, offset + size));
    offset += size;
  }
  return chunks;
}

describe('frame decoder', () => {
  test('gives back every frame, however the bytes are cut', () => {
    const frame = fc.record({
      type: fc.constantFrom(...dataTypes),
      channel: fc.integer({ min: 0, max: 0xffffffff }),
      payload: fc.uint8Array({ maxLength: 300 }),
    });
    fc.assert(
      fc.property(
        fc.array(frame, { maxLength: 20 }),
        fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1 }),
        (frames, sizes) => {
          const bytes = Buffer.concat(
            frames.map(({ type, channel, payload }) => encodeFrame(type, channel, payload)),
          );
          const decoded = decodeAll(new FrameDecoder(dataTypes), split(bytes, sizes));
          expect(decoded.violation).toBeNull();
          expect(decoded.frames).toEqual(frames);
        },
      ),
    );
  });

  test('never throws on hostile bytes and takes nothing after a violation', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 400 })), (chunks) => {
        const decoder = new FrameDecoder(['stdout']);
        const { violation } = decodeAll(decoder, chunks);
        if (violation === null) return;
        const after = decodeAll(decoder, [encodeFrame('stdout', 1, Buffer.from('later'))]);
        expect(after.frames).toEqual([]);
      }),
    );
  });

  test('refuses a frame that announces more than 64 KiB before it takes any of it', () => {
    const header = Buffer.alloc(headerBytes);
    header.writeUInt32BE(payloadBytesMax + 1, 0);
    header.writeUInt8(frameTypes.stdout, 4);
    expect(new FrameDecoder(['stdout']).decode(header, () => {})).toEqual({
      kind: 'oversized',
      detail: 'stdout frame of 65537 bytes',
    });
  });

  test('refuses a known type that this side may not send', () => {
    const forged = encodeControl('exit', 1, { reason: 'completed', error: null });
    expect(new FrameDecoder(['stdout', 'result']).decode(forged, () => {})).toEqual({
      kind: 'unexpected_type',
      detail: 'exit frame from this side',
    });
  });

  test('refuses an unknown type', () => {
    const header = Buffer.alloc(headerBytes);
    header.writeUInt8(250, 4);
    expect(new FrameDecoder(['stdout']).decode(header, () => {})).toEqual({
      kind: 'unknown_type',
      detail: 'frame type 250',
    });
  });

  test('says that a stream ended in the middle of a frame', () => {
    const decoder = new FrameDecoder(['stdout']);
    decoder.decode(encodeFrame('stdout', 1, Buffer.from('abc')).subarray(0, 10), () => {});
    expect(decoder.isMidFrame).toBe(true);
  });

  test('a frame over the cap cannot even be encoded', () => {
    expect(() => encodeFrame('stdout', 1, new Uint8Array(payloadBytesMax + 1))).toThrow(RangeError);
  });
});

test('type codes are frozen: harnesses in images speak them', () => {
  const expected: Record<FrameType, number> = {
    hello: 1,
    run: 2,
    cancel: 3,
    started: 4,
    usage: 5,
    exit: 6,
    notStarted: 7,
    lost: 8,
    artifact: 9,
    ready: 10,
    ended: 11,
    credit: 12,
    file: 13,
    end: 14,
    health: 15,
    ping: 16,
    pong: 17,
    session: 18,
    filePut: 19,
    fileGet: 20,
    fileList: 21,
    fileRemove: 22,
    fileEntry: 23,
    fileDone: 24,
    sessionAnswer: 25,
    sessionEnded: 26,
    args: 64,
    stdout: 65,
    stderr: 66,
    result: 67,
    artifactData: 68,
    fileData: 69,
  };
  expect(frameTypes).toEqual(expected);
});
