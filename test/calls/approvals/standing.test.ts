/** Who may decide, who may see, and for whom there is nothing. */
import { describe, expect, test } from 'vitest';
import { standingOf } from '../../../src/calls/approvals/standing.ts';
import type { Caller, Scope } from '../../../src/model/principal.ts';
import { refundPolicy, WaitingCalls } from '../../support/waiting-calls.ts';

const approval = { principal: 'ana', tenant: 'acme', act: ['boss'] };

function person(
  id: string,
  roles: readonly string[] = [],
  more: Partial<Caller> & { tenant?: string } = {},
): Caller {
  const { tenant = 'acme', ...rest } = more;
  return {
    principal: { id, tenant, roles, attributes: {} },
    keyId: 'k',
    scopes: new Set<Scope>(['approve']),
    address: '127.0.0.1',
    requestId: 'req_1',
    traceId: null,
    ...rest,
  };
}

const lead = { id: 'p/lead', approvers: [{ roles: ['lead'] }] };
const security = {
  id: 'p/security',
  approvers: [
    { roles: ['security'], tenants: ['*'] },
    { ids: ['ciso'], tenants: ['hq'] },
  ],
};

test.each([
  ['by role in the same tenant', [lead], person('mia', ['lead']), 'approver'],
  ['not by role in another tenant', [lead], person('mia', ['lead'], { tenant: 'other' }), 'stranger'],
  ['not without the role', [lead], person('mia', ['led']), 'stranger'],
  [
    'from any tenant where the rule says so',
    [security],
    person('sue', ['security'], { tenant: 'other' }),
    'approver',
  ],
  ['by id in a tenant that the rule names', [security], person('ciso', [], { tenant: 'hq' }), 'approver'],
  ['not by id in another one', [security], person('ciso', [], { tenant: 'acme' }), 'stranger'],
  ['not when one of two rules accepts', [lead, security], person('mia', ['lead']), 'stranger'],
  ['when both do', [lead, security], person('mia', ['lead', 'security']), 'approver'],
  ['not when no rule asks', [], person('mia', ['lead']), 'stranger'],
  ['never its own', [lead], person('ana', ['lead']), 'own'],
  ['never one of its chain', [lead], person('boss', ['lead']), 'own'],
  ['never by a hand of the caller', [lead], person('bot', ['lead'], { act: ['ana'] }), 'own'],
  ['never by a hand of the chain', [lead], person('bot', ['lead'], { act: ['x', 'boss'] }), 'own'],
  [
    'and a name that passed to another tenant sees nothing',
    [lead],
    person('ana', ['lead'], { tenant: 'other' }),
    'stranger',
  ],
  [
    'an administrator sees, and decides only by a rule',
    [lead],
    person('adi', [], { scopes: new Set(['admin']) }),
    'observer',
  ],
  [
    'not even an administrator its own',
    [lead],
    person('ana', ['lead'], { scopes: new Set(['admin']) }),
    'own',
  ],
] as const)('%s', (_what, rules, who, kind) => {
  expect(standingOf(approval, rules, who).kind).toBe(kind);
});

test('the record says as what somebody qualified', () => {
  expect(standingOf(approval, [lead, security], person('mia', ['security', 'lead']))).toEqual({
    kind: 'approver',
    qualifies: [
      { rule: 'p/lead', as: 'role lead' },
      { rule: 'p/security', as: 'role security' },
    ],
  });
});

describe('at the desk', () => {
  const approve = { decision: 'approve', reason: 'fine' } as const;

  test('a stranger finds nothing and changes nothing, whatever became of it', async () => {
    await using calls = await WaitingCalls.open();
    const ana = await calls.person('ana', { roles: ['payer'] });
    const eve = await calls.person('eve', { roles: ['lead'], tenant: 'other' });
    const mia = await calls.person('mia', { roles: ['lead'] });
    const approval = await calls.ask(ana);
    const look = async () => {
      expect(await calls.desk.decide(eve, approval.id, approve)).toEqual({ kind: 'unknown' });
      expect(await calls.desk.show(eve, approval.id)).toBeNull();
      expect(await calls.desk.list(eve, { limit: 10 })).toEqual({ items: [], next: null });
    };
    await look();
    // A stranger's attempt voids nothing either.
    await calls.reload(refundPolicy({ tool: ', description: Other.' }));
    await look();
    expect((await calls.call(approval)).status).toBe('pending_approval');
    await calls.desk.decide(mia, approval.id, { decision: 'reject', reason: 'no' });
    await look();
  });

  test('nobody decides about a call of their own, with another key either, and the attempt is on the record', async () => {
    await using calls = await WaitingCalls.open();
    const ana = await calls.person('ana', { roles: ['payer', 'lead'] });
    const approval = await calls.ask(ana);
    for (const decision of ['approve', 'reject'] as const) {
      const answer = await calls.desk.decide({ ...ana, keyId: 'other' }, approval.id, {
        decision,
        reason: 'x',
      });
      expect(answer).toMatchObject({ kind: 'refused', refusal: { code: 'approval_forbidden' } });
    }
    expect(await calls.events(approval)).toEqual(['approval_requested', 'denied', 'denied']);
    expect((await calls.call(approval)).status).toBe('pending_approval');
  });

  test('the chain that a call came through cannot approve it', async () => {
    await using calls = await WaitingCalls.open();
    const bot = await calls.person('bot', { roles: ['payer'], act: ['mia'] });
    const mia = await calls.person('mia', { roles: ['lead'] });
    const noa = await calls.person('noa', { roles: ['lead'] });
    const approval = await calls.ask(bot);
    expect(await calls.desk.decide(mia, approval.id, approve)).toMatchObject({
      refusal: { code: 'approval_forbidden' },
    });
    expect(await calls.desk.decide(noa, approval.id, approve)).toMatchObject({ kind: 'decided' });
    const { items } = await calls.record.listEvents({
      tenant: null,
      type: 'intent',
      limit: 1,
      order: 'desc',
    });
    expect(items).toMatchObject([{ principal: 'bot', act: ['mia'] }]);
  });

  test('who is accepted is what policy says now', async () => {
    await using calls = await WaitingCalls.open();
    const ana = await calls.person('ana', { roles: ['payer'] });
    const mia = await calls.person('mia', { roles: ['lead'] });
    const approval = await calls.ask(ana);
    await calls.reload(refundPolicy({ approval: 'approval: {approvers: [{roles: [chief]}], expires: 1h}' }));
    const zoe = await calls.person('zoe', { roles: ['chief'] });
    expect(await calls.desk.decide(mia, approval.id, approve)).toEqual({ kind: 'unknown' });
    expect((await calls.desk.list(zoe, { limit: 10 })).items).toHaveLength(1);
    expect(await calls.desk.decide(zoe, approval.id, approve)).toMatchObject({ kind: 'decided' });
  });
});
