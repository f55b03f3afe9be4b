/**
 * Quotas of one process, in memory: a lease is one synchronous step. `replay` rebuilds it from the record at start.
 */
import type { QuotaDraw } from '../../model/decision.ts';
import type { LeaseHolder, LeaseRefused, LeaseResult, QuotaStore, QuotaStoreState } from './quota-store.ts';
import { inSteps, quotaUnits, usedOf } from './quota-units.ts';
import type { MeasuredUse } from './quota-units.ts';
import { SlidingWindow } from './sliding-window.ts';
import type { Bucket } from './sliding-window.ts';

/**
 * Counters held at once. A tenant may have as many as are still free: one alone gets half of them, many get equal
 * parts, and however many keys one makes up, the next tenant finds room. Past its share a call that needs another
 * counter is refused: failing closed, memory bounded.
 */
const COUNTERS_MAX = 100_000;
/** What is said when only the end of another call can help. */
export const HELD_RETRY_MS = 1_000;
/** Counters are swept at most this often when they run out. */
const SWEEP_INTERVAL_MS = 1_000;

/** What the record says of quotas, for `replay`. `atMs` is the time of the lease, with `ended` that of the end. */
export interface ReplayedUse {
  readonly kind: 'leased' | 'withdrawn' | 'ended';
  readonly atMs: number;
  readonly tenant: string;
  readonly draws: readonly QuotaDraw[];
}

export interface QuotaLedgerOptions {
  readonly countersMax?: number;
}

interface Counter {
  /** Whose call was the first. */
  readonly tenant: string;
  /** Null for what counts only while a call runs. */
  readonly window: SlidingWindow | null;
  /** Leased by calls that run, in steps. */
  held: number;
}

/** A counter as it stands. */
export interface CounterState {
  readonly key: string;
  readonly windowMs: number;
  readonly buckets: readonly Readonly<Bucket>[];
  readonly held: number;
}

/** What became different in one counter, in steps: for a store that has to be told. */
export interface CounterChange {
  readonly key: string;
  readonly windowMs: number;
  readonly held: number;
  readonly counted: number;
  /** End of the bucket that `counted` is about. */
  readonly endMs: number;
}

/** A lease that was taken. Whichever of both comes first ends it and says what it changed. */
export interface TakenLease {
  readonly changes: readonly CounterChange[];
  settle(use: MeasuredUse | null, nowMs: number): readonly CounterChange[];
  cancel(nowMs: number): readonly CounterChange[];
}

export class QuotaLedger implements QuotaStore {
  readonly #countersMax: number;
  readonly #counters = new Map<string, Counter>();
  /** Counters of each tenant that has any. */
  readonly #shares = new Map<string, number>();
  readonly #open = new Set<string>();
  /** Latest time seen: a clock that steps back must not bring spent quota back. */
  #nowMs = 0;
  #sweptAtMs = Number.NEGATIVE_INFINITY;

  constructor({ countersMax = COUNTERS_MAX }: QuotaLedgerOptions = {}) {
    this.#countersMax = countersMax;
  }

  get openLeases(): number {
    return this.#open.size;
  }

