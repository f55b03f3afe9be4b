/** What somebody gains who waits, repeats, floods, counts or asks for too much. */
import { describe, expect, test } from 'vitest';
import { InvalidCursor } from '../../../src/audit/record.ts';
import { cancelCall } from '../../../src/calls/cancel-call.ts';
import { executeCall } from '../../../src/calls/execute-call.ts';
import type { Block } from '../../../src/model/block.ts';
import type { ApiKey } from '../../../src/audit/record.ts';
import { isBlocking } from '../../../src/policy/blocks.ts';
import { refundPolicy, WaitingCalls } from '../../support/waiting-calls.ts';

const approve = { decision: 'approve', reason: 'fine' } as const;
const hour = 3_600_000;

function put(calls: WaitingCalls, key: ApiKey): Promise<unknown> {
  return calls.record.write({ events: [{ type: 'key_created', tenant: key.tenant }], keys: [key] });
}

function block(calls: WaitingCalls, principal: string): void {
  const entry: Block = {
    id: 'blk_1',
    tool: '*',
    principal,
    tenant: null,
    reason: 'stolen key',
    createdAtMs: 0,
    createdBy: 'ops',
    expiresAtMs: 4_000_000_000_000,
  };
  const find = (who: Parameters<typeof isBlocking>[1], tool: string): Block | null =>
    isBlocking(entry, who, tool, calls.clock.now()) ? entry : null;
  Object.assign(calls.context, { blocks: { find } });
}

/** Resolves once the next call asks for a place. */
function waitsForPlace({ context: { slots } }: WaitingCalls): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const take = slots.take.bind(slots);
  Object.assign(slots, {
    take: (tenant: string) => {
      resolve();
      return take(tenant);
    },
  });
  return promise;
}

describe('what changes while an approved call waits for a place', () => {
  const changes: Readonly<Record<string, (calls: WaitingCalls) => unknown>> = {
    'the key of its caller is revoked': async (calls) =>
      put(calls, { ...(await calls.record.getKey('keyana'))!, revokedAtMs: calls.clock.now() }),
    'the key of its approver is revoked': async (calls) =>
      put(calls, { ...(await calls.record.getKey('keymia'))!, revokedAtMs: calls.clock.now() }),
    'its approver loses the role': async (calls) =>
      put(calls, { ...(await calls.record.getKey('keymia'))!, roles: [] }),
    'its approver loses the scope': async (calls) =>
      put(calls, { ...(await calls.record.getKey('keymia'))!, scopes: ['call'] }),
    'its approver is blocked': (calls) => block(calls, 'mia'),
    'policy denies it': (calls) =>
      calls.reload(refundPolicy({ rules: '    - {name: never, effect: deny, tools: [refund]}' })),
    'policy asks somebody else': (calls) =>
      calls.reload(refundPolicy({ approval: 'approval: {approvers: [{roles: [chief]}], expires: 1h}' })),
  };

  test.each(Object.entries(changes))('%s: nothing runs, nothing is decided', async (_what, change) => {
    await using calls = await WaitingCalls.open();
    const ana = await calls.person('ana', { roles: ['payer'] });
    const mia = await calls.person('mia', { roles: ['lead'] });
    const approval = await calls.ask(ana);
    const slots = await Promise.all(Array.from({ length: 4 }, async () => calls.context.slots.take('other')));
    const waits = waitsForPlace(calls);
    const approving = calls.desk.decide(mia, approval.id, approve);
    await waits;
    await change(calls);
    for (const slot of slots) slot?.[Symbol.dispose]();
    expect(await approving).toMatchObject({
      kind: 'refused',
      refusal: { code: 'approval_settled', approvalStatus: 'pending' },
    });
    await calls.detached[Symbol.asyncDispose]();
    expect(calls.runs).toEqual([]);
    expect(calls.context.quotas.openLeases).toBe(0);
    expect((await calls.call(approval)).status).toBe('pending_approval');
  });
});

test('who is blocked lets nothing run, may reject, and the attempt is on the record', async () => {
  await using calls = await WaitingCalls.open();
  const ana = await calls.person('ana', { roles: ['payer'] });
  const mia = await calls.person('mia', { roles: ['lead'] });
  const approval = await calls.ask(ana);
  block(calls, 'mia');
  expect(await calls.desk.decide(mia, approval.id, approve)).toMatchObject({
    refusal: { code: 'approval_forbidden' },
  });
  expect(calls.runs).toEqual([]);
  expect(await calls.events(approval)).toEqual(['approval_requested', 'denied']);
  const reject = { decision: 'reject', reason: 'no' } as const;
  expect(await calls.desk.decide(mia, approval.id, reject)).toMatchObject({ kind: 'decided' });
});

