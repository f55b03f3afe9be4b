/** Inside the isolate: timers and `queueMicrotask`. The worker keeps the clock and re-enters through `fire`. */
import type { HostCall } from './host-call.ts';

export function defineTimers(
  callHost: HostCall,
  _load: unknown,
  fail: (error: unknown) => void,
): Record<string, unknown> {
  type Callback = (...values: unknown[]) => unknown;
  const { apply } = Reflect;
  const Type = TypeError;
  const toNumber = Number;
  const pending: Record<number, { callback: Callback; values: unknown[]; repeats: boolean }> =
    Object.create(null);

  function requireFunction(callback: unknown, caller: string): Callback {
    if (typeof callback !== 'function') throw new Type(`${caller} takes a function`);
    return callback as Callback;
  }

  function set(
    caller: string,
    callback: unknown,
    delayMs: unknown,
    values: unknown[],
    repeats: boolean,
  ): number {
    const run = requireFunction(callback, caller);
    const delay = toNumber(delayMs);
    const id = callHost('timer', delay > 0 ? delay : 0, repeats ? 1 : 0) as number;
    pending[id] = { callback: run, values, repeats };
    return id;
  }

  function clear(id: unknown): void {
    if (typeof id !== 'number' || pending[id] === undefined) return;
    delete pending[id];
    callHost('clearTimer', id);
  }

  function fire(): void {
    try {
      const id = callHost('dueTimer') as number;
      const timer = pending[id];
      if (timer === undefined) return;
      if (!timer.repeats) delete pending[id];
      apply(timer.callback, undefined, timer.values);
    } catch (error) {
      fail(error);
    }
  }

  async function runSoon(callback: Callback): Promise<void> {
    await undefined;
    try {
      callback();
    } catch (error) {
      fail(error);
    }
  }

  return {
    fire,
    setTimeout: (callback: unknown, delayMs?: unknown, ...values: unknown[]) =>
      set('setTimeout', callback, delayMs, values, false),
    setInterval: (callback: unknown, delayMs?: unknown, ...values: unknown[]) =>
      set('setInterval', callback, delayMs, values, true),
    clearTimeout: clear,
    clearInterval: clear,
    queueMicrotask: (callback: unknown): void => void runSoon(requireFunction(callback, 'queueMicrotask')),
  };
}
