/**
 * Bytes to frames. The bytes are hostile: a worker or harness may have been taken over by the code it runs.
 * Memory is bounded by one frame (64 KiB and a header), whatever arrives in whatever pieces; a violation is a
 * value, and after it the decoder takes nothing more.
 */
import { frameTypeOf, headerBytes, isDataFrame, payloadBytesMax } from './frame.ts';
import type { Frame, FrameType } from './frame.ts';

export interface ProtocolViolation {
  readonly kind: 'unknown_type' | 'unexpected_type' | 'oversized';
  readonly detail: string;
}

export class FrameDecoder {
  readonly #allowed: ReadonlySet<FrameType>;
  readonly #header = Buffer.alloc(headerBytes);
  #headerFilled = 0;
  #payload: Buffer | null = null;
  #payloadFilled = 0;
  #type: FrameType = 'hello';
  #channel = 0;
  #violation: ProtocolViolation | null = null;

  /** `allowed`: the types that this peer may send at all. */
  constructor(allowed: Iterable<FrameType>) {
    this.#allowed = new Set(allowed);
  }

  /** True in the middle of a frame: a stream that ends here was cut off. */
  get isMidFrame(): boolean {
    return this.#headerFilled > 0;
  }

  /** Hands every complete frame to `onFrame`, in order. Returns the violation that ended decoding, if any. */
  decode(chunk: Uint8Array, onFrame: (frame: Frame) => void): ProtocolViolation | null {
    let offset = 0;
    while (this.#violation === null) {
      if (this.#headerFilled < headerBytes) {
        const taken = Math.min(headerBytes - this.#headerFilled, chunk.length - offset);
        this.#header.set(chunk.subarray(offset, offset + taken), this.#headerFilled);
        this.#headerFilled += taken;
        offset += taken;
        if (this.#headerFilled < headerBytes) return null;
        this.#violation = this.#openFrame();
        continue;
      }
      const length = this.#header.readUInt32BE(0);
      const missing = length - this.#payloadFilled;
      if (this.#payload === null && chunk.length - offset >= length) {
        const payload = chunk.subarray(offset, offset + length);
        offset += length;
        this.#closeFrame(payload, onFrame);
        continue;
      }
      this.#payload ??= Buffer.allocUnsafe(length);
      const taken = Math.min(missing, chunk.length - offset);
      this.#payload.set(chunk.subarray(offset, offset + taken), this.#payloadFilled);
      this.#payloadFilled += taken;
      offset += taken;
      if (this.#payloadFilled < length) return null;
      this.#closeFrame(this.#payload, onFrame);
    }
    return this.#violation;
  }

  #openFrame(): ProtocolViolation | null {
    const length = this.#header.readUInt32BE(0);
    const code = this.#header.readUInt8(4);
    const type = frameTypeOf(code);
    if (type === undefined) return { kind: 'unknown_type', detail: `frame type ${code}` };
    if (!this.#allowed.has(type)) return { kind: 'unexpected_type', detail: `${type} frame from this side` };
    if (length > payloadBytesMax) return { kind: 'oversized', detail: `${type} frame of ${length} bytes` };
    this.#type = type;
    this.#channel = this.#header.readUInt32BE(5);
    return null;
  }

  #closeFrame(payload: Uint8Array, onFrame: (frame: Frame) => void): void {
    this.#headerFilled = 0;
    this.#payload = null;
    this.#payloadFilled = 0;
    onFrame({ type: this.#type, channel: this.#channel, payload });
  }
}

/**
 * A control frame's payload as a JSON object, or null when it is not one. Callers still check each field:
 * nothing is said about its shape.
 */
export function parseControl(frame: Frame): Readonly<Record<string, unknown>> | null {
  if (isDataFrame(frame.type)) return null;
  try {
    const value: unknown = JSON.parse(Buffer.from(frame.payload).toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}
