/** What a decision at the desk leaves on the record when the call does not run. */
import type { EventDraft } from '../../audit/record.ts';
import type { Approval } from '../../model/approval.ts';
import type { Caller } from '../../model/principal.ts';
import { unavailable } from '../begin-call.ts';
import type { CallContext } from '../call-context.ts';
import { actor } from '../key-ring.ts';
import { approvalView, settledAnswer } from './approval-view.ts';
import type { DeskAnswer } from './approval-view.ts';
import { voidReasons } from './decide-again.ts';
import type { VoidCause } from './decide-again.ts';
import { aboutApproval, endWaiting } from './end-waiting.ts';
import type { Qualification, Standing } from './standing.ts';

/** A decision under way: who decides, as what, and why. */
export interface Deciding {
  readonly approval: Approval;
  readonly person: Caller;
  /** Filtered. */
  readonly reason: string;
  readonly qualifies: readonly Qualification[];
  /** Keyed digest of what the person could see. */
  readonly shown: string;
}

export async function rejectCall(context: CallContext, deciding: Deciding): Promise<DeskAnswer> {
  const { approval, person, reason } = deciding;
  const details = decisionDetails(deciding, 'reject');
  const ended = await endWaiting(context, approval, { status: 'rejected', by: person, reason, details });
  return { kind: 'decided', approval: approvalView(ended.approval), call: ended.call };
}

/** Approved, but it no longer fits: both are on the record, and nothing runs. */
export async function voidCall(
  context: CallContext,
  deciding: Deciding,
  cause: VoidCause,
): Promise<DeskAnswer> {
  const { approval } = deciding;
  await endWaiting(context, approval, {
    status: 'voided',
    by: null,
    reason: voidReasons[cause],
    details: { cause },
    before: [approvedEvent(deciding)],
  });
  return settledAnswer(context, approval.id);
}

/** For the record: who approved what, as what, and what they were shown. */
export function approvedEvent(deciding: Deciding): EventDraft {
  const { approval, person, reason } = deciding;
  return {
    type: 'approval_decided',
    ...actor(person),
    ...aboutApproval(approval),
    status: 'approved',
    details: {
      approvalId: approval.id,
      digest: approval.digest,
      ...decisionDetails(deciding, 'approve'),
    },
    content: { reason },
  };
}

function decisionDetails(
  { qualifies, shown }: Deciding,
  decision: 'approve' | 'reject',
): { decision: string; qualifies: { rule: string; as: string }[]; shown: string } {
  return { decision, qualifies: qualifies.map((qualification) => ({ ...qualification })), shown };
}

/** Somebody who sees it tried to decide it. On the record: trying to approve one's own call is worth knowing. */
export async function forbidDecision(
  context: CallContext,
  approval: Approval,
  person: Caller,
  standing: Standing['kind'] | 'blocked',
): Promise<DeskAnswer> {
  const refusal = { code: 'approval_forbidden', detail: whyForbidden(approval, standing) } as const;
  context.metrics.callRefused(refusal.code);
  // What is left of the disk belongs to the outcomes of calls in flight.
  if (!context.hasDiskReserve())
    return unavailable('The disk is too full to record that you may not decide this. Nothing was decided.');
  await context.record.write({
    events: [
      {
        type: 'denied',
        ...actor(person),
        ...aboutApproval(approval),
        status: refusal.code,
        details: { code: refusal.code, approvalId: approval.id, standing },
      },
    ],
  });
  return { kind: 'refused', refusal, callId: approval.callId };
}

function whyForbidden({ tool, approvers }: Approval, standing: Standing['kind'] | 'blocked'): string {
  if (standing === 'own')
    return 'Nobody decides about a call of their own, or of one that they act for. DELETE /v1/calls/{id} takes it back.';
  if (standing === 'blocked')
    return `An operator has blocked your own calls of ${tool}; you may reject one, but let none run.`;
  return `No rule accepts you as approver: ${approvers.map(({ id }) => id).join(', ')} asked.`;
}
