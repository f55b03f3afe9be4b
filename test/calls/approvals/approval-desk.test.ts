import { expect, test } from 'vitest';
import { cancelCall } from '../../../src/calls/cancel-call.ts';
import { executeCall } from '../../../src/calls/execute-call.ts';
import { expireApprovals } from '../../../src/calls/approvals/expire-approvals.ts';
import { refundPolicy, WaitingCalls } from '../../support/waiting-calls.ts';

const approve = { decision: 'approve', reason: 'fine' } as const;
const reject = { decision: 'reject', reason: 'too much' } as const;
const hour = 3_600_000;

test('an approved call runs once, with the very bytes that were asked for, in a process of its own', async () => {
  await using calls = await WaitingCalls.open();
  const [ana, mia] = [
    await calls.person('ana', { roles: ['payer'] }),
    await calls.person('mia', { roles: ['lead'] }),
  ];
  const approval = await calls.ask(ana);
  expect(calls.runs).toEqual([]);
  expect(await calls.call(approval)).toMatchObject({ status: 'pending_approval', startedAt: null });
  expect(await calls.desk.decide(mia, approval.id, approve)).toMatchObject({
    kind: 'decided',
    approval: { status: 'approved', decidedBy: 'mia' },
    call: { status: 'running' },
  });
  await calls.detached[Symbol.asyncDispose]();
  expect(await calls.call(approval)).toMatchObject({ status: 'succeeded', result: 'paid' });
  expect(calls.runs).toMatchObject([{ callId: approval.callId, principal: 'ana', reuse: 'never' }]);
  expect(Buffer.from(calls.runs[0]!.args).toString()).toBe('{"code":"x","cents":5000}');
  expect(await calls.events(approval)).toEqual([
    'approval_requested',
    'approval_decided',
    'intent',
    'outcome',
  ]);
  expect(await calls.record.getPendingPayload(approval.callId)).toBeNull();
  expect(await calls.record.verify()).toMatchObject({ valid: true });
});

test('a second decision of either kind is refused and changes nothing', async () => {
  await using calls = await WaitingCalls.open();
  const [ana, mia] = [
    await calls.person('ana', { roles: ['payer'] }),
    await calls.person('mia', { roles: ['lead'] }),
  ];
  const approval = await calls.ask(ana);
  await calls.desk.decide(mia, approval.id, reject);
  for (const again of [approve, reject]) {
    expect(await calls.desk.decide(mia, approval.id, again)).toMatchObject({
      kind: 'refused',
      refusal: { code: 'approval_settled', approvalStatus: 'rejected' },
    });
  }
  expect(await calls.call(approval)).toMatchObject({
    status: 'rejected',
    approval: { status: 'rejected', reason: 'too much' },
  });
  expect(await calls.events(approval)).toEqual(['approval_requested', 'approval_decided']);
  expect(await calls.record.getPendingPayload(approval.callId)).toBeNull();
});

test('two who approve in one moment run it once', async () => {
  await using calls = await WaitingCalls.open();
  const ana = await calls.person('ana', { roles: ['payer'] });
  const leads = await Promise.all(['mia', 'noa', 'oda'].map((id) => calls.person(id, { roles: ['lead'] })));
  const approval = await calls.ask(ana);
  const answers = await Promise.all(leads.map((lead) => calls.desk.decide(lead, approval.id, approve)));
  await calls.detached[Symbol.asyncDispose]();
  expect(answers.map(({ kind }) => kind).toSorted()).toEqual(['decided', 'refused', 'refused']);
  expect(calls.runs).toHaveLength(1);
  expect(calls.context.quotas.openLeases).toBe(0);
});

test('a reject that comes while an approved call waits for a slot wins, and the lease is given back', async () => {
  await using calls = await WaitingCalls.open(
    refundPolicy({ quotas: '{name: n, key: principal.id, unit: calls, limit: 1, window: 1h}' }),
  );
  const [ana, mia, noa] = [
    await calls.person('ana', { roles: ['payer'] }),
    await calls.person('mia', { roles: ['lead'] }),
    await calls.person('noa', { roles: ['lead'] }),
  ];
  const [first, second] = [await calls.ask(ana), await calls.ask(ana)];
  const slots = await Promise.all(Array.from({ length: 4 }, async () => calls.context.slots.take('other')));
  const approving = calls.desk.decide(mia, first.id, approve);
  expect(await calls.desk.decide(noa, first.id, reject)).toMatchObject({ kind: 'decided' });
  for (const slot of slots) slot?.[Symbol.dispose]();
  expect(await approving).toMatchObject({ refusal: { approvalStatus: 'rejected' } });
  expect(calls.runs).toEqual([]);
  expect(await calls.desk.decide(mia, second.id, approve)).toMatchObject({ kind: 'decided' });
});

