/** Calls that outlive the request that asked for them: approved ones, followed ones, and those asked for with `Prefer`. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Call } from '../model/call.ts';
import type { CallAnswer } from './call-context.ts';

/** Runs a call through the path, and tells `onBegun` once its intent is durable. */
export type CallRun = (onBegun: (call: Call) => void) => Promise<CallAnswer>;

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
   * The answer of the call, or the call as it runs once that has taken `waitMs`. Counted from the intent: a call
   * that waits for a place is not answered before, since nothing of it is durable. Rejects as the run does; what
   * goes wrong after the answer is told to the log.
   */
  async answerWithin(waitMs: number, run: CallRun): Promise<CallAnswer> {
    const begun = Promise.withResolvers<Call>();
    let callId: string | null = null;
    let isAnswered = false;
    const running = run((call) => {
      callId = call.id;
      begun.resolve(call);
    });
    this.#runs.add(running);
    running
      .catch((error: unknown) => {
        if (isAnswered) this.#options.logger.error({ err: error, callId }, 'a call failed after its answer');
      })
      .finally(() => this.#runs.delete(running));
    using timer = new Timer();
    const answer = await Promise.race([running, begun.promise.then((call) => timer.after(waitMs, call))]);
    isAnswered = true;
    return 'kind' in answer ? answer : { kind: 'call', call: answer, isReplay: false };
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
  after<Value>(ms: number, value: Value): Promise<Value> {
    if (ms === 0) return Promise.resolve(value);
    return sleep(ms, value, { signal: this.#end.signal }).catch(() => new Promise<Value>(() => {}));
  }

  [Symbol.dispose](): void {
    this.#end.abort();
  }
}
