/**
 * Erasure: takes the content out of calls and of what was done about them, by the rules. Refused for one's own calls, for
 * what is younger than the minimum age, for what a hold means, and for calls that are under way; a refusal is on the record too.
 */
import { ContentHeld } from '../../audit/erasure.ts';
import { RecordUnavailable } from '../../audit/record.ts';
import { isOpen } from '../../model/call.ts';
import { withoutAddress } from '../key-ring.ts';
import type { ErasurePlan, RecordSelection } from '../../audit/erasure.ts';
import type { RecordStore, StoredCall } from '../../audit/record.ts';
import type { Call } from '../../model/call.ts';
import type { Caller } from '../../model/principal.ts';
import type { Clock } from '../call-context.ts';

/** Calls that one erasure takes, in one transaction. More are a second request: the answer says that they remain. */
export const erasedCallsMax = 1_000;

/** Back-ups that an answer names. */
const backupsMax = 100;

export interface WantedErasure extends RecordSelection {
  readonly reason: string;
  readonly legalBasis: string;
  readonly ticket: string;
}

export interface ErasureDone {
  readonly kind: 'erased';
  /** `era_…` */
  readonly id: string;
  readonly calls: number;
  readonly events: number;
  /** More fits the selection: ask again. */
  readonly remaining: boolean;
  /** The files were written anew, so that their bytes hold nothing of it; else this is tried again until it is done. */
  readonly scrubbed: boolean;
  /** Why that is not done yet; null once it is. */
  readonly scrubDelay: string | null;
  /** Back-ups made since the oldest of it, which are out of reach. */
  readonly backups: readonly string[];
}

export type ErasureRefusal = {
  readonly kind: 'refused';
  readonly why: 'own_calls' | 'too_recent' | 'held' | 'open_calls';
  readonly detail: string;
};

export interface ErasureDeskOptions {
  readonly record: Pick<RecordStore, 'planErasure' | 'write' | 'scrub' | 'listEvents' | 'listHolds'>;
  readonly clock: Clock;
  readonly newId: (prefix: string) => string;
  /** Takes secrets out of words that are kept for good. */
  readonly redactText: (text: string) => string;
  /** What is younger cannot be erased, milliseconds. */
  readonly minimumAgeMs: number;
  readonly logger: Record<'warn', (fields: object, message: string) => void>;
}

export class ErasureDesk {
  readonly #options: ErasureDeskOptions;

  constructor(options: ErasureDeskOptions) {
    this.#options = options;
  }

  /** Null when nothing is left to erase. Durable when it resolves. Rejects with `RecordUnavailable`. */
  async erase(by: Caller, wanted: WantedErasure): Promise<ErasureDone | ErasureRefusal | null> {
    const { record, newId } = this.#options;
    const { reason: _reason, legalBasis: _basis, ticket: _ticket, ...selection } = wanted;
    const plan = await record.planErasure(selection, erasedCallsMax);
    if (plan.places.length === 0 && plan.calls.length === 0) return null;
    const refusal = this.#refusal(by, plan);
    if (refusal !== null) return this.#refuse(by, wanted, refusal);
    const id = newId('era');
    const backups = await this.#backupsSince(plan.oldest);
    try {
      await this.#clear(by, id, wanted, plan, backups);
    } catch (error) {
      if (!(error instanceof ContentHeld)) throw error;
      return this.#refuse(by, wanted, held(await this.#holdIds()));
    }
    const scrubDelay = await this.#scrub(id);
    return {
      kind: 'erased',
      id,
      calls: plan.callIds.length,
      events: plan.places.length,
      remaining: plan.remaining,
      scrubbed: scrubDelay === null,
      scrubDelay,
      backups,
    };
  }