  state(): QuotaStoreState {
    return { store: 'in-process', state: 'ok', reason: null };
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  lease(draws: readonly QuotaDraw[], holder: LeaseHolder, nowMs: number): LeaseResult {
    const refused = this.findNoRoom(draws, holder, nowMs) ?? this.findUsedUp(draws);
    if (refused !== null) return refused;
    const { callId } = holder;
    const taken = this.take(draws, holder, nowMs);
    return {
      ok: true,
      lease: {
        callId,
        settle: (use, atMs) => void taken.settle(use, atMs),
        cancel: (atMs) => void taken.cancel(atMs),
      },
    };
  }

  /** Refuses when there is no memory for one of the counters. Throws when the call holds a lease already. */
  findNoRoom(
    draws: readonly QuotaDraw[],
    { callId, tenant }: LeaseHolder,
    nowMs: number,
  ): LeaseRefused | null {
    if (this.#open.has(callId)) throw new Error(`the call ${callId} holds a lease already`);
    this.#nowMs = Math.max(this.#nowMs, nowMs);
    for (const draw of draws) {
      if (!this.#counters.has(counterKey(draw)) && !this.#makeRoom(tenant))
        return { ok: false, draw, retryAfterMs: SWEEP_INTERVAL_MS, isFull: true };
      this.#counterOf(draw, tenant);
    }
    return null;
  }

  /** Counts all draws, whether they fit or not. */
  take(draws: readonly QuotaDraw[], { callId, tenant }: LeaseHolder, nowMs: number): TakenLease {
    this.#nowMs = Math.max(this.#nowMs, nowMs);
    this.#open.add(callId);
    const changes = draws.map((draw) => {
      const steps = inSteps(draw.unit, draw.amount);
      return quotaUnits[draw.unit].counted === 'start'
        ? this.#change(draw, tenant, 0, steps)
        : this.#change(draw, tenant, steps, 0);
    });
    let isOpen = true;
    const end = (back: () => readonly CounterChange[], nowMs: number): readonly CounterChange[] => {
      if (!isOpen) return [];
      isOpen = false;
      this.#open.delete(callId);
      this.#nowMs = Math.max(this.#nowMs, nowMs);
      return back();
    };
    return {
      changes,
      settle: (use, atMs) => end(() => this.#settle(draws, tenant, use), atMs),
      cancel: (atMs) => end(() => changes.map((change, at) => this.#undo(draws[at], tenant, change)), atMs),
    };
  }

  /**
   * Counts what an earlier process let through. Nothing is held across a start. Nothing is left out for want of room,
   * which would give it again: what has left its window goes, and what that process counted at once had room.
   */
  async replay(uses: Iterable<ReplayedUse> | AsyncIterable<ReplayedUse>): Promise<void> {
    let sweepAt = 2 * this.#countersMax;
    for await (const { kind, atMs, tenant, draws } of uses) {
      this.#nowMs = Math.max(this.#nowMs, atMs);
      for (const draw of draws) {
        const { counted } = quotaUnits[draw.unit];
        if (counted === 'held' || (counted === 'end') !== (kind === 'ended')) continue;
        if (atMs <= this.#nowMs - 2 * draw.windowMs) continue;
        if (this.#counters.size >= sweepAt) {
          this.#sweep();
          sweepAt = Math.max(sweepAt, 2 * this.#counters.size);
        }
        const { window } = this.#counterOf(draw, tenant);
        const steps = inSteps(draw.unit, draw.used ?? draw.amount);
        const endMs = window?.add(atMs, steps) ?? 0;
        if (kind === 'withdrawn') window?.remove(endMs, 2 * steps);
      }
    }
  }

  /** Every counter that counts something. */
  *counters(): Generator<CounterState> {
    for (const [key, { window, held }] of this.#counters) {
      const buckets = window === null || window.count(this.#nowMs) === 0 ? [] : window.buckets;
      if (held > 0 || buckets.length > 0) yield { key, windowMs: window?.windowMs ?? 0, buckets, held };
    }
  }

  /** The first draw that does not fit. After `findNoRoom`, which also tells the time. */
  findUsedUp(draws: readonly QuotaDraw[]): LeaseRefused | null {
    for (const draw of draws) {
      const { window = null, held = 0 } = this.#counters.get(counterKey(draw)) ?? {};
      const room = inSteps(draw.unit, draw.limit) - held - inSteps(draw.unit, draw.amount);
      if (room < 0)
        return { ok: false, draw, retryAfterMs: held > 0 ? HELD_RETRY_MS : neverFitsRetryMs(draw) };
      if (window !== null && window.count(this.#nowMs) > room)
        return { ok: false, draw, retryAfterMs: window.waitMs(this.#nowMs, room) };
    }
    return null;
  }

  #settle(draws: readonly QuotaDraw[], tenant: string, use: MeasuredUse | null): readonly CounterChange[] {
    return draws.flatMap((draw) => {
      const { counted } = quotaUnits[draw.unit];
      if (counted === 'start') return [];
      const leased = inSteps(draw.unit, draw.amount);
      const used = use === null ? null : usedOf(draw.unit, use);
      const steps = used === null ? leased : inSteps(draw.unit, used);
      return [this.#change(draw, tenant, -leased, counted === 'end' ? steps : 0)];
    });
  }

  #change(draw: QuotaDraw, tenant: string, held: number, counted: number): CounterChange {
    const counter = this.#counterOf(draw, tenant);
    const { window } = counter;
    const endMs = window === null || counted === 0 ? 0 : window.add(this.#nowMs, counted);
    this.#addHeld(draw, counter, held);
    return { key: counterKey(draw), windowMs: draw.windowMs, held, counted, endMs };
  }

  #undo(
    draw: QuotaDraw | undefined,
    tenant: string,
    { key, windowMs, held, counted, endMs }: CounterChange,
  ): CounterChange {
    if (draw !== undefined) {
      const counter = this.#counterOf(draw, tenant);
      counter.window?.remove(endMs, counted);
      this.#addHeld(draw, counter, -held);
    }
    return { key, windowMs, held: -held, counted: -counted, endMs };
  }

  #addHeld(draw: QuotaDraw, counter: Counter, steps: number): void {
    counter.held += steps;
    if (counter.window === null && counter.held === 0) this.#drop(counterKey(draw), counter);
  }

  /** The draw's counter, made for the tenant when there is none. A changed limit or window keeps the count. */
  #counterOf(draw: QuotaDraw, tenant: string): Counter {
    const key = counterKey(draw);
    const known = this.#counters.get(key);
    if (known !== undefined) {
      if (known.window !== null) known.window.windowMs = draw.windowMs;
      return known;
    }
    const window = quotaUnits[draw.unit].counted === 'held' ? null : new SlidingWindow(draw.windowMs);
    const counter: Counter = { tenant, window, held: 0 };
    this.#counters.set(key, counter);
    this.#shares.set(tenant, this.#shareOf(tenant) + 1);
    return counter;
  }

  #shareOf(tenant: string): number {
    return this.#shares.get(tenant) ?? 0;
  }

  #drop(key: string, { tenant }: Counter): void {
    if (!this.#counters.delete(key)) return;
    const left = this.#shareOf(tenant) - 1;
    if (left > 0) this.#shares.set(tenant, left);
    else this.#shares.delete(tenant);
  }

  #makeRoom(tenant: string): boolean {
    if (this.#hasRoom(tenant)) return true;
    if (this.#nowMs - this.#sweptAtMs < SWEEP_INTERVAL_MS) return false;
    this.#sweptAtMs = this.#nowMs;
    this.#sweep();
    return this.#hasRoom(tenant);
  }

  #hasRoom(tenant: string): boolean {
    return this.#shareOf(tenant) < this.#countersMax - this.#counters.size;
  }

  #sweep(): void {
    for (const [key, counter] of this.#counters) {
      const { window, held } = counter;
      if (held === 0 && (window === null || window.count(this.#nowMs) === 0)) this.#drop(key, counter);
    }
  }
}

/** A call that asks for more than there is at all: nothing but another call or another policy helps. */
export function neverFitsRetryMs({ windowMs }: QuotaDraw): number {
  return Math.max(windowMs, HELD_RETRY_MS);
}

/** One counter is policy, name and key; names hold no slash. The unit keeps a redefined quota apart from its past. */
export function counterKey({ policy, name, key, unit }: QuotaDraw): string {
  return `${unit}/${policy}/${name}/${key}`;
}
