/** A call that a person has to approve: durable as a whole, with its arguments sealed, before 202 is answered. */
import { IdempotencyTaken, RecordUnavailable } from '../../audit/record.ts';
import type { EventDraft } from '../../audit/record.ts';
import type { Approval } from '../../model/approval.ts';
import type { Call } from '../../model/call.ts';
import type { RequiredApproval } from '../../model/decision.ts';
import { callEvent, contentOf, emptyCall, factsOf, labelsOf, unavailable } from '../begin-call.ts';
import type { CallStart } from '../begin-call.ts';
import type { CallAnswer, CallContext } from '../call-context.ts';
import { idempotencyEntry, raceAnswer } from '../idempotency.ts';
import { refuseCall } from '../refuse-call.ts';
import { callApproval } from './approval-view.ts';
import { decisionDigest, digestedSession } from './decision-digest.ts';
import { encodePayload } from './pending-payload.ts';

/** What is told to somebody who has too many calls waiting already. */
const retryAfterMs = 60_000;

/** Up to its decision; no quota is leased and no slot taken while it waits. */
export type Admitted = Omit<CallStart, 'claim'>;

export async function requestApproval(context: CallContext, admitted: Admitted): Promise<CallAnswer> {
  const { callId, caller, request, args, decided } = admitted;
  const { approval: required } = decided.decision;
  if (required === null) throw new TypeError(`call ${callId} needs no approval`);
  if (!context.hasDiskReserve()) {
    return unavailable(
      'The disk is too full to promise room for another outcome. Nothing was run; ops must free space.',
    );
  }
  const entered = await context.approvals.waitingRoom.enter(caller.principal);
  if (typeof entered === 'number') return refuseCall(context, caller, request, tooMany(entered), decided);
  using _place = entered;
  const approval = await newApproval(context, admitted, required);
  const labels = labelsOf(context, request);
  const call: Call = {
    ...emptyCall(admitted, 'pending_approval', labels, new Date(approval.requestedAtMs).toISOString()),
    approval: callApproval(approval),
  };
  const idempotency = idempotencyEntry(context, caller, request, callId);
  try {
    await context.record.write({
      events: [requestedEvent(context, admitted, approval, labels)],
      calls: [{ call, tenant: approval.tenant, principal: approval.principal }],
      requestedApproval: {
        approval,
        payload: context.approvals.seal.seal(approval, encodePayload(caller, request, args)),
      },
      ...(idempotency === null ? {} : { idempotency }),
    });
  } catch (error) {
    if (error instanceof IdempotencyTaken) return await raceAnswer(context, caller, request);
    if (!(error instanceof RecordUnavailable)) throw error;
    context.logger.error({ err: error, callId }, 'approval request not durable, call refused');
    return unavailable('The record cannot be written, so nothing was run. GET /ready says why.');
  }
  context.metrics.approvalMoved('requested');
  context.approvals.announce(approval);
  return { kind: 'call', call, isReplay: false };
}

async function newApproval(
  context: CallContext,
  admitted: Admitted,
  required: RequiredApproval,
): Promise<Approval> {
  const { callId, caller, tool, args, decided, revision } = admitted;
  const { id: principal, tenant } = caller.principal;
  const act = caller.act ?? [];
  const requestedAtMs = context.clock.now();
  return {
    id: context.newId('apr'),
    callId,
    tool: tool.name,
    toolDigest: tool.digest,
    principal,
    tenant,
    key: caller.keyId,
    act,
    reasons: decided.decision.reasons,
    approvers: required.rules,
    matched: decided.decision.matched,
    revision: revision.id,
    limits: decided.limits,
    digest: decisionDigest(context.fingerprint, {
      principal,
      tenant,
      act,
      revision,
      tool,
      args,
      decided,
      session: await digestedSession(context, admitted.request.session),
    }),
    requestedAtMs,
    expiresAtMs: requestedAtMs + required.expiresMs,
    status: 'pending',
    settled: null,
  };
}

function requestedEvent(
  context: CallContext,
  admitted: Admitted,
  approval: Approval,
  labels: Call['labels'],
): EventDraft {
  return {
    type: 'approval_requested',
    ...callEvent(admitted),
    status: 'pending_approval',
    boundary: admitted.inbound.report,
    details: {
      approvalId: approval.id,
      digest: approval.digest,
      expiresAt: new Date(approval.expiresAtMs).toISOString(),
      rules: approval.approvers.map(({ id }) => id),
      ...factsOf(context, admitted),
    },
    content: contentOf(admitted, labels),
  };
}

function tooMany(limit: number): Parameters<typeof refuseCall>[3] {
  return {
    code: 'quota_exceeded',
    detail: `${limit} calls wait for approval already, and no more may. Cancel one, or wait until some are decided.`,
    quota: 'sallyport/waiting-for-approval',
    unit: 'concurrent',
    limit,
    amount: 1,
    windowMs: 0,
    retryAfterMs,
  };
}
