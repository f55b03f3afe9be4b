/** Quotas are leased all at once or not at all, before anything runs. */
import type { QuotaLease } from '../policy/quota-ledger.ts';
import type { CallContext } from './call-context.ts';
import type { Decided } from './decide-call.ts';
import type { Refusal } from './refusal.ts';

export function leaseQuota(context: CallContext, decided: Decided, callId: string): QuotaLease | Refusal {
  const leased = context.quotas.lease(decided.decision.quotas, callId, context.clock.now());
  if (leased.ok) return leased.lease;
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
