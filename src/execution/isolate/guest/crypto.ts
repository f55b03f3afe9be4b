/** Inside the isolate: the part of `crypto` that needs no keys. Random bytes come from the worker. */
import type { HostCall } from './host-call.ts';

export function defineCrypto(callHost: HostCall): Record<string, unknown> {
  const bytesMax = 65_536;

  function fill(bytes: Uint8Array): void {
    const random = callHost('random', bytes.length) as string;
    for (let at = 0; at < bytes.length; at += 1) bytes[at] = random.charCodeAt(at);
  }

  function getRandomValues(view: unknown): unknown {
    const isIntegers =
      ArrayBuffer.isView(view) &&
      !(view instanceof DataView || view instanceof Float32Array || view instanceof Float64Array);
    if (!isIntegers) throw new TypeError('getRandomValues takes a typed array of integers');
    if (view.byteLength > bytesMax)
      throw new RangeError(`getRandomValues fills at most ${bytesMax} bytes at once`);
    fill(new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
    return view;
  }

  function randomUUID(): string {
    const bytes = new Uint8Array(16);
    fill(bytes);
    bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
    bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
    const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  }

  return { crypto: Object.freeze({ getRandomValues, randomUUID }) };
}