test('a used-up quota refuses the approval and leaves it open; no quota is held while it waits', async () => {
  await using calls = await WaitingCalls.open(
    refundPolicy({ quotas: '{name: n, key: principal.id, unit: calls, limit: 1, window: 30m}' }),
  );
  const [ana, mia] = [
    await calls.person('ana', { roles: ['payer'] }),
    await calls.person('mia', { roles: ['lead'] }),
  ];
  const approval = await calls.ask(ana);
  expect(calls.context.quotas.openLeases).toBe(0);
  const request = {
    tool: 'refund',
    args: { code: 'x', cents: 1 },
    limits: {},
    labels: {},
    idempotencyKey: null,
    session: null,
  };
  expect(await executeCall(calls.context, ana, request)).toMatchObject({ call: { status: 'succeeded' } });
  expect(await calls.desk.decide(mia, approval.id, approve)).toMatchObject({
    refusal: { code: 'quota_exceeded', quota: 'payers/n' },
  });
  expect((await calls.call(approval)).status).toBe('pending_approval');
  const { items } = await calls.record.listEvents({ tenant: null, limit: 1, order: 'desc' });
  expect(items).toMatchObject([
    {
      type: 'quota_exceeded',
      principal: 'ana',
      tool: 'refund',
      decision: { effect: 'require_approval', policy: 'payers', rule: 'large' },
      details: { code: 'quota_exceeded', quota: 'payers/n', limit: 1 },
    },
  ]);
  expect(calls.context.quotas.openLeases).toBe(0);
  calls.clock.advance(31 * 60_000);
  expect(await calls.desk.decide(mia, approval.id, approve)).toMatchObject({ kind: 'decided' });
});

test('nobody decides in time: rejected, by the clock alone, whether or not the timer looked', async () => {
  await using calls = await WaitingCalls.open();
  const [ana, mia] = [
    await calls.person('ana', { roles: ['payer'] }),
    await calls.person('mia', { roles: ['lead'] }),
  ];
  const [looked, asked] = [await calls.ask(ana), await calls.ask(ana)];
  calls.clock.advance(hour - 1);
  expect(await expireApprovals(calls.context)).toBe(0);
  calls.clock.advance(1);
  expect(await calls.desk.decide(mia, asked.id, approve)).toMatchObject({
    refusal: { code: 'approval_settled', approvalStatus: 'expired' },
  });
  expect(await expireApprovals(calls.context)).toBe(1);
  for (const approval of [looked, asked]) {
    expect(await calls.call(approval)).toMatchObject({ status: 'rejected', approval: { status: 'expired' } });
    expect(await calls.events(approval)).toEqual(['approval_requested', 'approval_expired']);
    expect(await calls.record.getPendingPayload(approval.callId)).toBeNull();
  }
  expect(calls.runs).toEqual([]);
});

test('its caller takes it back; what was decided before cannot be', async () => {
  await using calls = await WaitingCalls.open();
  const [ana, mia] = [
    await calls.person('ana', { roles: ['payer'] }),
    await calls.person('mia', { roles: ['lead'] }),
  ];
  const approval = await calls.ask(ana);
  const stored = async () => (await calls.record.getCall(approval.callId))!;
  expect(await cancelCall(calls.context, ana, await stored())).toMatchObject({
    kind: 'cancelled',
    call: { status: 'cancelled', approval: { status: 'cancelled' } },
  });
  expect(await calls.events(approval)).toEqual(['approval_requested', 'call_cancelled']);
  expect(await calls.desk.decide(mia, approval.id, approve)).toMatchObject({
    refusal: { approvalStatus: 'cancelled' },
  });
  expect(await cancelCall(calls.context, ana, await stored())).toMatchObject({ kind: 'ended' });
  expect(calls.runs).toEqual([]);
});

test('so many may wait and no more, also when all ask in one moment; a decided one makes room', async () => {
  await using calls = await WaitingCalls.open(refundPolicy(), {
    waitingRoom: { perPrincipalMax: 3, perTenantMax: 4, max: 4 },
  });
  const [ana, ben, mia] = [
    await calls.person('ana', { roles: ['payer'] }),
    await calls.person('ben', { roles: ['payer'] }),
    await calls.person('mia', { roles: ['lead'] }),
  ];
  const asked = await Promise.allSettled(Array.from({ length: 8 }, () => calls.ask(ana)));
  const waiting = asked.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  expect(waiting).toHaveLength(3);
  await calls.ask(ben);
  await expect(calls.ask(ben)).rejects.toThrow('sallyport/waiting-for-approval');
  await calls.desk.decide(mia, waiting[0]!.id, reject);
  await calls.ask(ben);
});

test('what is shown is filtered, and says so; the secret is nowhere in the database', async () => {
  await using calls = await WaitingCalls.open();
  const [ana, mia] = [
    await calls.person('ana', { roles: ['payer'] }),
    await calls.person('mia', { roles: ['lead'] }),
  ];
  const token = ['ghp', 'zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq17'].join('_');
  const approval = await calls.ask(ana, { code: `use("${token}")`, cents: 5000 });
  const shown = await calls.desk.show(mia, approval.id);
  expect(shown).toMatchObject({ principal: 'ana', tool: 'refund', isComplete: false, hindrance: null });
  expect(shown?.args).toMatchObject({ cents: 5000 });
  expect(JSON.stringify(shown)).not.toContain(token);
  await calls.desk.decide(mia, approval.id, approve);
  await calls.detached[Symbol.asyncDispose]();
  expect(Buffer.from(calls.runs[0]!.args).toString()).toContain(token);
  const events = (await calls.record.listEvents({ tenant: null, limit: 100, order: 'asc' })).items;
  expect(JSON.stringify(events)).not.toContain(token);
  expect(await calls.desk.show(mia, approval.id)).toMatchObject({ status: 'approved', args: null });
});
