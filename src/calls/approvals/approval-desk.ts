/**
 * Where people decide about waiting calls. Trusted: who they are (proved at the door). Everything else is looked at
 * anew each time: whether they may, whether the call is what was shown, whether policy still says the same.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { canonicalJson } from '../../audit/canonical-json.ts';
import { ApprovalSettled, InvalidCursor } from '../../audit/record.ts';
import type { ApprovalQuery } from '../../audit/record.ts';
import type { Approval } from '../../model/approval.ts';
import type { Caller } from '../../model/principal.ts';
import type { CallContext } from '../call-context.ts';
import type { DetachedCalls } from '../detached-calls.ts';
import { approvalView, settledAnswer } from './approval-view.ts';
import type { ApprovalDetail, ApprovalView, DeskAnswer } from './approval-view.ts';
import { ApprovedCalls } from './approved-calls.ts';
import { decideAgain, voidReasons } from './decide-again.ts';
import type { Reconsidered } from './decide-again.ts';
import { expireApproval } from './expire-approvals.ts';
import { ListCursor } from './list-cursor.ts';
import { forbidDecision, rejectCall, voidCall } from './settle-call.ts';
import type { Deciding } from './settle-call.ts';
import { standingOf } from './standing.ts';
import type { Standing } from './standing.ts';

export interface WantedDecision {
  readonly decision: 'approve' | 'reject';
  readonly reason: string;
}

/** Approvals that one page looks at, however many of them it may show. */
const lookedAtMax = 100;

export interface ListQuery extends Pick<ApprovalQuery, 'status'> {
  /** 1 to 100. */
  readonly limit: number;
  /** `next` of the page before. */
  readonly cursor?: string;
}

export class ApprovalDesk {
  readonly #context: CallContext;
  readonly #approved: ApprovedCalls;
  readonly #cursor: ListCursor;

  constructor(context: CallContext, detached: DetachedCalls) {
    this.#context = context;
    this.#cursor = new ListCursor(context.fingerprint);
    this.#approved = new ApprovedCalls(context, detached);
  }

  /**
   * Those that this person may see, newest first. A page may be short, or empty, with more to come; of what the person
   * may not see it tells no more than that there is a lot. Rejects with `InvalidCursor`.
   */
  async list(
    person: Caller,
    { limit, cursor, ...query }: ListQuery,
  ): Promise<{ readonly items: readonly ApprovalView[]; readonly next: string | null }> {
    const before = cursor === undefined ? undefined : this.#cursor.open(cursor);
    if (before === null) throw new InvalidCursor();
    const looked = await this.#context.record.listApprovals({
      ...query,
      ...(before === undefined ? {} : { before }),
      limit: lookedAtMax,
    });
    const items: ApprovalView[] = [];
    for (const approval of looked) {
      // To unseal one and to decide it may take a while: others get their turn in between.
      await nextTurn();
      if (standingNow(approval, await this.#reconsider(approval), person).kind === 'stranger') continue;
      const last = items.at(-1);
      if (items.length === limit && last !== undefined) return { items, next: this.#cursor.seal(last.id) };
      items.push(approvalView(approval));
    }
    const end = looked.length < lookedAtMax ? undefined : looked.at(-1);
    return { items, next: end === undefined ? null : this.#cursor.seal(end.id) };
  }

  async show(person: Caller, id: string): Promise<ApprovalDetail | null> {
    const approval = await this.#context.record.getApproval(id);
    if (approval === null) return null;
    const now = await this.#reconsider(approval);
    return standingNow(approval, now, person).kind === 'stranger' ? null : this.#detail(approval, now);
  }

  /**
   * Durable when it answers; an approved call then runs by itself. A refusal leaves the approval as it was, but for
   * one that turned out to be overdue or void. Rejects with `RecordUnavailable`.
   */
  async decide(person: Caller, id: string, { decision, reason }: WantedDecision): Promise<DeskAnswer> {
    const context = this.#context;
    const approval = await context.record.getApproval(id);
    if (approval === null) return { kind: 'unknown' };
    const now = await this.#reconsider(approval);
    const standing = standingNow(approval, now, person);
    if (standing.kind === 'stranger') return { kind: 'unknown' };
    if (now === null) return settledAnswer(context, id);
    if (standing.kind !== 'approver') return forbidDecision(context, approval, person, standing.kind);
    if (approval.expiresAtMs <= context.clock.now()) {
      await expireApproval(context, approval);
      return settledAnswer(context, id);
    }
    const deciding: Deciding = {
      approval,
      person,
      reason: context.boundary.redactText(reason),
      qualifies: standing.qualifies,
      shown: context.fingerprint(`shown ${canonicalJson(await this.#detail(approval, now))}`),
    };
    try {
      if (decision === 'reject') return await rejectCall(context, deciding);
      if ('void' in now.verdict) return await voidCall(context, deciding, now.verdict.void);
      // The kill switch stops a person with both hands: what they ask for, and what they let others run.
      if (context.blocks.find(person.principal, approval.tool) !== null)
        return await forbidDecision(context, approval, person, 'blocked');
      return await this.#approved.dispatch(deciding, now.verdict.start);
    } catch (error) {
      if (error instanceof ApprovalSettled) return await settledAnswer(context, id);
      throw error;
    }
  }

  /** null once it is settled: its arguments are gone, and nothing of it can run. */
  async #reconsider(approval: Approval): Promise<Reconsidered | null> {
    return approval.status === 'pending' ? decideAgain(this.#context, approval) : null;
  }

  async #detail(approval: Approval, now: Reconsidered | null): Promise<ApprovalDetail> {
    const shown = { ...approvalView(approval), args: null, isComplete: false, hindrance: null };
    if (now === null) return shown;
    const { payload, verdict } = now;
    const hindrance = 'void' in verdict ? voidReasons[verdict.void] : null;
    if (payload === null) return { ...shown, hindrance };
    const args = await this.#context.filter.redactForRecord(payload.args.value, approval.tenant);
    const isComplete = canonicalJson(args) === canonicalJson(payload.args.value);
    return { ...shown, args, isComplete, hindrance };
  }
}

function standingNow(approval: Approval, now: Reconsidered | null, person: Caller): Standing {
  return standingOf(approval, now?.rules ?? approval.approvers, person);
}
