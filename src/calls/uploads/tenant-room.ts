/** How much of something is there for all tenants at once, and how much of it for one. */
export interface RoomLimits {
  readonly all: number;
  readonly byTenant: number;
}

/** Room that is taken at once or not at all: nobody waits for it. */
export class TenantRoom {
  readonly #limits: RoomLimits;
  readonly #byTenant = new Map<string, number>();
  #taken = 0;

  constructor(limits: RoomLimits) {
    this.#limits = limits;
  }

  /** Null: there is no room now. Disposing gives it back. */
  take(tenant: string, amount: number): Disposable | null {
    const own = this.#byTenant.get(tenant) ?? 0;
    const { all, byTenant } = this.#limits;
    if (this.#taken + amount > all || own + amount > byTenant) return null;
    this.#taken += amount;
    this.#byTenant.set(tenant, own + amount);
    return {
      [Symbol.dispose]: () => {
        this.#taken -= amount;
        const left = (this.#byTenant.get(tenant) ?? amount) - amount;
        if (left === 0) this.#byTenant.delete(tenant);
        else this.#byTenant.set(tenant, left);
      },
    };
  }
}
