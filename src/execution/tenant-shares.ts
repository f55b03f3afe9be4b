/**
 * Who took how much lately, containers or milliseconds of the processor, so that one tenant's flood leaves something for
 * the others. What was taken counts half as much after each half-life: who comes at an even pace is not behind one that has
 * only just begun.
 */
const halfLifeMs = 10_000;
const memoryMs = 60_000;
const tenantsMax = 256;

interface Taken {
  readonly count: number;
  readonly atMs: number;
}

export interface Lead {
  /** Above this and so many times what the others took on average a tenant is far ahead. */
  readonly margin: number;
  readonly times: number;
}

export class TenantShares {
  readonly #lead: Lead;
  /** Least recently counted first. */
  readonly #taken = new Map<string, Taken>();

  constructor(lead: Lead = { margin: 1, times: 1 }) {
    this.#lead = lead;
  }

  note(tenant: string, nowMs: number, amount = 1): void {
    const count = this.countOf(tenant, nowMs) + amount;
    this.#taken.delete(tenant);
    this.#taken.set(tenant, { count, atMs: nowMs });
    const [oldest] = this.#taken.keys();
    if (this.#taken.size > tenantsMax && oldest !== undefined) this.#taken.delete(oldest);
  }

  /**
   * How many idle containers are kept for others: one where any other tenant of the last minute had fewer, one for each
   * of those where this one is far ahead.
   */
  keptFrom(tenant: string, nowMs: number): number {
    const own = this.countOf(tenant, nowMs);
    const fewer = this.#others(tenant, nowMs).filter((count) => count < own).length;
    return this.isFarAhead(tenant, nowMs) ? fewer : Math.min(1, fewer);
  }

  /** Took so much more than the others of the last minute did on average; never true of one that is alone. */
  isFarAhead(tenant: string, nowMs: number): boolean {
    const others = this.#others(tenant, nowMs);
    if (others.length === 0) return false;
    const average = others.reduce((sum, count) => sum + count, 0) / others.length;
    return this.countOf(tenant, nowMs) > this.#lead.margin + this.#lead.times * average;
  }

  /** 0 for one that took none in the last minute. */
  countOf(tenant: string, nowMs: number): number {
    const taken = this.#taken.get(tenant);
    return taken === undefined ? 0 : countNow(taken, nowMs);
  }

  /** Tenants of the last minute. */
  tenantCount(nowMs: number): number {
    this.#forget(nowMs);
    return this.#taken.size;
  }

  #others(tenant: string, nowMs: number): number[] {
    this.#forget(nowMs);
    return [...this.#taken].flatMap(([other, taken]) => (other === tenant ? [] : [countNow(taken, nowMs)]));
  }

  #forget(nowMs: number): void {
    for (const [tenant, { atMs }] of this.#taken) if (atMs <= nowMs - memoryMs) this.#taken.delete(tenant);
  }
}

function countNow({ count, atMs }: Taken, nowMs: number): number {
  return atMs <= nowMs - memoryMs ? 0 : count * 2 ** ((atMs - nowMs) / halfLifeMs);
}
