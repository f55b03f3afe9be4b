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
  async enter({ id, tenant }: Pick<Principal, 'id' | 'tenant'>): Promise<Place | number> {
    const entering = { id, tenant };
    // Before the record is looked at: of two that come at once, neither overlooks the other.
    this.#coming.add(entering);
    const leave = new DisposableStack();
    leave.defer(() => this.#coming.delete(entering));
    try {
      const reached = await this.#reached(entering);
      if (reached !== null) leave.dispose();
      return reached ?? leave;
    } catch (error) {
      leave.dispose();
      throw error;
    }
  }

  async #reached({ id, tenant }: Pick<Principal, 'id' | 'tenant'>): Promise<number | null> {
    const { perPrincipalMax, perTenantMax, max } = this.#limits;
    const coming = [...this.#coming];
    const record = this.#record;
    const ofPrincipal = coming.filter((other) => other.id === id).length;
    if ((await record.countPendingApprovals({ principal: id })) + ofPrincipal > perPrincipalMax)
      return perPrincipalMax;
    const ofTenant = coming.filter((other) => other.tenant === tenant).length;
    if ((await record.countPendingApprovals({ tenant })) + ofTenant > perTenantMax) return perTenantMax;
    return (await record.countPendingApprovals(null)) + coming.length > max ? max : null;
  }
}
