/** Calls that run now: each can be watched, ended by its owner, and all of them at shutdown. */
import type { LiveOutput, LivePrints } from './live-output.ts';

/** A call's place among those that run; disposing leaves it. */
export interface RunningCall extends Disposable {
  /** Aborted: the sandbox is killed, the call ends as `cancelled`. */
  readonly signal: AbortSignal;
  end(): void;
  /** More of what it prints has left. */
  progressed(): void;
  /** Where its prints may leave before its outcome. */
  show(live: LiveOutput): void;
}

interface Running {
  readonly end: AbortController;
  live: LiveOutput | null;
  /** Another process was told what has left, and nothing since. */
  isAwaited: boolean;
}

/** `isAwaited`: another process waits for it. */
type OnProgress = (callId: string, isAwaited: boolean) => void;

export class RunningCalls {
  readonly #calls = new Map<string, Running>();
  readonly #onProgress: OnProgress;
  #isShutDown = false;
  #whenNoneRuns: (() => void)[] = [];

  /** `onProgress` is told of a call of which more has left. */
  constructor(onProgress: OnProgress = () => {}) {
    this.#onProgress = onProgress;
  }

  enter(callId: string): RunningCall {
    const running: Running = { end: new AbortController(), live: null, isAwaited: false };
    if (this.#isShutDown) running.end.abort();
    this.#calls.set(callId, running);
    return {
      signal: running.end.signal,
      end: () => running.end.abort(),
      progressed: () => {
        const { isAwaited } = running;
        running.isAwaited = false;
        this.#onProgress(callId, isAwaited);
      },
      show: (live) => {
        running.live = live;
      },
      [Symbol.dispose]: () => this.#leave(callId),
    };
  }

  /** What has left of a call that runs here; null of one whose prints wait for its outcome. */
  prints(callId: string): LivePrints | null {
    return this.#calls.get(callId)?.live?.prints ?? null;
  }

  /** The same for another process, which is told once when there is more. */
  awaitedPrints(callId: string): LivePrints | null {
    const running = this.#calls.get(callId);
    if (running === undefined || running.live === null) return null;
    running.isAwaited = true;
    return running.live.prints;
  }

  has(callId: string): boolean {
    return this.#calls.has(callId);
  }

  /** False when no such call runs here. */
  cancel(callId: string): boolean {
    const running = this.#calls.get(callId);
    running?.end.abort();
    return running !== undefined;
  }

  /** True for one that runs here and is being ended. */
  isEnding(callId: string): boolean {
    return this.#calls.get(callId)?.end.signal.aborted === true;
  }

  /** Resolves when none runs. */
  ended(): Promise<void> {
    if (this.#calls.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#whenNoneRuns.push(resolve));
  }

  /** Ends all, and those that come after. */
  cancelAll(): void {
    this.#isShutDown = true;
    for (const { end } of this.#calls.values()) end.abort();
  }

  #leave(callId: string): void {
    this.#calls.delete(callId);
    if (this.#calls.size === 0) for (const tell of this.#whenNoneRuns.splice(0)) tell();
  }
}
