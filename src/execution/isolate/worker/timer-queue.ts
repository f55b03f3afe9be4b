/** The guest's timers: the worker keeps the clock, the isolate only the functions. */
import { performance } from 'node:perf_hooks';

/** Timers of one call that may wait at the same time. */
export const timersMax = 1000;
/** Longest delay, 2³¹ − 1 ms. As in Node, what is longer, shorter than 1 ms or no number at all counts as 1 ms. */
const delayMsMax = 2_147_483_647;

interface Timer {
  readonly id: number;
  readonly delayMs: number;
  readonly repeats: boolean;
  readonly dueAtMs: number;
}

export class TimerQueue {
  readonly #timers = new Map<number, Timer>();
  readonly #sleeper = new Int32Array(new SharedArrayBuffer(4));
  #lastId = 0;
  #due: number | null = null;

  /** The new timer's id; null when too many wait already. */
  add(delayMs: number, repeats: boolean): number | null {
    if (this.#timers.size >= timersMax) return null;
    this.#lastId += 1;
    const delay = delayMs >= 1 && delayMs <= delayMsMax ? delayMs : 1;
    this.#set({ id: this.#lastId, delayMs: delay, repeats, dueAtMs: performance.now() + delay });
    return this.#lastId;
  }

  clear(id: number): void {
    this.#timers.delete(id);
  }

  /** Sleeps until the next timer is due; false when none waits. Blocks: nothing else runs in this process. */
  waitForNext(): boolean {
    let next: Timer | null = null;
    for (const timer of this.#timers.values()) {
      if (next === null || timer.dueAtMs < next.dueAtMs) next = timer;
    }
    if (next === null) return false;
    const waitMs = next.dueAtMs - performance.now();
    if (waitMs > 0) Atomics.wait(this.#sleeper, 0, 0, waitMs);
    this.#timers.delete(next.id);
    if (next.repeats) this.#set({ ...next, dueAtMs: performance.now() + next.delayMs });
    this.#due = next.id;
    return true;
  }

  /** The timer that fires now, once; null when the guest asks on its own account. */
  takeDue(): number | null {
    const due = this.#due;
    this.#due = null;
    return due;
  }

  #set(timer: Timer): void {
    this.#timers.set(timer.id, timer);
  }
}
