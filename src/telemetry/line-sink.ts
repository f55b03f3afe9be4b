/**
 * Lines to a descriptor, synchronously, several in one write where that fits a pipe's piece. A reader that is gone, or
 * that takes nothing for a while, costs lines and never stops the process: sonic-boom would try for ever.
 */
import { writeSync } from 'node:fs';

/** What a pipe takes in one piece (pipe(7), PIPE_BUF): other processes write to it too. */
const pieceBytesMax = 4096;
/** How long a full pipe is waited for, milliseconds, and in which steps. */
const fullMsMax = 1000;
const fullStepMs = 10;

export class LineSink {
  readonly #fd: number;
  readonly #waiter = new Int32Array(new SharedArrayBuffer(4));
  #pieces: string[] = [];
  #bytes = 0;

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** Bytes that wait for `flush`. */
  get waitingBytes(): number {
    return this.#bytes;
  }

  add(line: string): void {
    const last = this.#pieces.at(-1);
    const bytes = Buffer.byteLength(line);
    if (last !== undefined && Buffer.byteLength(last) + bytes <= pieceBytesMax)
      this.#pieces[this.#pieces.length - 1] = last + line;
    else this.#pieces.push(line);
    this.#bytes += bytes;
  }

  flush(): void {
    const pieces = this.#pieces;
    this.#pieces = [];
    this.#bytes = 0;
    for (const piece of pieces) this.#write(Buffer.from(piece));
  }

  /** What cannot be written is lost: there is nobody to tell. */
  #write(piece: Buffer): void {
    let from = 0;
    let waitedMs = 0;
    while (from < piece.length) {
      try {
        from += writeSync(this.#fd, piece, from);
      } catch (error) {
        const isFull = error instanceof Error && 'code' in error && error.code === 'EAGAIN';
        if (!isFull || waitedMs >= fullMsMax) return;
        Atomics.wait(this.#waiter, 0, 0, fullStepMs);
        waitedMs += fullStepMs;
      }
    }
  }
}
