/**
 * One stream of a call that still runs, filtered on a thread: hostile lines may cost much, and a filter that dies must
 * take no other call with it. Never rejects; once the filter did not get to its end, nothing leaves any more.
 */
import type { BoundaryProfile } from '../../model/finding.ts';
import type { StreamEnd } from '../stream/stream-filter.ts';
import { failureReport, reasonOf } from './filter-failure.ts';
import type { FailureReason } from './filter-failure.ts';
import type { FilterThreadHost } from './filter-thread-host.ts';
import type { Released } from './protocol.ts';

export interface ThreadedStreamOptions {
  readonly thread: FilterThreadHost;
  readonly tenant: string;
  /** Unlike that of any other stream of the thread. */
  readonly stream: number;
  readonly name: 'stdout' | 'stderr';
  readonly profiles: readonly BoundaryProfile[];
  /** In order. Told of a failure as of something that blocks. */
  readonly onReleased: (released: Released) => void;
  readonly onFailure: (reason: FailureReason, error: unknown) => void;
}

export class ThreadedStream {
  readonly #options: ThreadedStreamOptions;
  readonly #generation: number;
  readonly #waiting: Uint8Array[] = [];
  #sending: Promise<void> | null = null;
  #failure: FailureReason | null = null;

  constructor(options: ThreadedStreamOptions) {
    this.#options = options;
    const { tenant, thread, stream, name, profiles } = options;
    this.#generation = thread.generation;
    const opening = { kind: 'open-stream', stream, name, profiles } as const;
    thread
      .run<'open-stream'>(tenant, opening, 0, this.#generation)
      .catch((error: unknown) => this.#fail(error));
  }

  /** Takes the next bytes of the stream. */
  push(data: Uint8Array): void {
    if (this.#failure !== null) return;
    this.#waiting.push(data);
    this.#sending ??= this.#send();
  }

  /** No more bytes will come. The rest of the text, and what was found in all of it. To be called once, whatever becomes of the call. */
  async end(): Promise<StreamEnd> {
    await this.#sending;
    const { tenant, thread, stream } = this.#options;
    try {
      const end = await thread.run<'end-stream'>(tenant, { kind: 'end-stream', stream }, 0, this.#generation);
      if (this.#failure === null) return end;
    } catch (error) {
      this.#fail(error);
    }
    return { text: '', report: failureReport(this.#failure ?? 'boundary-failure'), blocked: true };
  }

  /** One message at a time: what comes meanwhile goes together, which changes nothing of what leaves. */
  async #send(): Promise<void> {
    const { tenant, thread, stream, onReleased } = this.#options;
    while (this.#waiting.length > 0 && this.#failure === null) {
      const data = Uint8Array.from(Buffer.concat(this.#waiting.splice(0)));
      const push = { kind: 'push-stream', stream, data } as const;
      try {
        const released = await thread.run<'push-stream'>(tenant, push, data.length, this.#generation);
        if (this.#failure === null) onReleased(released);
      } catch (error) {
        this.#fail(error);
      }
    }
    this.#sending = null;
  }

  #fail(error: unknown): void {
    if (this.#failure !== null) return;
    this.#failure = reasonOf(error);
    this.#options.onFailure(this.#failure, error);
    this.#options.onReleased({ text: '', detectors: [], blocked: true });
  }
}