  #refusal(by: Caller, plan: ErasurePlan): ErasureRefusal | null {
    const { clock, minimumAgeMs } = this.#options;
    if (plan.principals.includes(by.principal.id))
      return refused('own_calls', 'It would erase what you did yourself: somebody else has to.');
    if (plan.holds.length > 0) return held(plan.holds);
    if (plan.calls.some(({ call }) => isOpen(call)))
      return refused('open_calls', 'Some of these calls run or wait: cancel them, or erase them later.');
    const youngestMs = clock.now() - minimumAgeMs;
    if (plan.newest === null || Date.parse(plan.newest) <= youngestMs) return null;
    const until = new Date(youngestMs).toISOString();
    return refused(
      'too_recent',
      `Some of it is younger than the minimum retention (SALLYPORT_AUDIT_MIN_RETENTION_DAYS): only what ended before ${until} can be erased; narrow the selection with \`to\`.`,
    );
  }

  async #refuse(by: Caller, wanted: WantedErasure, refusal: ErasureRefusal): Promise<ErasureRefusal> {
    await this.#options.record.write({
      events: [
        {
          type: 'erasure_refused',
          ...withoutAddress(by),
          tenant: by.principal.tenant,
          status: refusal.why,
          details: this.#detailsOf(wanted),
        },
      ],
    });
    return refusal;
  }

  async #clear(
    by: Caller,
    id: string,
    wanted: WantedErasure,
    plan: ErasurePlan,
    backups: readonly string[],
  ): Promise<void> {
    const erasedAt = new Date(this.#options.clock.now()).toISOString();
    const { places, calls, callIds, sessionIds, oldest, newest } = plan;
    await this.#options.record.write({
      events: [
        {
          type: 'erased',
          ...withoutAddress(by),
          tenant: by.principal.tenant,
          details: {
            ...this.#detailsOf(wanted),
            erasure: id,
            calls: callIds.length,
            events: places.length,
            oldest,
            newest,
            backups: [...backups],
          },
        },
        ...callIds.map((callId) => {
          const stored = calls.find(({ call }) => call.id === callId);
          const whose = stored === undefined ? {} : { tenant: stored.tenant, tool: stored.call.tool };
          return {
            type: 'erased',
            ...withoutAddress(by),
            ...whose,
            callId,
            details: { erasure: id },
          } as const;
        }),
      ],
      calls: calls.map((stored): StoredCall => ({ ...stored, call: emptied(stored.call, erasedAt) })),
      clearing: { places, callIds, calls: 'emptied', sessionIds },
    });
  }

  #detailsOf({ reason, legalBasis, ticket, ...selection }: WantedErasure) {
    const { redactText } = this.#options;
    return {
      selection: { ...selection },
      reason: redactText(reason),
      legalBasis: redactText(legalBasis),
      ticket: redactText(ticket),
    };
  }

  /** What it waits for, null when it is done. */
  async #scrub(id: string): Promise<string | null> {
    try {
      await this.#options.record.scrub();
      return null;
    } catch (error) {
      if (!(error instanceof RecordUnavailable)) throw error;
      this.#options.logger.warn({ err: error, erasure: id }, 'files not yet rewritten after an erasure');
      return error.message;
    }
  }

  async #backupsSince(oldest: string | null): Promise<readonly string[]> {
    const query = { tenant: null, type: 'backup', order: 'desc', limit: backupsMax } as const;
    const page = await this.#options.record.listEvents(oldest === null ? query : { ...query, from: oldest });
    return page.items.map(({ details, time }) => `${JSON.stringify(details['name'])} of ${time}`);
  }

  async #holdIds(): Promise<readonly string[]> {
    return (await this.#options.record.listHolds()).map(({ id }) => id);
  }
}

/** Who, what, under which rule, how it ended, what it used and what the filter found: that stays. */
function emptied(call: Call, erasedAt: string): Call {
  const { output, approval } = call;
  return {
    ...call,
    result: null,
    error: null,
    output: { stdout: '', stderr: '', truncated: output.truncated },
    artifacts: [],
    approval: approval === null ? null : { ...approval, reason: null },
    labels: {},
    erasedAt,
  };
}

function refused(why: ErasureRefusal['why'], detail: string): ErasureRefusal {
  return { kind: 'refused', why, detail };
}

function held(ids: readonly string[]): ErasureRefusal {
  return refused(
    'held',
    `A hold means some of it (${ids.slice(0, 10).join(', ')}): it can be erased once the hold is released.`,
  );
}
