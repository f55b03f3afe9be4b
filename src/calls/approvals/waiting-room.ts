/** How many calls may wait for a person: a flood of requests must neither fill the disk nor bury the approvers. */
import type { RecordStore } from '../../audit/record.ts';

export interface WaitingRoomLimits {
  readonly perPrincipalMax: number;
  readonly max: number;
}

export const waitingRoomLimits: WaitingRoomLimits = { perPrincipalMax: 100, max: 10_000 };

/** A place that is about to be taken in the record; disposing ends that. */
export type Place = Disposable;

export class WaitingRoom {
  readonly #record: Pick<RecordStore, 'countPendingApprovals'>;
  readonly #limits: WaitingRoomLimits;
  /** Requests between the look at the record and their own durable row, by principal. */
  readonly #coming = new Map<string, number>();
  #comingCount = 0;

  constructor(record: Pick<RecordStore, 'countPendingApprovals'>, limits = waitingRoomLimits) {
    this.#record = record;
    this.#limits = limits;
  }

  /** A place, or the limit that is reached. Exact for one process over the record. */
  enter(principal: string): Place | number {
    const { perPrincipalMax, max } = this.#limits;
    const coming = this.#coming.get(principal) ?? 0;
    if (this.#record.countPendingApprovals(principal) + coming >= perPrincipalMax) return perPrincipalMax;
    if (this.#record.countPendingApprovals(null) + this.#comingCount >= max) return max;
    this.#coming.set(principal, coming + 1);
    this.#comingCount += 1;
    return { [Symbol.dispose]: () => this.#leave(principal) };
  }

  #leave(principal: string): void {
    this.#comingCount -= 1;
    const left = (this.#coming.get(principal) ?? 1) - 1;
    if (left === 0) this.#coming.delete(principal);
    else this.#coming.set(principal, left);
  }
}
