/** Frames of one run on their way to their reader: a queue that is read as an async iterable. */
import type { ExecutionFrame } from '../executor.ts';

/**
 * Producer side pushes and ends (or fails) it; one consumer iterates. `onTaken` is told the data bytes of each
 * frame as the consumer takes it, so that the producer's side can grant credit: that is what bounds the queue.
 */
export class FrameQueue implements AsyncIterable<ExecutionFrame> {
  readonly #frames: ExecutionFrame[] = [];
  readonly #onTaken: (bytes: number) => void;
  #end: { error: Error | null } | null = null;
  #wake: (() => void) | null = null;

  constructor(onTaken: (bytes: number) => void = () => {}) {
    this.#onTaken = onTaken;
  }

  push(frame: ExecutionFrame): void {
    if (this.#end !== null) return;
    this.#frames.push(frame);
    this.#notify();
  }

  /** No more frames; what was pushed is still delivered. With an error, the iteration then throws it. */
  end(error: Error | null = null): void {
    if (this.#end !== null) return;
    this.#end = { error };
    this.#notify();
  }

  get isEnded(): boolean {
    return this.#end !== null;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ExecutionFrame, void, undefined> {
    for (;;) {
      const frame = this.#frames.shift();
      if (frame !== undefined) {
        if ('data' in frame) this.#onTaken(frame.data.length);
        yield frame;
        continue;
      }
      if (this.#end !== null) {
        if (this.#end.error !== null) throw this.#end.error;
        return;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }
}
