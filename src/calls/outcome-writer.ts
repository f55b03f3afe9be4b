/**
 * Outcomes must not be lost when the record is away for a moment: the write is tried again until it holds.
 * The caller waits for a bounded time only; after that the attempts go on without it.
 */
import { RecordUnavailable } from '../audit/record.ts';
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
  readonly #pending = new Set<Promise<void>>();

  constructor(options: OutcomeWriterOptions) {
    this.#options = options;
  }

  /** True once durable; false when the wait was over first. Rejects only for errors that no retry can mend. */
  async write(write: RecordWrite): Promise<boolean> {
    try {
      await this.#options.record.write(write);
      return true;
    } catch (error) {
      if (!(error instanceof RecordUnavailable)) throw error;
      this.#options.logger.error({ err: error, callId: write.events[0]?.callId }, 'outcome not durable yet');
    }
    const retried = this.#retry(write);
    this.#pending.add(retried);
    void retried.finally(() => this.#pending.delete(retried)).catch(() => {});
    const waitMs = this.#options.answerWaitMs ?? answerWaitMsMax;
    return Promise.race([
      retried.then(() => !this.#stop.signal.aborted),
      delay(waitMs, this.#stop.signal).then(() => false),
    ]);
  }

  /** Gives up what is still not durable: those intents are closed as `unknown` at the next start. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await Promise.allSettled(this.#pending);
  }

  async #retry(write: RecordWrite): Promise<void> {
    for (
      let delayMs = firstDelayMs;
      !this.#stop.signal.aborted;
      delayMs = Math.min(delayMs * 2, delayMsMax)
    ) {
      await delay(delayMs, this.#stop.signal);
      try {
        await this.#options.record.write(write);
        return;
      } catch (error) {
        if (!(error instanceof RecordUnavailable)) throw error;
      }
    }
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
