/** A caller takes a call back: one that waits runs never, one that runs is killed. */
import { ApprovalSettled } from '../audit/record.ts';
import type { StoredCall } from '../audit/record.ts';
import type { Call } from '../model/call.ts';
import type { Caller } from '../model/principal.ts';
import { endWaiting } from './approvals/end-waiting.ts';
import type { CallContext } from './call-context.ts';
import { withoutAddress } from './key-ring.ts';

export type Cancellation =
  /** It waited, and will not run. */
  | { readonly kind: 'cancelled'; readonly call: Call }
  /** It runs, and its sandbox is being killed, or it waits for its turn. Unless it ends first it ends as `cancelled`. */
  | { readonly kind: 'ending'; readonly call: Call }
  | { readonly kind: 'ended'; readonly call: Call };

/** Rejects with `RecordUnavailable`; nothing was cancelled then. */
export async function cancelCall(
  context: CallContext,
  by: Caller,
  stored: StoredCall,
): Promise<Cancellation> {
  const { call } = stored;
  if (call.status === 'pending_approval') {
    const cancelled = await cancelWaiting(context, by, call);
    if (cancelled !== null) return { kind: 'cancelled', call: cancelled };
  }
  // Approved, rejected or expired in the meantime: whatever it is now.
  const now = (await context.record.getCall(call.id)) ?? stored;
  const { status } = now.call;
  if (status !== 'running' && status !== 'queued') return { kind: 'ended', call: now.call };
  // Asked again, it is on the record already: nobody may fill that by repeating themselves.
  if (context.running.isEnding(call.id)) return { kind: 'ending', call: now.call };
  await context.record.write({
    events: [
      {
        type: 'call_cancelled',
        ...withoutAddress(by),
        callId: call.id,
        tenant: now.tenant,
        tool: call.tool,
        decision: call.decision,
        details: { was: status },
      },
    ],
  });
  context.running.cancel(call.id);
  return { kind: 'ending', call: now.call };
}

async function cancelWaiting(context: CallContext, by: Caller, call: Call): Promise<Call | null> {
  const approval = call.approval === null ? null : await context.record.getApproval(call.approval.id);
  if (approval === null) return null;
  try {
    const reason = 'taken back by its caller';
    const details = { was: 'pending_approval' };
    return (await endWaiting(context, approval, { status: 'cancelled', by, reason, details })).call;
  } catch (error) {
    if (error instanceof ApprovalSettled) return null;
    throw error;
  }
}
