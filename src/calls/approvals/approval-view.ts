/** What is shown of an approval: little to the caller, everything that matters to the approver. */
import type { Approval } from '../../model/approval.ts';
import type { Call, CallApproval } from '../../model/call.ts';
import type { JsonValue } from '../../model/json.ts';
import type { Limits } from '../../model/limits.ts';
import type { CallAnswer, CallContext } from '../call-context.ts';

export interface ApprovalView {
  readonly id: string;
  readonly status: Approval['status'];
  readonly callId: string;
  readonly tool: string;
  readonly toolDigest: string;
  readonly principal: string;
  readonly tenant: string;
  readonly act: readonly string[];
  /** Why somebody is asked: what the rules say, and all that matched. */
  readonly reasons: readonly string[];
  readonly matched: readonly string[];
  readonly revision: string;
  readonly limits: Limits;
  /** What exactly the decision is about: the same digest is what runs. */
  readonly digest: string;
  readonly requestedAt: string;
  readonly expiresAt: string;
  readonly decidedAt: string | null;
  readonly decidedBy: string | null;
  readonly reason: string | null;
}

/** One approval, with what the call would run with. */
export interface ApprovalDetail extends ApprovalView {
  /** Filtered as for the record. null once they are deleted, and when the seal does not open. */
  readonly args: JsonValue;
  /** False where the filter hides something of what would run: the approver does not see it all. */
  readonly isComplete: boolean;
  /** Why approving it would void it, as things stand; null when it would run. */
  readonly hindrance: string | null;
}

export function approvalView(approval: Approval): ApprovalView {
  const { settled, requestedAtMs, expiresAtMs } = approval;
  return {
    id: approval.id,
    status: approval.status,
    callId: approval.callId,
    tool: approval.tool,
    toolDigest: approval.toolDigest,
    principal: approval.principal,
    tenant: approval.tenant,
    act: approval.act,
    reasons: approval.reasons,
    matched: approval.matched,
    revision: approval.revision,
    limits: approval.limits,
    digest: approval.digest,
    requestedAt: time(requestedAtMs),
    expiresAt: time(expiresAtMs),
    decidedAt: settled === null ? null : time(settled.atMs),
    decidedBy: settled?.by ?? null,
    reason: settled?.reason ?? null,
  };
}

/** For the caller: who decided is the approvers' affair, and so are their words about a call that runs. */
export function callApproval({ id, status, expiresAtMs, settled }: Approval): CallApproval {
  return {
    id,
    status,
    expiresAt: time(expiresAtMs),
    decidedAt: settled === null ? null : time(settled.atMs),
    reason: status === 'approved' ? null : (settled?.reason ?? null),
  };
}

/** What a decision led to. */
export type DeskAnswer =
  | { readonly kind: 'decided'; readonly approval: ApprovalView; readonly call: Call }
  | RefusedCall
  /** There is none, or it is not for this person to see. */
  | { readonly kind: 'unknown' };

export type RefusedCall = Extract<CallAnswer, { kind: 'refused' }>;

/** For whoever came too late. */
export async function settledAnswer(context: Pick<CallContext, 'record'>, id: string): Promise<RefusedCall> {
  const approval = await context.record.getApproval(id);
  const status = approval?.status ?? 'voided';
  // What an approver said of a call that runs is not for everybody who asks.
  const why = status === 'approved' ? null : (approval?.settled?.reason ?? null);
  const detail =
    status === 'pending'
      ? 'The time of this approval is over, or its call is no longer waiting. Nothing was run by this request.'
      : `This approval was ${status} before${why === null ? '' : ` (${why})`}. It is decided once; nothing was run by this request.`;
  return {
    kind: 'refused',
    refusal: { code: 'approval_settled', detail, approvalStatus: status },
    callId: approval?.callId ?? null,
  };
}

function time(ms: number): string {
  return new Date(ms).toISOString();
}
