/**
 * Outcomes must not be lost when the record is away for a moment: the write is tried again until it holds.
 * The caller waits for a bounded time only; after that the attempts go on without it.
 */
import { CallEnded, RecordUnavailable } from '../audit/record.ts';
import type { RecordStore, RecordWrite } from '../audit/record.ts';

const firstDelayMs = 20;
const delayMsMax = 1000;
/** How long an answer waits for its outcome to become durable before it says `unknown`. */
const answerWaitMsMax = 5000;

export interface OutcomeWriterOptions {
  readonly record: Pick<RecordStore, 'write'>;
  readonly logger: { error(fields: object, message: string): void };
  readonly answerWaitMs?: number;
}

export class OutcomeWriter implements AsyncDisposable {
  readonly #options: OutcomeWriterOptions;
  readonly #stop = new AbortController();
  readonly #pending = new Set<Promise<boolean>>();
  /** Not signals: one for each call, joined to the one that stops all, and an error with its stack cost five times as much. */
  readonly #waiting = new Set<() => void>();

  constructor(options: OutcomeWriterOptions) {
    this.#options = options;
  }

  /**
   * True once durable; false when the wait was over first, or the call was closed as lost meanwhile. Rejects only for
   * errors that no retry can mend.
   */
  async write(write: RecordWrite): Promise<boolean> {
    const written = this.#write(write);
    this.#pending.add(written);
    void written.finally(() => this.#pending.delete(written)).catch(() => {});
    const { promise: waited, resolve } = Promise.withResolvers<false>();
    const giveUp = (): void => resolve(false);
    const timer = setTimeout(giveUp, this.#options.answerWaitMs ?? answerWaitMsMax);
    timer.unref();
    this.#waiting.add(giveUp);
    try {
      return await Promise.race([written, waited]);
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(giveUp);
    }
  }

  /** Gives up what is still not durable: those intents are closed as `unknown` at the next start. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    for (const giveUp of this.#waiting) giveUp();
    await Promise.allSettled(this.#pending);
  }

  async #write(write: RecordWrite): Promise<boolean> {
    for (let delayMs = firstDelayMs; ; delayMs = Math.min(delayMs * 2, delayMsMax)) {
      try {
        await this.#options.record.write(write);
        return true;
      } catch (error) {
        if (error instanceof CallEnded) return this.#closedMeanwhile(write, error);
        if (!(error instanceof RecordUnavailable)) throw error;
        if (delayMs === firstDelayMs)
          this.#options.logger.error(
            { err: error, callId: write.events[0]?.callId },
            'outcome not durable yet',
          );
      }
      await delay(delayMs, this.#stop.signal);
      if (this.#stop.signal.aborted) return false;
    }
  }

  /** What the record says of it is that nobody knows; so nothing else leaves. */
  #closedMeanwhile(write: RecordWrite, error: CallEnded): false {
    const callId = write.events[0]?.callId;
    this.#options.logger.error({ err: error, callId }, 'outcome refused: the call was closed as lost');
    return false;
  }
}

function delay(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    timer.unref();
    signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}
