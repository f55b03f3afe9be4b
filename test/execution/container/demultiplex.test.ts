import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { Demultiplexer } from '../../../src/execution/container/demultiplex.ts';

type Part = readonly ['stdout' | 'stderr', Uint8Array];

function encode(parts: readonly Part[]): Buffer {
  return Buffer.concat(
    parts.map(([stream, bytes]) => {
      const header = Buffer.alloc(8);
      header.writeUInt8(stream === 'stdout' ? 1 : 2, 0);
      header.writeUInt32BE(bytes.length, 4);
      return Buffer.concat([header, bytes]);
    }),
  );
}

function decode(chunks: readonly Uint8Array[]): { stdout: string; stderr: string; isWhole: boolean } {
  const demultiplexer = new Demultiplexer();
  const out = { stdout: [] as Uint8Array[], stderr: [] as Uint8Array[] };
  for (const chunk of chunks) {
    const fault = demultiplexer.write(chunk, (stream, bytes) => out[stream].push(Uint8Array.from(bytes)));
    if (fault !== null) throw new Error(fault);
  }
  return {
    stdout: Buffer.concat(out.stdout).toString('hex'),
    stderr: Buffer.concat(out.stderr).toString('hex'),
    isWhole: demultiplexer.isBetweenFrames,
  };
}

function cut(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  let at = 0;
  for (const size of sizes) {
    chunks.push(bytes.subarray(at, at + size));
    at += size;
  }
  return [...chunks, bytes.subarray(at)];
}

const parts = fc.array(
  fc.tuple(fc.constantFrom('stdout' as const, 'stderr' as const), fc.uint8Array({ maxLength: 40 })),
  { maxLength: 20 },
);

test('streams come apart the same, in whatever pieces they arrive', () => {
  fc.assert(
    fc.property(parts, fc.array(fc.nat(30)), (given, sizes) => {
      const joined = (stream: string): string =>
        Buffer.concat(given.filter(([of]) => of === stream).map(([, bytes]) => bytes)).toString('hex');
      expect(decode(cut(encode(given), sizes))).toEqual({
        stdout: joined('stdout'),
        stderr: joined('stderr'),
        isWhole: true,
      });
    }),
  );
});

test('arbitrary bytes never throw, and nothing is handed on after a fault', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 20 }), (chunks) => {
      const demultiplexer = new Demultiplexer();
      let fault: string | null = null;
      let handedAfterFault = 0;
      for (const chunk of chunks) {
        const wasFaulty = fault !== null;
        fault = demultiplexer.write(chunk, () => {
          if (wasFaulty) handedAfterFault++;
        });
      }
      expect(handedAfterFault).toBe(0);
    }),
  );
});

test('a hundred thousand one-byte frames in one chunk are taken apart without recursion', () => {
  const frame = encode([['stdout', Uint8Array.of(7)]]);
  const { stdout } = decode([Buffer.concat(Array.from({ length: 100_000 }, () => frame))]);
  expect(stdout.length).toBe(200_000);
});

test('an unknown stream and a frame of gigabytes are faults', () => {
  const write = (bytes: number[]): string | null =>
    new Demultiplexer().write(Uint8Array.from(bytes), () => {});
  expect(write([3, 0, 0, 0, 0, 0, 0, 1])).toBe('attach stream: unknown stream 3');
  expect(write([1, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff])).toBe('attach stream: a frame of 2147483647 bytes');
});

test('a stream that ends inside of a frame is not whole', () => {
  expect(decode([encode([['stdout', Uint8Array.of(1, 2, 3)]]).subarray(0, 10)])).toEqual({
    stdout: '0102',
    stderr: '',
    isWhole: false,
  });
});
