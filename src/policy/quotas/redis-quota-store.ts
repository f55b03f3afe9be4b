/**
 * Quotas that several processes share, counted in Redis: exact on one primary. Each process has a ledger of its own
 * share, rebuilt from its record at start. The ledger is the truth of that share: whenever a connection is made (after
 * a loss, a restart or a fail-over of Redis, with or without its data), it is written to Redis anew.
 *
 * While Redis is lost, a quota gives nothing, or (`onStoreLoss: local`) what the ledger of this process gives: then
 * each process can give the whole limit. A process that cannot reach Redis for longer than 15 s is taken for
 * dead by the others: its calls then count as if they had ended.
 */
import type { QuotaDraw } from '../../model/decision.ts';
import { counterKey, HELD_RETRY_MS, neverFitsRetryMs } from './quota-ledger.ts';
import type { CounterChange, QuotaLedger, TakenLease } from './quota-ledger.ts';
import type {
  Lease,
  LeaseHolder,
  LeaseRefused,
  LeaseResult,
  QuotaStore,
  QuotaStoreState,
} from './quota-store.ts';
import { inSteps, quotaUnits } from './quota-units.ts';
import { StoreLost } from './redis-connection.ts';
import type { ScriptAnswer } from './redis-connection.ts';
import { RedisLink } from './redis-link.ts';
import type { RedisLinkOptions, Seed } from './redis-link.ts';
import { bucketWidthMs } from './sliding-window.ts';

export interface RedisQuotaStoreOptions extends Omit<RedisLinkOptions, 'seeds' | 'onChange'> {
  /** Already rebuilt from the record. */
  readonly ledger: QuotaLedger;
  readonly onChange: (state: QuotaStoreState) => void;
}

export class RedisQuotaStore implements QuotaStore {
  readonly #ledger: QuotaLedger;
  readonly #link: RedisLink;
  /** Redis' clock minus ours: between answers, its time is told by this. */
  #offsetMs = 0;

  /** Resolves after the first attempt to reach Redis, whatever became of it. */
  static async open(options: RedisQuotaStoreOptions): Promise<RedisQuotaStore> {
    const store = new RedisQuotaStore(options);
    await store.#link.start();
    return store;
  }

  constructor({ ledger, onChange, ...options }: RedisQuotaStoreOptions) {
    this.#ledger = ledger;
    this.#link = new RedisLink({
      ...options,
      seeds: () => this.#seeds(),
      onChange: () => onChange(this.state()),
    });
  }

  get openLeases(): number {
    return this.#ledger.openLeases;
  }

  state(): QuotaStoreState {
    const clockOffsetMs = this.#offsetMs;
    if (this.#link.isUp) return { store: 'redis', state: 'ok', reason: null, clockOffsetMs };
    const reason = this.#link.reason ?? 'the counters are being written to Redis';
    const meaning = 'quotas give nothing, or with onStoreLoss: local what this process counts by itself';
    return { store: 'redis', state: 'lost', reason: `${reason}; ${meaning}` };
  }

  lease(draws: readonly QuotaDraw[], holder: LeaseHolder, nowMs: number): LeaseResult | Promise<LeaseResult> {
    if (draws.length === 0) return this.#ledger.lease(draws, holder, nowMs);
    const noRoom = this.#ledger.findNoRoom(draws, holder, nowMs + this.#offsetMs);
    if (noRoom !== null) return noRoom;
    return this.#link.isUp ? this.#leaseShared(draws, holder, nowMs) : this.#leaseAlone(draws, holder, nowMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#link[Symbol.asyncDispose]();
  }

  async #leaseShared(draws: readonly QuotaDraw[], holder: LeaseHolder, nowMs: number): Promise<LeaseResult> {
    let answer: ScriptAnswer;
    try {
      answer = await this.#link.run('lease', draws.map(counterKey), draws.flatMap(leaseArguments));
    } catch (error) {
      if (!(error instanceof StoreLost)) throw error;
      return this.#leaseAlone(draws, holder, nowMs);
    }
    this.#offsetMs = answer.nowMs - nowMs;
    if (answer.kind === 'refused') return refusedBy(draws, answer);
    return { ok: true, lease: this.#held(this.#ledger.take(draws, holder, answer.nowMs), holder) };
  }

  #leaseAlone(draws: readonly QuotaDraw[], holder: LeaseHolder, nowMs: number): LeaseResult {
    const strict = draws.find(({ onStoreLoss }) => onStoreLoss === 'deny');
    if (strict !== undefined)
      return { ok: false, draw: strict, retryAfterMs: HELD_RETRY_MS, isStoreLost: true };
    const refused = this.#ledger.findUsedUp(draws);
    if (refused !== null) return refused;
    const taken = this.#ledger.take(draws, holder, nowMs + this.#offsetMs);
    void this.#tell(taken.changes);
    return { ok: true, lease: this.#held(taken, holder) };
  }

  #held(taken: TakenLease, { callId }: LeaseHolder): Lease {
    return {
      callId,
      settle: (use, nowMs) => this.#tell(taken.settle(use, nowMs + this.#offsetMs)),
      cancel: (nowMs) => this.#tell(taken.cancel(nowMs + this.#offsetMs)),
    };
  }

  /** What Redis does not get to hear, it is told with the next connection. */
  async #tell(changes: readonly CounterChange[]): Promise<void> {
    if (changes.length === 0 || !this.#link.hasConnection) return;
    const args = changes.flatMap(({ windowMs, held, counted, endMs }) =>
      [windowMs, held, counted, endMs].map(String),
    );
    try {
      await this.#link.run(
        'change',
        changes.map(({ key }) => key),
        args,
      );
    } catch (error) {
      if (!(error instanceof StoreLost)) throw error;
    }
  }

  *#seeds(): Generator<Seed> {
    for (const { key, windowMs, held, buckets } of this.#ledger.counters()) {
      const counted = buckets.map(({ endMs, count }) => `${endMs},${count}`).join(';');
      yield { key, args: [String(windowMs), String(held), counted] };
    }
  }
}

const kinds = { start: 's', held: 'h', end: 'e' } as const;

function leaseArguments({ unit, limit, windowMs, amount }: QuotaDraw): readonly string[] {
  return [
    kinds[quotaUnits[unit].counted],
    String(inSteps(unit, limit)),
    String(windowMs),
    String(bucketWidthMs(windowMs)),
    String(inSteps(unit, amount)),
  ];
}

function refusedBy(
  draws: readonly QuotaDraw[],
  { index, waitMs }: Extract<ScriptAnswer, { kind: 'refused' }>,
): LeaseRefused {
  const draw = draws[index];
  if (draw === undefined) throw new Error(`the quota script named draw ${index} of ${draws.length}`);
  const retryAfterMs = waitMs === 0 ? HELD_RETRY_MS : waitMs === -1 ? neverFitsRetryMs(draw) : waitMs;
  return { ok: false, draw, retryAfterMs };
}
