/** Holds: what they mean is neither erased nor removed by age. Each change is on the record with the change itself. */
import { actor } from '../key-ring.ts';
import type { Hold, RecordSelection } from '../../audit/erasure.ts';
import type { RecordStore } from '../../audit/record.ts';
import type { Caller } from '../../model/principal.ts';
import type { Clock } from '../call-context.ts';

/** Every clearing looks at all of them. */
const holdsMax = 1_000;

export interface NewHold extends RecordSelection {
  readonly reason: string;
}

export interface HoldDeskOptions {
  readonly record: Pick<RecordStore, 'write' | 'listHolds'>;
  readonly clock: Clock;
  readonly newId: (prefix: string) => string;
  readonly redactText: (text: string) => string;
}

export class HoldDesk {
  readonly #options: HoldDeskOptions;

  constructor(options: HoldDeskOptions) {
    this.#options = options;
  }

  /** Oldest first. */
  list(): Promise<readonly Hold[]> {
    return this.#options.record.listHolds();
  }

  /** Null when there are as many as there may be. */
  async set(by: Caller, { reason, ...selection }: NewHold): Promise<Hold | null> {
    const { record, clock, newId, redactText } = this.#options;
    if ((await this.list()).length >= holdsMax) return null;
    const hold: Hold = {
      id: newId('hold'),
      selection,
      reason: redactText(reason),
      setBy: by.principal.id,
      setAtMs: clock.now(),
    };
    await record.write({
      events: [{ type: 'hold_set', ...actor(by), tenant: by.principal.tenant, details: detailsOf(hold) }],
      hold,
    });
    return hold;
  }

  /** False when there is no such hold. */
  async release(by: Caller, id: string, reason: string): Promise<boolean> {
    const { record, redactText } = this.#options;
    const hold = (await this.list()).find((candidate) => candidate.id === id);
    if (hold === undefined) return false;
    const details = { ...detailsOf(hold), releaseReason: redactText(reason) };
    await record.write({
      events: [{ type: 'hold_released', ...actor(by), tenant: by.principal.tenant, details }],
      releasedHold: id,
    });
    return true;
  }
}

function detailsOf({ id, selection, reason, setBy }: Hold) {
  return { hold: id, selection: { ...selection }, reason, setBy };
}
