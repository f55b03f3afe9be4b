/**
 * Approved calls go through the rest of the one path. The approval is durable with the intent, in one transaction,
 * which only one of many can win: a crash before it leaves the call waiting, a crash after it a call that runs, which
 * the next start closes as `unknown` and never runs again. There is no state between.
 */
import { ApprovalSettled } from '../../audit/record.ts';
import type { CallStart } from '../begin-call.ts';
import type { CallContext } from '../call-context.ts';
import { checkArguments } from '../check-arguments.ts';
import type { DetachedCalls } from '../detached-calls.ts';
import { dispatchCall } from '../execute-call.ts';
import { isRefusal } from '../refusal.ts';
import { traceCall } from '../trace-call.ts';
import { approvalView } from './approval-view.ts';
import type { DeskAnswer } from './approval-view.ts';
import { decideAgain, isStillApprover } from './decide-again.ts';
import type { Reopened } from './decide-again.ts';
import { settledApproval } from './end-waiting.ts';
import { approvedEvent, voidCall } from './settle-call.ts';
import type { Deciding } from './settle-call.ts';

export class ApprovedCalls {
  readonly #context: CallContext;
  readonly #detached: DetachedCalls;
  /** Approvals on their way to a lease, a slot and their intent. */
  readonly #underway = new Set<string>();

  constructor(context: CallContext, detached: DetachedCalls) {
    this.#context = context;
    this.#detached = detached;
  }

  /** Answers once the intent is durable; the run goes on. Refused, nothing was decided: it can be tried again. */
  async dispatch(deciding: Deciding, start: Reopened): Promise<DeskAnswer> {
    const { approval } = deciding;
    const context = this.#context;
    const inbound = await checkArguments(context, start);
    // That there is no memory for its files now is nothing that the call is refused for.
    if (isRefusal(inbound) && inbound.code === 'overloaded')
      return { kind: 'refused', refusal: inbound, callId: approval.callId };
    if (isRefusal(inbound))
      return voidCall(context, deciding, inbound.code === 'not_found' ? 'files' : 'arguments');
    if (this.#underway.has(approval.id)) return alreadyUnderway(approval.callId);
    this.#underway.add(approval.id);
    try {
      return await this.#run(deciding, { ...start, inbound });
    } finally {
      this.#underway.delete(approval.id);
    }
  }

  async #run(deciding: Deciding, start: Omit<CallStart, 'claim'>): Promise<DeskAnswer> {
    const { approval, person } = deciding;
    const context = this.#context;
    const waiting = (await context.record.getCall(approval.callId))?.call;
    if (waiting?.status !== 'pending_approval' || waiting.approval?.id !== approval.id)
      throw new ApprovalSettled('its call does not wait');
    const settled = settledApproval(context, approval, 'approved', person, deciding.reason);
    const isOvertaken = async (): Promise<boolean> => {
      // Settled by somebody else: the write finds that out, and says by what.
      if ((await context.record.getApproval(approval.id))?.status !== 'pending') return false;
      const { verdict, rules } = await decideAgain(context, approval);
      return 'void' in verdict || !(await isStillApprover(context, approval, rules, person));
    };
    const claim = { approval: settled, decided: approvedEvent(deciding), waiting, isOvertaken };
    const answer = await this.#detached.answerWithin(0, (observer) =>
      traceCall(context, person, start.tool.name, () =>
        dispatchCall(
          context,
          { ...start, claim },
          {
            begun: (call) => {
              context.metrics.approvalMoved('approved');
              observer.begun?.(call);
            },
          },
        ),
      ),
    );
    if (answer.kind === 'refused') return answer;
    return { kind: 'decided', approval: approvalView(settled), call: answer.call };
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
