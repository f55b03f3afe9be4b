/** A waiting call that will not run: approval, call and event become final together, and its arguments are deleted. */
import { ApprovalSettled } from '../../audit/record.ts';
import type { EventDraft } from '../../audit/record.ts';
import type { Approval } from '../../model/approval.ts';
import type { Call, CallStatus } from '../../model/call.ts';
import type { JsonObject } from '../../model/json.ts';
import type { Caller } from '../../model/principal.ts';
import type { CallContext } from '../call-context.ts';
import { actor } from '../key-ring.ts';
import { callApproval } from './approval-view.ts';

type EndStatus = Exclude<Approval['status'], 'pending' | 'approved'>;

export interface End {
  readonly status: EndStatus;
  /** null: the server itself. */
  readonly by: Caller | null;
  /** Filtered already. */
  readonly reason: string | null;
  readonly details?: JsonObject;
  /** Written before the event of the end itself. */
  readonly before?: readonly EventDraft[];
}

const callStatuses: Readonly<Record<EndStatus, CallStatus>> = {
  rejected: 'rejected',
  expired: 'rejected',
  voided: 'voided',
  cancelled: 'cancelled',
};

const eventTypes: Readonly<Record<EndStatus, EventDraft['type']>> = {
  rejected: 'approval_decided',
  expired: 'approval_expired',
  voided: 'approval_voided',
  cancelled: 'call_cancelled',
};

/** Rejects with `ApprovalSettled` when something else ended its waiting first, and with `RecordUnavailable`. */
export async function endWaiting(
  context: CallContext,
  approval: Approval,
  end: End,
): Promise<{ readonly approval: Approval; readonly call: Call }> {
  const { status, by, reason, details = {}, before = [] } = end;
  const stored = await context.record.getCall(approval.callId);
  // Rows that do not belong together, or no longer wait, are left as they are.
  if (stored?.call.status !== 'pending_approval' || stored.call.approval?.id !== approval.id)
    throw new ApprovalSettled(`the call of approval ${approval.id} does not wait for it`);
  const settled = settledApproval(context, approval, status, by, reason);
  const call: Call = {
    ...stored.call,
    status: callStatuses[status],
    approval: callApproval(settled),
    finishedAt: new Date(context.clock.now()).toISOString(),
  };
  const event: EventDraft = {
    type: eventTypes[status],
    ...actor(by),
    ...aboutApproval(approval),
    decision: call.decision,
    status: call.status,
    details: { approvalId: approval.id, digest: approval.digest, ...details },
    ...(reason === null || status === 'voided' ? {} : { content: { reason } }),
  };
  await context.record.write({
    events: [...before, event],
    calls: [{ call, tenant: stored.tenant, principal: stored.principal }],
    settledApproval: settled,
  });
  context.metrics.approvalMoved(status);
  return { approval: settled, call };
}

export function settledApproval(
  context: Pick<CallContext, 'clock'>,
  approval: Approval,
  status: Approval['status'],
  by: Caller | null,
  reason: string | null,
): Approval {
  const settled = { atMs: context.clock.now(), by: by?.principal.id ?? null, reason };
  return { ...approval, status, settled };
}

/** What every event about a waiting call says of it. */
export function aboutApproval({
  callId,
  tenant,
  tool,
  toolDigest,
}: Approval): Pick<EventDraft, 'callId' | 'tenant' | 'tool' | 'toolDigest'> {
  return { callId, tenant, tool, toolDigest };
}
