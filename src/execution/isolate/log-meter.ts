/** The cap on a call's logs, as the runner keeps it: bytes past it are counted, never stored. */
import type { Truncation } from '../../model/call.ts';
import type { Limits } from '../../model/limits.ts';
import { payloadBytesMax } from '../protocol/frame.ts';
import type { DroppedBytes } from './worker/messages.ts';

export type LogStream = 'stdout' | 'stderr';

export class LogMeter {
  readonly #bytes = { stdout: { kept: 0, dropped: 0 }, stderr: { kept: 0, dropped: 0 } };
  #bytesLeft: number;
  #framesLeft: number;

  constructor({ logBytes, hostCalls }: Limits) {
    this.#bytesLeft = logBytes;
    // An honest worker sends a frame for each console call and one more for each 64 KiB of its text.
    this.#framesLeft = hostCalls + Math.ceil(logBytes / payloadBytesMax) + 1;
  }

  /** What may be kept of `data`; `flood` when there are more frames than an honest worker sends. */
  take(stream: LogStream, data: Uint8Array): Uint8Array | 'flood' {
    this.#framesLeft -= 1;
    if (this.#framesLeft < 0) return 'flood';
    const kept = data.subarray(0, this.#bytesLeft);
    this.#bytesLeft -= kept.length;
    this.#bytes[stream].kept += kept.length;
    this.#bytes[stream].dropped += data.length - kept.length;
    return kept;
  }

  /** What the worker says that it did not even send. */
  addDropped(dropped: DroppedBytes): void {
    this.#bytes.stdout.dropped += dropped.stdout;
    this.#bytes.stderr.dropped += dropped.stderr;
  }

  get keptBytes(): number {
    return this.#bytes.stdout.kept + this.#bytes.stderr.kept;
  }

  truncations(): Truncation[] {
    return (['stdout', 'stderr'] as const)
      .filter((stream) => this.#bytes[stream].dropped > 0)
      .map((stream) => ({
        stream,
        keptBytes: this.#bytes[stream].kept,
        droppedBytes: this.#bytes[stream].dropped,
      }));
  }
}
