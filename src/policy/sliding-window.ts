/**
 * A count over the last `windowMs`, in at most 61 buckets of a sixtieth of the window each. The oldest bucket counts
 * whole until the window has left it altogether, so the count is never below the exact one: no limit is overspent. It
 * exceeds the exact one by what happened up to one bucket (1/60 of the window) before the window began.
 */
const BUCKETS = 60;

interface Bucket {
  /** Start of the bucket divided by its width. */
  readonly index: number;
  count: number;
}

export class SlidingWindow {
  readonly windowMs: number;
  readonly #widthMs: number;
  /** Ascending by index, none empty. */
  #buckets: Bucket[] = [];

  constructor(windowMs: number) {
    this.windowMs = windowMs;
    this.#widthMs = Math.max(1, Math.ceil(windowMs / BUCKETS));
  }

  /** Counts `amount` at a moment; older moments than the newest may still be added. */
  add(atMs: number, amount = 1): void {
    const index = this.#indexOf(atMs);
    const at = this.#buckets.findLastIndex((bucket) => bucket.index <= index);
    const bucket = this.#buckets[at];
    if (bucket?.index === index) bucket.count += amount;
    else this.#buckets.splice(at + 1, 0, { index, count: amount });
    this.#prune(this.#buckets.at(-1)?.index ?? index);
  }

  /** Takes one back that was added at a moment; nothing when that moment has left the window. */
  remove(atMs: number): void {
    const index = this.#indexOf(atMs);
    const at = this.#buckets.findIndex((bucket) => bucket.index === index);
    const bucket = this.#buckets[at];
    if (bucket === undefined) return;
    bucket.count -= 1;
    if (bucket.count === 0) this.#buckets.splice(at, 1);
  }

  count(nowMs: number): number {
    this.#prune(this.#indexOf(nowMs));
    return this.#buckets.reduce((sum, bucket) => sum + bucket.count, 0);
  }

  /** Milliseconds until the count is below `limit`, if nothing is added; at least 1. */
  waitMs(nowMs: number, limit: number): number {
    let count = this.count(nowMs);
    for (const bucket of this.#buckets) {
      count -= bucket.count;
      if (count < limit) return Math.max(1, (bucket.index + BUCKETS + 1) * this.#widthMs - nowMs);
    }
    return 1;
  }

  /** The same counts over another window, each as late as it can have been: never below the exact count. */
  resized(windowMs: number, nowMs: number): SlidingWindow {
    const other = new SlidingWindow(windowMs);
    for (const { index, count } of this.#buckets)
      other.add(Math.min(nowMs, (index + 1) * this.#widthMs - 1), count);
    return other;
  }

  #indexOf(atMs: number): number {
    return Math.floor(atMs / this.#widthMs);
  }

  /** Drops the buckets that a window ending in bucket `newest` no longer touches. */
  #prune(newest: number): void {
    const kept = this.#buckets.findIndex(({ index }) => index >= newest - BUCKETS);
    if (kept === -1) this.#buckets = [];
    else if (kept > 0) this.#buckets.splice(0, kept);
  }
}
