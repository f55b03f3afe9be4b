/** Approvals that nobody decided in time. Looked for by a timer, so that a restart changes nothing. */
import { ApprovalSettled, RecordUnavailable } from '../../audit/record.ts';
import type { Approval } from '../../model/approval.ts';
import type { CallContext } from '../call-context.ts';
import { endWaiting } from './end-waiting.ts';

/** Ended in one look; more wait for the next. */
const batchMax = 100;
const everyMs = 1000;

/** Ends all that are overdue by the context's clock; how many. Rejects with `RecordUnavailable`. */
export async function expireApprovals(context: CallContext): Promise<number> {
  const overdue = await context.record.overdueApprovals(context.clock.now(), batchMax);
  for (const approval of overdue) await expireApproval(context, approval);
  return overdue.length;
}

export async function expireApproval(context: CallContext, approval: Approval): Promise<void> {
  try {
    await endWaiting(context, approval, {
      status: 'expired',
      by: null,
      reason: 'nobody decided in time',
      details: { expiresAt: new Date(approval.expiresAtMs).toISOString() },
    });
  } catch (error) {
    if (!(error instanceof ApprovalSettled)) throw error;
  }
}

/** Looks once a second. Disposing waits for a look that is under way. */
export function watchExpiry(context: CallContext): AsyncDisposable {
  let looking: Promise<void> | null = null;
  const look = async (): Promise<void> => {
    try {
      await expireApprovals(context);
    } catch (error) {
      const isExpected = error instanceof RecordUnavailable;
      context.logger[isExpected ? 'warn' : 'error']({ err: error }, 'approvals not looked through');
    }
  };
  const timer = setInterval(() => {
    looking ??= look().finally(() => (looking = null));
  }, everyMs);
  timer.unref();
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await looking;
    },
  };
}
