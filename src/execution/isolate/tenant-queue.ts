/**
 * A bounded queue that is fair between tenants: in turn between them, and within one first come first served, patient
 * ones last. Those have half of the room: what waits for long keeps nobody out.
 */

export interface QueueLimits {
  readonly lengthMax: number;
  readonly tenantLengthMax: number;
}

interface Waiting {
  readonly tenant: string;
  readonly isPatient: boolean;
}

export class TenantQueue<Item extends Waiting> {
  readonly #limits: QueueLimits;
  /** In the order of their turns. Only tenants with something waiting are here. */
  readonly #waiting = new Map<string, Item[]>();
  #length = 0;
  #patientCount = 0;

  constructor(limits: QueueLimits) {
    this.#limits = limits;
  }

  get length(): number {
    return this.#length;
  }

  /** False when the queue or the tenant's part of it is full. */
  push(item: Item): boolean {
    const own = this.#waiting.get(item.tenant) ?? [];
    const { lengthMax, tenantLengthMax } = this.#limits;
    if (this.#length >= lengthMax || own.length >= tenantLengthMax) return false;
    if (item.isPatient) {
      const isFull = this.#patientCount >= lengthMax / 2 || patientOf(own) >= tenantLengthMax / 2;
      if (isFull) return false;
      this.#patientCount += 1;
    }
    const firstPatient = own.findIndex(({ isPatient }) => isPatient);
    own.splice(item.isPatient || firstPatient === -1 ? own.length : firstPatient, 0, item);
    this.#waiting.set(item.tenant, own);
    this.#length += 1;
    return true;
  }

  /** The first item of each tenant, in the order of their turns. */
  heads(): Item[] {
    return [...this.#waiting.values()].flatMap((items) => items.slice(0, 1));
  }

  /** Takes an item out. If it was served, its tenant's next turn comes after everyone else's. */
  remove(item: Item, wasServed: boolean): boolean {
    const own = this.#waiting.get(item.tenant);
    const at = own?.indexOf(item) ?? -1;
    if (own === undefined || at === -1) return false;
    own.splice(at, 1);
    this.#length -= 1;
    if (item.isPatient) this.#patientCount -= 1;
    if (wasServed || own.length === 0) this.#waiting.delete(item.tenant);
    if (wasServed && own.length > 0) this.#waiting.set(item.tenant, own);
    return true;
  }
}

function patientOf(waiting: readonly Waiting[]): number {
  return waiting.filter(({ isPatient }) => isPatient).length;
}
