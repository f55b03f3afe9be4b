/** Quotas are leased all at once or not at all, before anything runs, and settled with what the call used. */
import type { QuotaDraw } from '../model/decision.ts';
import type { LeaseHolder, LeaseRefused, LeaseResult } from '../policy/quotas/quota-store.ts';
import { quotaUnits } from '../policy/quotas/quota-units.ts';
import type { MeasuredUse } from '../policy/quotas/quota-units.ts';
import type { CallContext } from './call-context.ts';
import type { Decided } from './decide-call.ts';
import type { Refusal } from './refusal.ts';

/** What a call holds. Leaving its scope settles it, in full unless `ran` or `cancel` was told better. */
export interface QuotaLease extends AsyncDisposable {
  readonly callId: string;
  /** What the call used; null: not known. */
  ran(use: MeasuredUse | null): void;
  /** Nothing ran: everything is given back. */
  cancel(): void;
}

/** Answers at once where the store is in this process: a lease is then one synchronous step. */
export function leaseQuota(
  context: Pick<CallContext, 'quotas' | 'clock' | 'metrics'>,
  decided: Pick<Decided, 'decision'>,
  holder: LeaseHolder,
): QuotaLease | Refusal | Promise<QuotaLease | Refusal> {
  const startedAt = performance.now();
  const leased = context.quotas.lease(decided.decision.quotas, holder, context.clock.now());
  const answer = (result: LeaseResult): QuotaLease | Refusal => {
    context.metrics.quotaAsked(outcomeOf(result), (performance.now() - startedAt) / 1000);
    return result.ok ? held(context, result) : refusal(result);
  };
  return leased instanceof Promise ? leased.then(answer) : answer(leased);
}

/** Of a call that would wait for a person, who would be asked for nothing: a quota gives less than it needs at any time. */
export function findUnmeetableQuota({ decision }: Pick<Decided, 'decision'>): Refusal | null {
  const draw = decision.quotas.find(({ amount, limit }) => amount > limit);
  return draw === undefined ? null : refusal({ ok: false, draw, retryAfterMs: draw.windowMs });
}

function outcomeOf(result: LeaseResult): string {
  if (result.ok) return 'leased';
  if (result.isStoreLost === true) return 'store_lost';
  return result.isFull === true ? 'no_room' : 'used_up';
}

function held(
  { clock }: Pick<CallContext, 'clock'>,
  { lease }: Extract<LeaseResult, { ok: true }>,
): QuotaLease {
  let use: MeasuredUse | null = null;
  let isCancelled = false;
  return {
    callId: lease.callId,
    ran: (measured) => {
      use = measured;
    },
    cancel: () => {
      isCancelled = true;
    },
    async [Symbol.asyncDispose]() {
      await (isCancelled ? lease.cancel(clock.now()) : lease.settle(use, clock.now()));
    },
  };
}

function refusal({ draw, retryAfterMs, isStoreLost, isFull }: LeaseRefused): Refusal {
  const { policy, name, limit, unit, amount, windowMs } = draw;
  const quota = `${policy}/${name}`;
  if (isStoreLost === true) {
    const detail = `The quota ${quota} cannot be counted now, and policy says that then nothing is given. Nothing was run; GET /ready says why.`;
    return { code: 'quota_unavailable', detail, quota };
  }
  if (isFull === true) {
    const detail = `The quota ${quota} cannot count one more key now: this tenant has as many as there is room for. Nothing was run; try again when older ones have left their windows.`;
    return { code: 'quota_exceeded', detail, quota, unit, limit, amount, windowMs, retryAfterMs };
  }
  const wanted = amount > limit ? `; this call needs ${amount}. ${advice(draw)}` : usedUp(draw);
  const detail = `Quota ${quota} gives ${limitText(draw)}${wanted}`;
  return { code: 'quota_exceeded', detail, quota, unit, limit, amount, windowMs, retryAfterMs };
}

function limitText({ unit, limit, windowMs }: QuotaDraw): string {
  return `${limit} ${quotaUnits[unit].words} ${unit === 'concurrent' ? 'at once' : `in ${windowMs} ms`}`;
}

function usedUp({ unit, amount }: QuotaDraw): string {
  if (unit === 'calls' || unit === 'concurrent') return ', and they are used up.';
  return `; this call needs ${amount}, and less is left.`;
}

function advice({ unit }: QuotaDraw): string {
  if (unit === 'cpu_ms' || unit === 'wall_ms') return 'Ask for less with limits.timeoutMs.';
  if (unit === 'output_bytes') return 'Ask for less with limits.outputBytes and limits.logBytes.';
  return 'It can never be given.';
}
