import type { JsonObject } from '../model/json.ts';
import type { Caller } from '../model/principal.ts';
import type { CallContext } from './call-context.ts';
import { decoyEvents, logDecoys } from './decoy-alert.ts';
import { actor } from './key-ring.ts';
import type { Refusal } from './refusal.ts';

/**
 * A session was asked for, or a file, and policy, a quota or the boundary says no. On the record before it is answered.
 * `about` stays in its details for good. Rejects with `RecordUnavailable`.
 */
export async function recordRefusal(
  context: Pick<CallContext, 'hasDiskReserve' | 'logger' | 'metrics' | 'record'>,
  caller: Caller,
  refusal: Refusal,
  about: JsonObject,
): Promise<Refusal> {
  context.metrics.callRefused(refusal.code);
  const findings = 'findings' in refusal ? refusal.findings : [];
  const subject = { ...actor(caller), tenant: caller.principal.tenant };
  logDecoys(context, findings, { ...about, principal: caller.principal.id, requestId: caller.requestId });
  if (!context.hasDiskReserve()) return unrecorded;
  await context.record.write({
    events: [
      {
        type: refusal.code === 'quota_exceeded' ? 'quota_exceeded' : 'denied',
        ...subject,
        status: refusal.code,
        details: { code: refusal.code, ...about },
      },
      ...decoyEvents(findings, subject),
    ],
  });
  return refusal;
}

export const unrecorded: Refusal = {
  code: 'audit_unavailable',
  detail: 'The record cannot be written, so nothing was done. GET /ready says why.',
};