test('an old call that could not start frees no key that is another call’s by now', async () => {
  await using calls = await WaitingCalls.open(
    refundPolicy({ approval: 'approval: {approvers: [{roles: [lead]}], expires: 168h}' }),
  );
  const ana = await calls.person('ana', { roles: ['payer'] });
  const mia = await calls.person('mia', { roles: ['lead'] });
  const pay = (cents: number) =>
    executeCall(calls.context, ana, {
      tool: 'refund',
      args: { code: 'x', cents },
      limits: {},
      labels: {},
      idempotencyKey: 'order-17',
      session: null,
    });
  const old = await pay(5000);
  calls.clock.advance(25 * hour);
  expect(await pay(1)).toMatchObject({ call: { status: 'succeeded' }, isReplay: false });
  calls.isRunnerThere = false;
  const id = old.kind === 'call' ? old.call.approval!.id : '';
  expect(await calls.desk.decide(mia, id, approve)).toMatchObject({ kind: 'decided' });
  await calls.detached[Symbol.asyncDispose]();
  calls.isRunnerThere = true;
  expect(await pay(1)).toMatchObject({ isReplay: true });
  expect(calls.runs).toHaveLength(1);
});

describe('a list', () => {
  test('does not tell strangers how many there are, nor which', async () => {
    await using calls = await WaitingCalls.open();
    const ana = await calls.person('ana', { roles: ['payer'] });
    const eve = await calls.person('eve', { roles: ['lead'], tenant: 'other' });
    for (let count = 0; count < 3; count += 1) await calls.ask(ana);
    for (const limit of [1, 2, 3])
      expect(await calls.desk.list(eve, { limit })).toEqual({ items: [], next: null });
  });

  test('goes on at a place that says nothing, and at no place that was made up', async () => {
    await using calls = await WaitingCalls.open();
    const ana = await calls.person('ana', { roles: ['payer'] });
    const mia = await calls.person('mia', { roles: ['lead'] });
    const asked = [await calls.ask(ana), await calls.ask(ana), await calls.ask(ana)].map(({ id }) => id);
    const first = await calls.desk.list(mia, { limit: 2 });
    expect(first.items.map(({ id }) => id)).toEqual([asked[2], asked[1]]);
    expect(Buffer.from(first.next!, 'base64url').toString('latin1')).not.toContain('apr_');
    const second = await calls.desk.list(mia, { limit: 2, cursor: first.next! });
    expect(second).toMatchObject({ items: [{ id: asked[0] }], next: null });
    for (const cursor of [asked[2]!, '', 'x'.repeat(60)])
      await expect(calls.desk.list(mia, { limit: 2, cursor })).rejects.toBeInstanceOf(InvalidCursor);
  });

  test('reaches what stands behind more than a page of what others may see', async () => {
    await using calls = await WaitingCalls.open();
    const bea = await calls.person('bea', { roles: ['payer'], tenant: 'other' });
    const eve = await calls.person('eve', { roles: ['lead'], tenant: 'other' });
    const hers = await calls.ask(bea);
    for (const id of ['ana', 'ben']) {
      const person = await calls.person(id, { roles: ['payer'] });
      for (let count = 0; count < 55; count += 1) await calls.ask(person);
    }
    const first = await calls.desk.list(eve, { limit: 1 });
    expect(first.items).toEqual([]);
    const second = await calls.desk.list(eve, { limit: 1, cursor: first.next! });
    expect(second).toMatchObject({ items: [{ id: hers.id }], next: null });
  });
});

test('a tenant that floods leaves room to others, also when all ask in one moment', async () => {
  await using calls = await WaitingCalls.open(undefined, {
    waitingRoom: { perPrincipalMax: 2, perTenantMax: 3, max: 10 },
  });
  const crowd = await Promise.all(['a', 'b', 'c'].map((id) => calls.person(id, { roles: ['payer'] })));
  const other = await calls.person('zoe', { roles: ['payer'], tenant: 'other' });
  const asked = await Promise.allSettled(crowd.flatMap((one) => [calls.ask(one), calls.ask(one)]));
  expect(asked.filter(({ status }) => status === 'fulfilled')).toHaveLength(3);
  expect(await calls.record.countPendingApprovals({ tenant: 'acme' })).toBe(3);
  await expect(calls.ask(crowd[2]!)).rejects.toThrow('quota_exceeded');
  expect((await calls.ask(other)).status).toBe('pending');
});

test('below the disk reserve an attempt on one’s own call writes nothing', async () => {
  await using calls = await WaitingCalls.open();
  const ana = await calls.person('ana', { roles: ['payer', 'lead'] });
  const approval = await calls.ask(ana);
  Object.assign(calls.context, { hasDiskReserve: () => false });
  expect(await calls.desk.decide(ana, approval.id, approve)).toMatchObject({
    refusal: { code: 'audit_unavailable' },
  });
  expect(await calls.events(approval)).toEqual(['approval_requested']);
});

test('to cancel a running call again and again leaves one event', async () => {
  await using calls = await WaitingCalls.open();
  const ana = await calls.person('ana', { roles: ['payer'] });
  const stored = (await calls.record.getCall((await calls.ask(ana)).callId))!;
  const call = { ...stored.call, status: 'running' } as const;
  await calls.record.write({
    events: [{ type: 'intent', callId: call.id, tenant: 'acme' }],
    calls: [{ ...stored, call }],
  });
  using _running = calls.context.running.enter(call.id);
  for (let count = 0; count < 3; count += 1)
    expect(await cancelCall(calls.context, ana, { ...stored, call })).toMatchObject({ kind: 'ending' });
  const page = await calls.record.listEvents({
    tenant: null,
    type: 'call_cancelled',
    limit: 9,
    order: 'asc',
  });
  expect(page.items).toHaveLength(1);
});
