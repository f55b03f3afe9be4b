/** How many calls may wait for a person: a flood of requests must neither fill the disk, nor bury the approvers, nor leave no room to other tenants. */
import type { RecordStore } from '../../audit/record.ts';
import type { Principal } from '../../model/principal.ts';

export interface WaitingRoomLimits {
  readonly perPrincipalMax: number;
  readonly perTenantMax: number;
  readonly max: number;
}

export const waitingRoomLimits: WaitingRoomLimits = {
  perPrincipalMax: 100,
  perTenantMax: 2_500,
  max: 10_000,
};

/** A place that is about to be taken in the record; disposing ends that. */
export type Place = Disposable;

export class WaitingRoom {
  readonly #record: Pick<RecordStore, 'countPendingApprovals'>;
  readonly #limits: WaitingRoomLimits;
  /** Requests between the look at the record and their own durable row. */
  readonly #coming = new Set<Pick<Principal, 'id' | 'tenant'>>();

  constructor(record: Pick<RecordStore, 'countPendingApprovals'>, limits = waitingRoomLimits) {
    this.#record = record;
    this.#limits = limits;
  }

  /** A place, or the limit that is reached. Exact for one process over the record. */
  enter({ id, tenant }: Pick<Principal, 'id' | 'tenant'>): Place | number {
    const { perPrincipalMax, perTenantMax, max } = this.#limits;
    const coming = [...this.#coming];
    const ofPrincipal = coming.filter((other) => other.id === id).length;
    if (this.#record.countPendingApprovals({ principal: id }) + ofPrincipal >= perPrincipalMax)
      return perPrincipalMax;
    const ofTenant = coming.filter((other) => other.tenant === tenant).length;
    if (this.#record.countPendingApprovals({ tenant }) + ofTenant >= perTenantMax) return perTenantMax;
    if (this.#record.countPendingApprovals(null) + coming.length >= max) return max;
    const entering = { id, tenant };
    this.#coming.add(entering);
    return { [Symbol.dispose]: () => this.#coming.delete(entering) };
  }
}
