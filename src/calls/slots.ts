/** Execution slots: so many calls run at once, so many wait, the rest are told at once that there is no room. */

export interface SlotsOptions {
  readonly runningMax: number;
  readonly waitingMax: number;
  /** Above `runningMax`, for tenants that have fewer than `eachMin` running: long calls of one tenant keep nobody out. */
  readonly reserve?: { readonly places: number; readonly eachMin: number };
  /** Told of each place that is given, with how long it was waited for. */
  readonly onTaken?: (waitedMs: number) => void;
}

/** A taken slot; disposing gives it back. */
export interface Slot extends Disposable {
  readonly waitedMs: number;
}

interface Waiting {
  readonly tenant: string;
  readonly since: number;
  readonly grant: (slot: Slot | null) => void;
}

/**
 * Fair between tenants: of those who wait, the tenant with the fewest running calls goes next, of several the one that had
 * a place longest ago; when all places to wait are taken, the tenant that has most of them gives up its newest for one
 * that has fewer.
 */
export class Slots {
  readonly #options: SlotsOptions;
  readonly #runningByTenant = new Map<string, number>();
  #waiting: Waiting[] = [];
  #running = 0;
  /** Of tenants that wait: when one of their calls was given a place last. */
  readonly #servedAt = new Map<string, number>();
  #served = 0;

  constructor(options: SlotsOptions) {
    this.#options = options;
  }

  get runningCount(): number {
    return this.#running;
  }
  get waitingCount(): number {
    return this.#waiting.length;
  }

  /**
   * A slot, or the wait for one; null when there is no room to wait, or no longer, or nobody waits any more: `signal` is
   * aborted.
   */
  take(tenant: string, signal?: AbortSignal): Slot | Promise<Slot | null> | null {
    if (signal?.aborted === true) return null;
    if (this.#mayRun(tenant)) return this.#occupy(tenant, 0);
    if (this.#waiting.length >= this.#options.waitingMax && !this.#displaceFor(tenant)) return null;
    const { promise, resolve } = Promise.withResolvers<Slot | null>();
    const waiting = { tenant, since: performance.now(), grant: resolve };
    this.#waiting.push(waiting);
    if (signal === undefined) return promise;
    const leave = (): void => {
      this.#waiting = this.#waiting.filter((other) => other !== waiting);
      resolve(null);
    };
    signal.addEventListener('abort', leave, { once: true });
    return promise.finally(() => signal.removeEventListener('abort', leave));
  }

  /** Turns away everybody who waits. */
  refuseWaiting(): void {
    for (const waiting of this.#waiting.splice(0)) waiting.grant(null);
  }

  /** Turns away somebody of the tenant that fills the queue; false when nobody has more than this one would. */
  #displaceFor(tenant: string): boolean {
    const counts = new Map<string, number>();
    for (const waiting of this.#waiting) counts.set(waiting.tenant, (counts.get(waiting.tenant) ?? 0) + 1);
    const most = Math.max(0, ...counts.values());
    if (most <= (counts.get(tenant) ?? 0) + 1) return false;
    const index = this.#waiting.findLastIndex((waiting) => counts.get(waiting.tenant) === most);
    for (const displaced of this.#waiting.splice(index, 1)) displaced.grant(null);
    return true;
  }

  #mayRun(tenant: string): boolean {
    const { runningMax, reserve = { places: 0, eachMin: 0 } } = this.#options;
    if (this.#running < runningMax) return true;
    const own = this.#runningByTenant.get(tenant) ?? 0;
    return own < reserve.eachMin && this.#running < runningMax + reserve.places;
  }

  #occupy(tenant: string, waitedMs: number): Slot {
    this.#running += 1;
    this.#options.onTaken?.(waitedMs);
    this.#runningByTenant.set(tenant, (this.#runningByTenant.get(tenant) ?? 0) + 1);
    let isHeld = true;
    return {
      waitedMs,
      [Symbol.dispose]: () => {
        if (!isHeld) return;
        isHeld = false;
        this.#free(tenant);
      },
    };
  }

  #free(tenant: string): void {
    this.#running -= 1;
    const left = (this.#runningByTenant.get(tenant) ?? 1) - 1;
    if (left === 0) this.#runningByTenant.delete(tenant);
    else this.#runningByTenant.set(tenant, left);
    const next = this.#takeNext();
    if (next !== null) next.grant(this.#occupy(next.tenant, performance.now() - next.since));
    if (next !== null) this.#noteServed(next.tenant);
  }

  #noteServed(tenant: string): void {
    this.#served += 1;
    if (this.#waiting.some((waiting) => waiting.tenant === tenant)) this.#servedAt.set(tenant, this.#served);
    else this.#servedAt.delete(tenant);
    if (this.#waiting.length === 0) this.#servedAt.clear();
  }

  /** Of the tenant with the fewest running: where that one may not run, nobody may. */
  #takeNext(): Waiting | null {
    let best = -1;
    let fewest = Number.POSITIVE_INFINITY;
    let earliest = Number.POSITIVE_INFINITY;
    for (const [index, { tenant }] of this.#waiting.entries()) {
      const running = this.#runningByTenant.get(tenant) ?? 0;
      const servedAt = this.#servedAt.get(tenant) ?? 0;
      if (running < fewest || (running === fewest && servedAt < earliest)) {
        best = index;
        fewest = running;
        earliest = servedAt;
      }
    }
    const next = this.#waiting[best];
    if (next === undefined || !this.#mayRun(next.tenant)) return null;
    this.#waiting.splice(best, 1);
    return next;
  }
}
