/** Calls that outlive the request that asked for them: approved ones, followed ones, and those asked for with `Prefer`. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Call } from '../model/call.ts';
import type { CallAnswer, CallObserver } from './call-context.ts';

/** Runs a call through the path. */
export type CallRun = (observer: CallObserver) => Promise<CallAnswer>;

export interface DetachedCallsOptions {
  readonly logger: { error(fields: object, message: string): void };
}

export class DetachedCalls implements AsyncDisposable {
  readonly #options: DetachedCallsOptions;
  readonly #runs = new Set<Promise<CallAnswer>>();

  constructor(options: DetachedCallsOptions) {
    this.#options = options;
  }

  /**
   * The answer of the call, or once that has taken `waitMs`, the call as it runs or waits for its turn. Counted from when
   * that is durable. Rejects as the run does; what goes wrong after the answer is told to the log.
   */
  async answerWithin(waitMs: number, run: CallRun): Promise<CallAnswer> {
    const durable = Promise.withResolvers<void>();
    let latest: Call | null = null;
    let isAnswered = false;
    const tell = (call: Call): void => {
      latest = call;
      durable.resolve();
    };
    const running = run({ queued: tell, begun: tell });
    this.#runs.add(running);
    running
      .catch((error: unknown) => {
        if (!isAnswered) return;
        this.#options.logger.error({ err: error, callId: latest?.id }, 'a call failed after its answer');
      })
      .finally(() => this.#runs.delete(running));
    using timer = new Timer();
    const answer = await Promise.race([running, durable.promise.then(() => timer.after(waitMs))]);
    isAnswered = true;
    if (answer !== null) return answer;
    if (latest === null) throw new TypeError('nothing was told of the call that is durable');
    return { kind: 'call', call: latest, isReplay: false };
  }

  /** Waits for all that run. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.#runs);
  }
}

/** Nothing of it is left once disposed. */
class Timer implements Disposable {
  readonly #end = new AbortController();

  /** Never resolves when it is disposed first. */
  after(ms: number): Promise<null> {
    if (ms === 0) return Promise.resolve(null);
    return sleep(ms, null, { signal: this.#end.signal }).catch(() => new Promise<null>(() => {}));
  }

  [Symbol.dispose](): void {
    this.#end.abort();
  }
}
