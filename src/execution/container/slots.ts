/**
 * How many calls run at once, and whose turn is next: tenants take turns, calls of one tenant keep their order. However
 * many calls of one tenant run and wait, a tenant of which none runs has a place, as long as the reserve has one.
 */
import { NotStarted } from '../executor.ts';
import { killedCallsFree, killedCallsMax, killingTenantsMax } from './limits.ts';

interface Waiter {
  readonly start: () => void;
}

export interface SlotLimits {
  readonly runningMax: number;
  /** Places above `runningMax`, for tenants of which no call runs. None when missing. */
  readonly reserveMax?: number;
  readonly waitingMax: number;
  /** Of these, how many one tenant may have. All when missing. */
  readonly tenantWaitingMax?: number;
}

export class Slots {
  readonly #limits: Required<SlotLimits>;
  readonly #runningByTenant = new Map<string, number>();
  /** Killed calls that none that ended by itself made up for; least recently counted first. */
  readonly #killedByTenant = new Map<string, number>();
  /** Tenants in the order of their turns; a tenant without waiting calls is not listed. */
  readonly #waiting = new Map<string, Waiter[]>();
  #waitingCount = 0;
  #running = 0;

  constructor(limits: SlotLimits) {
    this.#limits = { reserveMax: 0, tenantWaitingMax: limits.waitingMax, ...limits };
  }

  /** Waits for a slot. Throws NotStarted (`overloaded`) when too many wait, the signal's reason when aborted. */
  async take(tenant: string, signal: AbortSignal): Promise<Disposable> {
    signal.throwIfAborted();
    if (this.#mayRun(tenant)) return this.#occupy(tenant);
    const own = this.#waiting.get(tenant)?.length ?? 0;
    if (this.#waitingCount >= this.#limits.waitingMax || own >= this.#limits.tenantWaitingMax) {
      throw new NotStarted(
        'overloaded',
        `${this.#waitingCount} calls wait for a container already, ${own} of them of this tenant: try again later`,
      );
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter: Waiter = { start: resolve };
    const onAbort = (): void => {
      this.#withdraw(tenant, waiter);
      reject(signal.reason);
    };
    this.#enqueue(tenant, waiter);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      await promise;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
    return this.#releaseOf(tenant);
  }

  /** A call of the tenant had a container and is over. */
  ended(tenant: string, wasKilled: boolean): void {
    const before = this.#killedByTenant.get(tenant) ?? 0;
    const killed = Math.max(0, Math.min(before + (wasKilled ? 1 : -1), killedCallsMax));
    this.#killedByTenant.delete(tenant);
    if (killed > 0) this.#killedByTenant.set(tenant, killed);
    const [oldest] = this.#killedByTenant.keys();
    if (this.#killedByTenant.size > killingTenantsMax && oldest !== undefined)
      this.#killedByTenant.delete(oldest);
  }

  #mayRun(tenant: string): boolean {
    const { reserveMax, runningMax } = this.#limits;
    if (!this.#runningByTenant.has(tenant)) return this.#running < runningMax + reserveMax;
    const isKilling = (this.#killedByTenant.get(tenant) ?? 0) > killedCallsFree;
    return !isKilling && this.#running < runningMax;
  }

  #occupy(tenant: string): Disposable {
    this.#count(tenant, 1);
    return this.#releaseOf(tenant);
  }

  #releaseOf(tenant: string): Disposable {
    let isReleased = false;
    return {
      [Symbol.dispose]: () => {
        if (isReleased) return;
        isReleased = true;
        this.#count(tenant, -1);
        // Straight to the next in turn, so that nobody can slip in between. More than one where a tenant may have several again.
        while (this.#startNext());
      },
    };
  }

  #count(tenant: string, change: 1 | -1): void {
    this.#running += change;
    const own = (this.#runningByTenant.get(tenant) ?? 0) + change;
    if (own === 0) this.#runningByTenant.delete(tenant);
    else this.#runningByTenant.set(tenant, own);
  }

  #enqueue(tenant: string, waiter: Waiter): void {
    const queue = this.#waiting.get(tenant);
    if (queue === undefined) this.#waiting.set(tenant, [waiter]);
    else queue.push(waiter);
    this.#waitingCount++;
  }

  #withdraw(tenant: string, waiter: Waiter): void {
    const queue = this.#waiting.get(tenant) ?? [];
    const index = queue.indexOf(waiter);
    if (index === -1) return;
    queue.splice(index, 1);
    this.#waitingCount--;
    if (queue.length === 0) this.#waiting.delete(tenant);
  }

  #startNext(): boolean {
    for (const [tenant, queue] of this.#waiting) {
      if (!this.#mayRun(tenant)) continue;
      const waiter = queue.shift();
      this.#waiting.delete(tenant);
      if (queue.length > 0) this.#waiting.set(tenant, queue);
      if (waiter === undefined) continue;
      this.#waitingCount--;
      this.#count(tenant, 1);
      waiter.start();
      return true;
    }
    return false;
  }
}
