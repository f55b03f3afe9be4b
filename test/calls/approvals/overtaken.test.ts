/** What changes while a call waits: only what matters to this call voids it. */
import { describe, expect, test } from 'vitest';
import type { Approval } from '../../../src/model/approval.ts';
import type { Caller } from '../../../src/model/principal.ts';
import { refundPolicy, WaitingCalls } from '../../support/waiting-calls.ts';

const approve = { decision: 'approve', reason: 'fine' } as const;

interface Waiting {
  readonly calls: WaitingCalls;
  readonly ana: Caller;
  readonly mia: Caller;
  readonly approval: Approval;
}

/** One call that waits, and who may approve it. */
async function withWaiting(use: (waiting: Waiting) => Promise<void>): Promise<void> {
  await using calls = await WaitingCalls.open();
  const ana = await calls.person('ana', { roles: ['payer'] });
  const mia = await calls.person('mia', { roles: ['lead', 'on-call'] });
  await use({ calls, ana, mia, approval: await calls.ask(ana) });
}

/** Approves it, sees that nothing ran and nothing is left of it, and answers with the cause on the record. */
async function approveInVain({ calls, mia, approval }: Waiting): Promise<unknown> {
  expect(await calls.desk.decide(mia, approval.id, approve)).toMatchObject({
    kind: 'refused',
    refusal: { code: 'approval_settled', approvalStatus: 'voided' },
  });
  expect(calls.runs).toEqual([]);
  expect(await calls.call(approval)).toMatchObject({ status: 'voided', approval: { status: 'voided' } });
  expect(await calls.events(approval)).toEqual(['approval_requested', 'approval_decided', 'approval_voided']);
  const page = await calls.record.listEvents({
    tenant: null,
    type: 'approval_voided',
    limit: 1,
    order: 'desc',
  });
  expect(page.items).toMatchObject([{ status: 'voided' }]);
  expect(await calls.record.getPendingPayload(approval.callId)).toBeNull();
  return page.items[0]?.details['cause'];
}

const unrelated: Readonly<Record<string, string>> = {
  'a rule that means other calls': refundPolicy({
    rules: '    - {name: tiny, effect: limit, tools: [refund], when: args.cents < 5, limits: {timeout: 1s}}',
  }),
  'another message': refundPolicy().replace('A lead has to agree.', 'Ask a lead first.'),
  'another person to ask': refundPolicy({
    approval: 'approval: {approvers: [{roles: [on-call]}], expires: 1h}',
  }),
  'another time to wait': refundPolicy({ approval: 'approval: {approvers: [{roles: [lead]}], expires: 2h}' }),
  'a quota': refundPolicy({ quotas: '{name: n, key: principal.id, unit: calls, limit: 5, window: 1h}' }),
};

test.each(Object.entries(unrelated))('%s voids nothing', async (_what, policy) => {
  await withWaiting(async ({ calls, mia, approval }) => {
    const before = calls.revision.id;
    await calls.reload(policy);
    expect(calls.revision.id).not.toBe(before);
    expect((await calls.desk.show(mia, approval.id))?.hindrance).toBeNull();
    expect(await calls.desk.decide(mia, approval.id, approve)).toMatchObject({ kind: 'decided' });
    await calls.detached[Symbol.asyncDispose]();
    expect(calls.runs).toMatchObject([{ revision: calls.revision.id }]);
  });
});

const related: readonly (readonly [what: string, policy: string, cause: string])[] = [
  ['the tool', refundPolicy({ tool: ', description: Pays twice.' }), 'tool'],
  ['the tool, taken away', refundPolicy().replaceAll('refund', 'repay'), 'tool'],
  [
    'a rule that denies',
    refundPolicy({ rules: '    - {name: never, effect: deny, tools: [refund], when: args.cents > 4000}' }),
    'denied',
  ],
  [
    'one more rule that matches',
    refundPolicy({
      rules:
        '    - {name: huge, effect: require_approval, tools: [refund], when: args.cents > 4000, approval: {approvers: [{roles: [lead]}]}}',
    }),
    'decision',
  ],
  [
    'a smaller limit',
    refundPolicy({ rules: '    - {name: short, effect: limit, tools: [refund], limits: {timeout: 1s}}' }),
    'decision',
  ],
  [
    'nobody has to be asked',
    refundPolicy().replace('<= 1000', '<= 9999').replace('> 1000', '> 9999'),
    'decision',
  ],
  [
    'the boundary profile',
    `${refundPolicy()}---\napiVersion: sallyport/v1\nkind: Boundary\nmetadata: {name: standard}\nspec: {artifacts: none}\n`,
    'decision',
  ],
];

test.each(related)('%s, changed, voids it', async (_what, policy, cause) => {
  await withWaiting(async (waiting) => {
    await waiting.calls.reload(policy);
    expect((await waiting.calls.desk.show(waiting.mia, waiting.approval.id))?.hindrance).not.toBeNull();
    expect(await approveInVain(waiting)).toBe(cause);
  });
});

test('policy that is back as it was runs what waited', async () => {
  await withWaiting(async ({ calls, mia, approval }) => {
    await calls.reload(related[2]![1]);
    await calls.reload(refundPolicy());
    expect(await calls.desk.decide(mia, approval.id, approve)).toMatchObject({ kind: 'decided' });
  });
});

describe('a caller that is no longer active', () => {
  test('whose key was revoked', async () => {
    await withWaiting(async (waiting) => {
      const { calls } = waiting;
      await calls.record.write({
        events: [{ type: 'key_revoked', tenant: 'acme' }],
        revokedKeys: [{ id: 'keyana', atMs: calls.clock.now() }],
      });
      expect(await approveInVain(waiting)).toBe('caller');
    });
  });

  test.each([
    ['whose key has expired', { expiresAtMs: 1 }],
    ['whose key may no longer call', { scopes: ['approve'] as const }],
    ['whose key stands for somebody else now', { principal: 'eve' }],
    ['whose key passed to another tenant', { tenant: 'other' }],
  ])('%s', async (_what, change) => {
    await withWaiting(async (waiting) => {
      const key = (await waiting.calls.record.getKey('keyana'))!;
      await waiting.calls.record.write({
        events: [{ type: 'key_created', tenant: 'acme' }],
        keys: [{ ...key, ...change }],
      });
      expect(await approveInVain(waiting)).toBe('caller');
    });
  });

  test('whose roles changed is decided with those it has', async () => {
    await withWaiting(async (waiting) => {
      const key = (await waiting.calls.record.getKey('keyana'))!;
      await waiting.calls.record.write({
        events: [{ type: 'key_created', tenant: 'acme' }],
        keys: [{ ...key, roles: ['clerk'] }],
      });
      expect(await approveInVain(waiting)).toBe('tool');
    });
  });
});

test('a block that was added meanwhile denies it', async () => {
  await withWaiting(async (waiting) => {
    const { context } = waiting.calls;
    const block = {
      id: 'blk_1',
      tool: 'refund',
      principal: null,
      tenant: null,
      reason: 'why',
      createdAtMs: 0,
      createdBy: 'ops',
      expiresAtMs: 4_000_000_000_000,
    };
    Object.assign(context, { blocks: { find: () => block } });
    expect(await approveInVain(waiting)).toBe('denied');
  });
});
