/** Calls that run now, so that each can be ended by its owner and all of them at shutdown. */

/** A call's place among those that run; disposing leaves it. */
export interface RunningCall extends Disposable {
  /** Aborted: the sandbox is killed, the call ends as `cancelled`. */
  readonly signal: AbortSignal;
}

export class RunningCalls {
  readonly #calls = new Map<string, AbortController>();
  #isShutDown = false;
  #whenNoneRuns: (() => void)[] = [];

  enter(callId: string): RunningCall {
    const controller = new AbortController();
    if (this.#isShutDown) controller.abort();
    this.#calls.set(callId, controller);
    return { signal: controller.signal, [Symbol.dispose]: () => this.#leave(callId) };
  }

  /** False when no such call runs here. */
  cancel(callId: string): boolean {
    const controller = this.#calls.get(callId);
    controller?.abort();
    return controller !== undefined;
  }

  /** True for one that runs here and is being ended. */
  isEnding(callId: string): boolean {
    return this.#calls.get(callId)?.signal.aborted === true;
  }

  /** Resolves when none runs. */
  ended(): Promise<void> {
    if (this.#calls.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#whenNoneRuns.push(resolve));
  }

  /** Ends all, and those that come after. */
  cancelAll(): void {
    this.#isShutDown = true;
    for (const controller of this.#calls.values()) controller.abort();
  }

  #leave(callId: string): void {
    this.#calls.delete(callId);
    if (this.#calls.size === 0) for (const tell of this.#whenNoneRuns.splice(0)) tell();
  }
}
