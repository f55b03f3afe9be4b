/**
 * Approved calls go through the rest of the one path. The approval is durable with the intent, in one transaction,
 * which only one of many can win: a crash before it leaves the call waiting, a crash after it a call that runs, which
 * the next start closes as `unknown` and never runs again. There is no state between.
 */
import { ApprovalSettled } from '../../audit/record.ts';
import type { Call } from '../../model/call.ts';
import type { CallAnswer, CallContext } from '../call-context.ts';
import { checkArguments } from '../check-arguments.ts';
import { dispatchCall } from '../execute-call.ts';
import { isRefusal } from '../refusal.ts';
import { approvalView } from './approval-view.ts';
import type { DeskAnswer } from './approval-view.ts';
import type { Reopened } from './decide-again.ts';
import { settledApproval } from './end-waiting.ts';
import { approvedEvent, voidCall } from './settle-call.ts';
import type { Deciding } from './settle-call.ts';

export class ApprovedCalls implements AsyncDisposable {
  readonly #context: CallContext;
  /** Approvals on their way to a lease, a slot and their intent. */
  readonly #underway = new Set<string>();
  readonly #runs = new Set<Promise<unknown>>();

  constructor(context: CallContext) {
    this.#context = context;
  }

  /** Answers once the intent is durable; the run goes on. Refused, nothing was decided: it can be tried again. */
  async dispatch(deciding: Deciding, start: Reopened): Promise<DeskAnswer> {
    const { approval, person } = deciding;
    const context = this.#context;
    const inbound = checkArguments(context, start.revision, start.decided, start.args);
    if (isRefusal(inbound)) return voidCall(context, deciding, 'arguments');
    if (this.#underway.has(approval.id)) return alreadyUnderway(approval.callId);
    const waiting = context.record.getCall(approval.callId)?.call;
    if (waiting?.status !== 'pending_approval' || waiting.approval?.id !== approval.id)
      throw new ApprovalSettled('its call does not wait');
    const settled = settledApproval(context, approval, 'approved', person, deciding.reason);
    const claim = { approval: settled, decided: approvedEvent(deciding), waiting };
    const begun = Promise.withResolvers<Call>();
    this.#underway.add(approval.id);
    const run = dispatchCall(context, { ...start, inbound, claim }, (call) => {
      context.metrics.approvalMoved('approved');
      begun.resolve(call);
    });
    this.#follow(run, approval.callId);
    try {
      const first = await Promise.race([begun.promise, run]);
      if (!('kind' in first)) return { kind: 'decided', approval: approvalView(settled), call: first };
      if (first.kind === 'refused') return first;
      return { kind: 'decided', approval: approvalView(settled), call: first.call };
    } finally {
      this.#underway.delete(approval.id);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.#runs);
  }

  /** Nobody waits for the end of the run: what goes wrong in it is told to the log. */
  #follow(run: Promise<CallAnswer>, callId: string): void {
    this.#runs.add(run);
    run
      .catch((error: unknown) => this.#context.logger.error({ err: error, callId }, 'approved call failed'))
      .finally(() => this.#runs.delete(run));
  }
}

function alreadyUnderway(callId: string): DeskAnswer {
  const detail = 'Somebody is approving this call right now. Nothing was run by this request.';
  return {
    kind: 'refused',
    refusal: { code: 'approval_settled', detail, approvalStatus: 'pending' },
    callId,
  };
}
