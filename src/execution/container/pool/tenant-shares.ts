/** Who took how many of a pool's containers lately, so that one tenant's flood leaves something for the others. */
const memoryMs = 60_000;
const claimsMax = 256;

export class TenantShares {
  /** Oldest first. */
  readonly #claims: { readonly tenant: string; readonly atMs: number }[] = [];

  note(tenant: string, nowMs: number): void {
    this.#claims.push({ tenant, atMs: nowMs });
    if (this.#claims.length > claimsMax) this.#claims.shift();
  }

  /** Whether another tenant of the last minute had fewer: the last idle container is kept for that one. */
  isAheadOfOthers(tenant: string, nowMs: number): boolean {
    const counts = this.#counts(nowMs);
    const own = counts.get(tenant) ?? 0;
    for (const [other, count] of counts) if (other !== tenant && count < own) return true;
    return false;
  }

  countOf(tenant: string, nowMs: number): number {
    return this.#counts(nowMs).get(tenant) ?? 0;
  }

  /** Tenants of the last minute. */
  tenantCount(nowMs: number): number {
    return this.#counts(nowMs).size;
  }

  #counts(nowMs: number): Map<string, number> {
    while ((this.#claims[0]?.atMs ?? Infinity) <= nowMs - memoryMs) this.#claims.shift();
    const counts = new Map<string, number>();
    for (const { tenant } of this.#claims) counts.set(tenant, (counts.get(tenant) ?? 0) + 1);
    return counts;
  }
}
