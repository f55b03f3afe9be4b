import { constants, gunzipSync, inflateSync } from 'node:zlib';

/** RFC 1952 §2.3.1: identification and the one method. */
export function isCompressed(data: Uint8Array): boolean {
  return isGzip(data) || isZlib(data);
}

function isGzip(data: Uint8Array): boolean {
  return data[0] === 0x1f && data[1] === 0x8b && data[2] === 8;
}

/** RFC 1950 §2.2: method 8 with a window of 32 KiB, no dictionary, and a header that is a multiple of 31. */
function isZlib(data: Uint8Array): boolean {
  const [first = 0, second = 0] = data;
  return first === 0x78 && (second & 0x20) === 0 && ((first << 8) | second) % 31 === 0;
}

/** As much as can be read of compressed data, one character a byte; empty when that is nothing, null when it is more than `bytesMax`. */
export function decompress(data: Uint8Array, bytesMax: number): string | null {
  const options = { maxOutputLength: Math.max(bytesMax, 1), finishFlush: constants.Z_SYNC_FLUSH };
  try {
    const read = isGzip(data) ? gunzipSync(data, options) : inflateSync(data, options);
    return read.toString('latin1');
  } catch (error) {
    const isTooLarge =
      error instanceof RangeError && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE';
    return isTooLarge ? null : '';
  }
}
