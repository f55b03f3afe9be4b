/**
 * Docker's attach stream apart: `stream u8 · 000 · length u32 · payload` (Docker Engine API v1.41, ContainerAttach).
 * The header comes from the engine, the payload from the sandbox. Nothing is kept but a header: payload bytes are
 * handed on in the pieces in which they arrived, as views of the chunk.
 */
export type AttachedStream = 'stdout' | 'stderr';

const headerBytes = 8;
/** The engine copies in pieces of 32 KiB; far beyond that the stream is out of step. */
const payloadBytesMax = 16 * 1024 * 1024;

export class Demultiplexer {
  readonly #header = Buffer.alloc(headerBytes);
  #headerFilled = 0;
  #payloadMissing = 0;
  #stream: AttachedStream = 'stdout';
  #fault: string | null = null;

  /** True between two of the engine's frames: a stream that ends elsewhere was cut off. */
  get isBetweenFrames(): boolean {
    return this.#headerFilled === 0;
  }

  /** Returns what is wrong with the stream, if anything; after that nothing more is handed on. */
  write(chunk: Uint8Array, onBytes: (stream: AttachedStream, bytes: Uint8Array) => void): string | null {
    let offset = 0;
    while (offset < chunk.length && this.#fault === null) {
      if (this.#headerFilled < headerBytes) {
        const taken = Math.min(headerBytes - this.#headerFilled, chunk.length - offset);
        this.#header.set(chunk.subarray(offset, offset + taken), this.#headerFilled);
        this.#headerFilled += taken;
        offset += taken;
        if (this.#headerFilled === headerBytes) this.#fault = this.#openFrame();
        continue;
      }
      const taken = Math.min(this.#payloadMissing, chunk.length - offset);
      onBytes(this.#stream, chunk.subarray(offset, offset + taken));
      offset += taken;
      this.#payloadMissing -= taken;
      if (this.#payloadMissing === 0) this.#headerFilled = 0;
    }
    return this.#fault;
  }

  #openFrame(): string | null {
    const code = this.#header.readUInt8(0);
    if (code !== 1 && code !== 2) return `attach stream: unknown stream ${code}`;
    this.#stream = code === 1 ? 'stdout' : 'stderr';
    this.#payloadMissing = this.#header.readUInt32BE(4);
    if (this.#payloadMissing > payloadBytesMax)
      return `attach stream: a frame of ${this.#payloadMissing} bytes`;
    if (this.#payloadMissing === 0) this.#headerFilled = 0;
    return null;
  }
}
