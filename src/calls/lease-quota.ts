/** Quotas are leased all at once or not at all, before anything runs. */
import type { Lease } from '../policy/quota-ledger.ts';
import type { CallContext } from './call-context.ts';
import type { Decided } from './decide-call.ts';
import type { Refusal } from './refusal.ts';

/** What a call holds; leaving its scope releases it. `cancel` first when nothing ran. */
export type QuotaLease = Lease & Disposable;

export function leaseQuota(context: CallContext, decided: Decided, callId: string): QuotaLease | Refusal {
  const leased = context.quotas.lease(decided.decision.quotas, callId, context.clock.now());
  if (leased.ok) {
    const { lease } = leased;
    return {
      callId,
      release: () => lease.release(),
      cancel: () => lease.cancel(),
      [Symbol.dispose]: () => lease.release(),
    };
  }
  const { draw, retryAfterMs } = leased;
  const per = draw.unit === 'concurrent' ? 'at once' : `in ${draw.windowMs} ms`;
  return {
    code: 'quota_exceeded',
    detail: `Quota ${draw.policy}/${draw.name} gives ${draw.limit} calls ${per}, and they are used up.`,
    quota: `${draw.policy}/${draw.name}`,
    limit: draw.limit,
    windowMs: draw.windowMs,
    retryAfterMs,
  };
}
