/** Everything that can happen to a waiting call, in any order and at once: it runs at most once, and only approved. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ApprovalDesk } from '../../../src/calls/approvals/approval-desk.ts';
import { expireApprovals } from '../../../src/calls/approvals/expire-approvals.ts';
import { cancelCall } from '../../../src/calls/cancel-call.ts';
import type { Approval } from '../../../src/model/approval.ts';
import type { Caller } from '../../../src/model/principal.ts';
import { QuotaLedger } from '../../../src/policy/quotas/quota-ledger.ts';
import { refundPolicy, WaitingCalls } from '../../support/waiting-calls.ts';

type Step =
  | 'approve'
  | 'approve elsewhere'
  | 'reject'
  | 'approve own'
  | 'cancel'
  | 'expire'
  | 'pass time'
  | 'reload unrelated'
  | 'reload denying'
  | 'revoke'
  | 'settle';

const steps = fc.array(
  fc.constantFrom<Step>(
    'approve',
    'approve',
    'approve elsewhere',
    'reject',
    'approve own',
    'cancel',
    'expire',
    'pass time',
    'reload unrelated',
    'reload denying',
    'revoke',
    'settle',
  ),
  { minLength: 1, maxLength: 10 },
);

const unrelated = refundPolicy({ quotas: '{name: n, key: principal.id, unit: concurrent, limit: 9}' });
const denying = refundPolicy({ rules: '    - {name: no, effect: deny, tools: [refund]}' });

/** One call, its people, and a second desk over the same record: another door to the same approvals. */
class Scene {
  readonly #calls: WaitingCalls;
  readonly #elsewhere: ApprovalDesk;
  readonly #ana: Caller;
  readonly #mia: Caller;
  readonly #approval: Approval;
  readonly #underway: Promise<unknown>[] = [];

  constructor(calls: WaitingCalls, ana: Caller, mia: Caller, approval: Approval) {
    this.#calls = calls;
    const context = { ...calls.context, quotas: new QuotaLedger() };
    this.#elsewhere = new ApprovalDesk(context, calls.detached);
    [this.#ana, this.#mia, this.#approval] = [ana, mia, approval];
  }

  async take(step: Step): Promise<void> {
    const { desk, context, record, clock } = this.#calls;
    const { id, callId } = this.#approval;
    const approve = { decision: 'approve', reason: 'x' } as const;
    switch (step) {
      case 'approve':
        return this.#begin(desk.decide(this.#mia, id, approve));
      case 'approve elsewhere':
        return this.#begin(this.#elsewhere.decide(this.#mia, id, approve));
      case 'reject':
        return this.#begin(desk.decide(this.#mia, id, { decision: 'reject', reason: 'x' }));
      case 'approve own':
        return this.#begin(desk.decide(this.#ana, id, approve));
      case 'cancel':
        return this.#begin(cancelCall(context, this.#ana, (await record.getCall(callId))!));
      case 'expire':
        return this.#begin(expireApprovals(context));
      case 'pass time':
        clock.advance(40 * 60_000);
        return;
      case 'reload unrelated':
        return this.#calls.reload(unrelated);
      case 'reload denying':
        return this.#calls.reload(denying);
      case 'revoke':
        return this.#begin(
          record.write({
            events: [{ type: 'key_revoked', tenant: 'acme' }],
            revokedKeys: [{ id: 'keyana', atMs: clock.now() }],
          }),
        );
      case 'settle':
        await this.settle();
    }
  }

  async settle(): Promise<void> {
    await Promise.all(this.#underway.splice(0));
    await this.#calls.detached[Symbol.asyncDispose]();
  }

  #begin(work: Promise<unknown>): void {
    this.#underway.push(work);
  }
}

test('no interleaving runs a call twice, or one that nobody approved', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (taken) => {
      await using calls = await WaitingCalls.open();
      const ana = await calls.person('ana', { roles: ['payer', 'lead'] });
      const mia = await calls.person('mia', { roles: ['lead'] });
      const approval = await calls.ask(ana);
      const scene = new Scene(calls, ana, mia, approval);
      for (const step of taken) await scene.take(step);
      await scene.settle();

      const events = (await calls.events(approval)).filter((type) => type !== 'denied');
      const call = await calls.call(approval);
      const settled = (await calls.record.getApproval(approval.id))!;
      expect(call.approval).toMatchObject({ id: approval.id, status: settled.status });
      expect(calls.runs.length).toBe(settled.status === 'approved' ? 1 : 0);
      expect(calls.context.quotas.openLeases).toBe(0);
      expect((await calls.record.getPendingPayload(approval.callId)) === null).toBe(
        settled.status !== 'pending',
      );
      const ways: Readonly<Record<string, readonly string[]>> = {
        pending: [],
        approved: ['approval_decided', 'intent', 'outcome'],
        rejected: ['approval_decided'],
        expired: ['approval_expired'],
        voided: ['approval_decided', 'approval_voided'],
        cancelled: ['call_cancelled'],
      };
      const cancelledLate = settled.status === 'approved' && events.includes('call_cancelled');
      const expected = ['approval_requested', ...ways[settled.status]!];
      expect(events.filter((type) => !(cancelledLate && type === 'call_cancelled'))).toEqual(expected);
      expect(await calls.record.verify()).toMatchObject({ valid: true });
    }),
    { numRuns: 60 },
  );
}, 120_000);
