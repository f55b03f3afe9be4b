/**
 * A worker's channel over the attached stream of its container: what is written goes to its stdin, what is read
 * is its stdout. Written to before the container runs, the bytes wait. Hostile: everything that comes out.
 */
import { Duplex } from 'node:stream';

import { Demultiplexer } from './demultiplex.ts';

export class AttachedChannel extends Duplex {
  #stream: Duplex | null = null;
  /** What was written before there was a stream. */
  #early: (() => void) | null = null;
  #room: PromiseWithResolvers<void> | null = null;

  /** Carries bytes until the stream ends or breaks. Resolves with what was wrong with it, if anything was. */
  async carry(stream: Duplex, onStderr: (bytes: Uint8Array) => void): Promise<string | null> {
    this.#stream = stream;
    this.#early?.();
    this.#early = null;
    const demultiplexer = new Demultiplexer();
    try {
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        let isFull = false;
        const fault = demultiplexer.write(chunk, (name, bytes) => {
          if (name === 'stderr') onStderr(bytes);
          else isFull = !this.push(bytes);
        });
        if (fault !== null) return fault;
        if (isFull) await this.#untilRead();
      }
    } catch {
      // A connection that broke: its end is all there is to know, the engine is asked for the rest.
    }
    return null;
  }

  override _read(): void {
    this.#room?.resolve();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    const stream = this.#stream;
    if (stream === null) this.#early = () => this._write(chunk, _encoding, done);
    else stream.write(chunk, done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#early = null;
    this.#room?.resolve();
    done(error);
  }

  async #untilRead(): Promise<void> {
    if (this.destroyed) return;
    this.#room = Promise.withResolvers<void>();
    await this.#room.promise;
    this.#room = null;
  }
}
