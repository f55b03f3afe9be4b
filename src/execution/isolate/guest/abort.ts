/** Inside the isolate: `AbortController` and `AbortSignal` (DOM, section 3), with listeners but without an event tree. */
import type { GuestPart } from './host-call.ts';

export function defineAbort(
  _callHost: unknown,
  load: (part: GuestPart) => Record<string, unknown>,
): Record<string, unknown> {
  type Listener = ((event: object) => unknown) | { handleEvent(event: object): unknown };
  const token = Symbol('construct');

  function named(name: string, message: string): Error {
    const error = new Error(message);
    Object.defineProperty(error, 'name', { value: name, configurable: true, writable: true });
    return error;
  }

  class AbortSignal {
    onabort: Listener | null = null;
    #reason: unknown;
    #isAborted = false;
    /** Each with whether it goes after its first event. */
    readonly #listeners = new Map<Listener, boolean>();

    constructor(key?: unknown) {
      if (key !== token) throw new TypeError('Illegal constructor');
    }
    static abort(reason?: unknown): AbortSignal {
      const signal = new AbortSignal(token);
      signal.#abort(reason === undefined ? named('AbortError', 'This operation was aborted') : reason);
      return signal;
    }
    static timeout(delayMs: unknown): AbortSignal {
      const signal = new AbortSignal(token);
      const late = (): void =>
        signal.#abort(named('TimeoutError', 'The operation was aborted due to timeout'));
      (load('timers')['setTimeout'] as (callback: () => void, delayMs: unknown) => void)(late, delayMs);
      return signal;
    }
    static any(signals: Iterable<AbortSignal>): AbortSignal {
      const all = Array.from(signals);
      const aborted = all.find((signal) => signal.aborted);
      if (aborted !== undefined) return AbortSignal.abort(aborted.reason);
      const joined = new AbortSignal(token);
      for (const signal of all) signal.addEventListener('abort', () => joined.#abort(signal.reason));
      return joined;
    }
    static end(signal: AbortSignal, reason: unknown): void {
      signal.#abort(reason === undefined ? named('AbortError', 'This operation was aborted') : reason);
    }
    get aborted(): boolean {
      return this.#isAborted;
    }
    get reason(): unknown {
      return this.#reason;
    }
    throwIfAborted(): void {
      if (this.#isAborted) throw this.#reason;
    }
    addEventListener(type: unknown, listener: Listener | null, options?: unknown): void {
      if (type !== 'abort' || listener === null || listener === undefined || this.#isAborted) return;
      const once =
        typeof options === 'object' && options !== null && Boolean((options as { once?: unknown }).once);
      if (!this.#listeners.has(listener)) this.#listeners.set(listener, once);
    }
    removeEventListener(type: unknown, listener: Listener): void {
      if (type === 'abort') this.#listeners.delete(listener);
    }
    #abort(reason: unknown): void {
      if (this.#isAborted) return;
      this.#isAborted = true;
      this.#reason = reason;
      const event = { type: 'abort', target: this, currentTarget: this };
      const listeners = [...(this.onabort === null ? [] : [this.onabort]), ...this.#listeners.keys()];
      this.#listeners.clear();
      for (const listener of listeners) {
        if (typeof listener === 'function') listener.call(this as never, event);
        else listener.handleEvent(event);
      }
    }
  }
  const { end } = AbortSignal;
  Reflect.deleteProperty(AbortSignal, 'end');

  class AbortController {
    readonly #signal = new AbortSignal(token);
    get signal(): AbortSignal {
      return this.#signal;
    }
    abort(reason?: unknown): void {
      end(this.#signal, reason);
    }
  }

  return { AbortController, AbortSignal };
}
