const initialBytes = 1024;

/** Bytes that come in pieces of any size, kept in one piece: a flood of one-byte pieces costs what one piece does. */
export class ByteBuffer {
  readonly #expectedBytes: number;
  #storage = Buffer.alloc(0);
  #length = 0;

  /** Room for as many is made once the first of them comes. */
  constructor(expectedBytes = initialBytes) {
    this.#expectedBytes = expectedBytes;
  }

  get length(): number {
    return this.#length;
  }

  /** A view; valid until the next change. */
  get bytes(): Uint8Array {
    return this.#storage.subarray(0, this.#length);
  }

  append(piece: Uint8Array): void {
    const needed = this.#length + piece.length;
    if (needed > this.#storage.length) {
      const grown = Buffer.alloc(Math.max(needed, this.#storage.length * 2, this.#expectedBytes));
      this.#storage.copy(grown, 0, 0, this.#length);
      this.#storage = grown;
    }
    this.#storage.set(piece, this.#length);
    this.#length = needed;
  }

  /** Keeps at least the last so many bytes, at most twice as many. */
  keepLast(bytes: number): void {
    if (this.#length <= 2 * bytes) return;
    this.#storage.copyWithin(0, this.#length - bytes, this.#length);
    this.#length = bytes;
  }

  clear(): void {
    this.#storage = Buffer.alloc(0);
    this.#length = 0;
  }
}
