/**
 * A count over the last `windowMs`, in buckets of a sixtieth of the window each (at least 1 ms). A bucket counts whole
 * until its last moment has left the window, so the count is never below the exact one: no limit is overspent. It
 * exceeds the exact one by no more than what happened in the `ceil(windowMs / 60)` ms before the window began.
 */
const BUCKETS = 60;

/** Width of a bucket, milliseconds. */
export function bucketWidthMs(windowMs: number): number {
  return Math.max(1, Math.ceil(windowMs / BUCKETS));
}

/** The end of the bucket that a moment falls into. */
function bucketEndMs(atMs: number, windowMs: number): number {
  const widthMs = bucketWidthMs(windowMs);
  return (Math.floor(atMs / widthMs) + 1) * widthMs;
}

export interface Bucket {
  /** First moment after the bucket. */
  readonly endMs: number;
  count: number;
}

export class SlidingWindow {
  /** May change: what is counted already keeps the bucket that it has. */
  windowMs: number;
  /** Ascending by end, none empty. */
  readonly #buckets: Bucket[] = [];
  #total = 0;

  constructor(windowMs: number) {
    this.windowMs = windowMs;
  }

  /** Buckets that may still count, oldest first. */
  get buckets(): readonly Readonly<Bucket>[] {
    return this.#buckets;
  }

  /** Counts `amount` at a moment, which may lie before others; returns the end of its bucket, for `remove`. */
  add(atMs: number, amount: number): number {
    const endMs = bucketEndMs(atMs, this.windowMs);
    if (amount === 0) return endMs;
    const at = this.#buckets.findLastIndex((bucket) => bucket.endMs <= endMs);
    const bucket = this.#buckets[at];
    if (bucket?.endMs === endMs) bucket.count += amount;
    else this.#buckets.splice(at + 1, 0, { endMs, count: amount });
    this.#total += amount;
    return endMs;
  }

  /** Takes back what `add` counted there; nothing when that has left the window. */
  remove(endMs: number, amount: number): void {
    const at = this.#buckets.findLastIndex((bucket) => bucket.endMs === endMs);
    const bucket = this.#buckets[at];
    if (bucket === undefined) return;
    const taken = Math.min(bucket.count, amount);
    bucket.count -= taken;
    this.#total -= taken;
    if (bucket.count === 0) this.#buckets.splice(at, 1);
  }

  count(nowMs: number): number {
    this.#forget(nowMs);
    return this.#total;
  }

  /** Milliseconds until at most `room` is counted, if nothing is added; at least 1. */
  waitMs(nowMs: number, room: number): number {
    let count = this.count(nowMs);
    for (const bucket of this.#buckets) {
      count -= bucket.count;
      if (count <= room) return Math.max(1, bucket.endMs + this.windowMs - nowMs);
    }
    return 1;
  }

  #forget(nowMs: number): void {
    const lastGoneMs = nowMs - this.windowMs;
    let gone = 0;
    for (let bucket = this.#buckets[0]; bucket !== undefined && bucket.endMs <= lastGoneMs;) {
      this.#total -= bucket.count;
      bucket = this.#buckets[++gone];
    }
    if (gone > 0) this.#buckets.splice(0, gone);
  }
}
