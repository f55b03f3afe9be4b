/**
 * Quotas of one process. A lease takes every draw of a call at once or none, in one synchronous step, so no
 * interleaving of calls overspends. Kept in memory; `replay` rebuilds it from the record at start.
 */
import type { QuotaDraw } from '../model/decision.ts';
import { SlidingWindow } from './sliding-window.ts';

/** Counters held at once. When all are in use, a call that needs another is refused: failing closed, memory bounded. */
const COUNTERS_MAX = 100_000;
/** What is said when only the end of another call can help. */
const CONCURRENT_RETRY_MS = 1_000;
/** Counters are swept at most this often when they run out. */
const SWEEP_INTERVAL_MS = 1_000;

export type LeaseResult =
  | { readonly ok: true; readonly lease: Lease }
  | { readonly ok: false; readonly draw: QuotaDraw; readonly retryAfterMs: number };

/** What one call holds. Exactly one of both ends it; after that neither does anything. */
export interface Lease {
  readonly callId: string;
  /** The call is over: `concurrent` is given back, `calls` stays counted. */
  release(): void;
  /** The call provably never started: everything is given back. */
  cancel(): void;
}

/** A call from the record, for `replay`. */
export interface ReplayedCall {
  readonly draws: readonly QuotaDraw[];
  readonly startedAtMs: number;
}

export interface QuotaLedgerOptions {
  readonly countersMax?: number;
}

type Counter = { unit: 'calls'; window: SlidingWindow } | { unit: 'concurrent'; held: number };

/** One draw that was taken: how to give it back. */
interface Taken {
  readonly draw: QuotaDraw;
  readonly undo: () => void;
}

export class QuotaLedger {
  readonly #countersMax: number;
  readonly #counters = new Map<string, Counter>();
  readonly #open = new Set<string>();
  /** Latest time seen: a clock that steps back must not bring spent quota back. */
  #nowMs = 0;
  #sweptAtMs = Number.NEGATIVE_INFINITY;

  constructor({ countersMax = COUNTERS_MAX }: QuotaLedgerOptions = {}) {
    this.#countersMax = countersMax;
  }

  /** Calls that hold a lease. */
  get openLeases(): number {
    return this.#open.size;
  }

  /**
   * Takes all draws of a call or none. On refusal `draw` is the first that did not fit and `retryAfterMs` the earliest
   * time at which it can, other calls aside. Throws when the call holds a lease already.
   */
  lease(draws: readonly QuotaDraw[], callId: string, nowMs: number): LeaseResult {
    if (this.#open.has(callId)) throw new Error(`the call ${callId} holds a lease already`);
    this.#nowMs = Math.max(this.#nowMs, nowMs);
    const taken: Taken[] = [];
    for (const draw of draws) {
      const result = this.#take(draw);
      if (typeof result === 'number') {
        for (const { undo } of taken) undo();
        return { ok: false, draw, retryAfterMs: result };
      }
      taken.push({ draw, undo: result });
    }
    return { ok: true, lease: this.#openLease(callId, taken) };
  }

  /** Counts calls that an earlier process let through. Nothing is `concurrent` across a start. */
  replay(calls: Iterable<ReplayedCall>): void {
    for (const { draws, startedAtMs } of calls) {
      this.#nowMs = Math.max(this.#nowMs, startedAtMs);
      for (const draw of draws) {
        if (draw.unit !== 'calls' || startedAtMs <= this.#nowMs - draw.windowMs) continue;
        const counter = this.#counter(draw);
        if (counter?.unit === 'calls') counter.window.add(startedAtMs);
      }
    }
  }

  #openLease(callId: string, taken: readonly Taken[]): Lease {
    this.#open.add(callId);
    let isOver = false;
    const end = (given: readonly Taken[]): void => {
      if (isOver) return;
      isOver = true;
      this.#open.delete(callId);
      for (const { undo } of given) undo();
    };
    return {
      callId,
      release: () => end(taken.filter(({ draw }) => draw.unit === 'concurrent')),
      cancel: () => end(taken),
    };
  }

  /** How to undo the draw, or the milliseconds to wait. */
  #take(draw: QuotaDraw): (() => void) | number {
    const counter = this.#counter(draw);
    if (counter === null) return SWEEP_INTERVAL_MS;
    if (counter.unit === 'concurrent') {
      if (counter.held >= draw.limit) return CONCURRENT_RETRY_MS;
      counter.held += 1;
      return () => this.#giveBack(draw, counter);
    }
    const { window } = counter;
    const atMs = this.#nowMs;
    if (window.count(atMs) >= draw.limit) return window.waitMs(atMs, draw.limit);
    window.add(atMs);
    // A window that was resized since keeps the count: it no longer knows which bucket it was.
    return () => window.remove(atMs);
  }

  #giveBack(draw: QuotaDraw, counter: Extract<Counter, { unit: 'concurrent' }>): void {
    counter.held -= 1;
    if (counter.held === 0) this.#counters.delete(keyOf(draw));
  }

  /** The draw's counter, made when there is none; null when there is no room. A changed limit keeps the count. */
  #counter(draw: QuotaDraw): Counter | null {
    const key = keyOf(draw);
    const known = this.#counters.get(key);
    if (known !== undefined) {
      if (known.unit === 'calls' && known.window.windowMs !== draw.windowMs) {
        known.window = known.window.resized(draw.windowMs, this.#nowMs);
      }
      return known;
    }
    if (this.#counters.size >= this.#countersMax) this.#sweep();
    if (this.#counters.size >= this.#countersMax) return null;
    const counter: Counter =
      draw.unit === 'calls'
        ? { unit: 'calls', window: new SlidingWindow(draw.windowMs) }
        : { unit: 'concurrent', held: 0 };
    this.#counters.set(key, counter);
    return counter;
  }

  #sweep(): void {
    if (this.#nowMs - this.#sweptAtMs < SWEEP_INTERVAL_MS) return;
    this.#sweptAtMs = this.#nowMs;
    for (const [key, counter] of this.#counters) {
      if (counter.unit === 'calls' && counter.window.count(this.#nowMs) === 0) this.#counters.delete(key);
    }
  }
}

/** One counter is policy, name and key; names hold no slash. The unit keeps a redefined quota apart from its past. */
function keyOf({ policy, name, key, unit }: QuotaDraw): string {
  return `${unit}/${policy}/${name}/${key}`;
}
