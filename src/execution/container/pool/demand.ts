/**
 * How many idle containers a pool should hold: as many as were asked for within one refill at the busiest moment of the
 * last minute, between floor and ceiling. Memory is bounded by the ceiling.
 */
import type { WarmPolicy } from '../../../model/tool.ts';

/** How long a busy moment counts, and how finely that is kept, milliseconds. */
const memoryMs = 60_000;
const bucketMs = 10_000;
/** A burst shorter than a refill cannot be served by refilling; nobody refills faster than this, milliseconds. */
const windowMsMin = 1_000;

export class Demand {
  readonly #policy: Pick<WarmPolicy, 'floor' | 'ceiling'>;
  /** When calls came, oldest first, at most as many as the ceiling. */
  readonly #recent: number[] = [];
  /** Most calls within one window, by the bucket in which that was. */
  readonly #peaks = new Map<number, number>();

  constructor(policy: Pick<WarmPolicy, 'floor' | 'ceiling'>) {
    this.#policy = policy;
  }

  /** A call came. `refillMs`: what making one container takes now. */
  note(nowMs: number, refillMs: number): void {
    const { ceiling } = this.#policy;
    this.#recent.push(nowMs);
    if (this.#recent.length > ceiling) this.#recent.shift();
    const since = nowMs - Math.max(windowMsMin, refillMs);
    const count = this.#recent.filter((atMs) => atMs > since).length;
    const bucket = Math.floor(nowMs / bucketMs);
    this.#peaks.set(bucket, Math.max(count, this.#peaks.get(bucket) ?? 0));
    this.#forget(nowMs);
  }

  target(nowMs: number): number {
    this.#forget(nowMs);
    const { floor, ceiling } = this.#policy;
    return Math.min(ceiling, Math.max(floor, ...this.#peaks.values()));
  }

  #forget(nowMs: number): void {
    const oldest = Math.floor((nowMs - memoryMs) / bucketMs);
    for (const bucket of this.#peaks.keys()) if (bucket < oldest) this.#peaks.delete(bucket);
  }
}
