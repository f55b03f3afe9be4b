/** People and agents that a signed token proved: there is no key to look up when a call is decided again. */
import { describe, expect, test } from 'vitest';
import type { Caller } from '../../../src/model/principal.ts';
import { WaitingCalls } from '../../support/waiting-calls.ts';

const approve = { decision: 'approve', reason: 'agreed' } as const;
const minute = 60_000;

/** As the door finds them; unlike a key, on no record. */
function byToken(calls: WaitingCalls, id: string, roles: string[], scopes: ('call' | 'approve')[]): Caller {
  return {
    principal: { id: `oidc:https://idp.test:${id}`, tenant: 'acme', roles, attributes: {} },
    keyId: `oidc_${id}`,
    tokenExpiresAtMs: calls.clock.now() + 5 * minute,
    scopes: new Set(scopes),
    address: '127.0.0.1',
    requestId: 'req_1',
    traceId: null,
  };
}

describe('a call that was asked for by a token', () => {
  test('runs while the token holds', async () => {
    await using calls = await WaitingCalls.open();
    const approval = await calls.ask(byToken(calls, 'ana', ['payer'], ['call']));
    const mia = byToken(calls, 'mia', ['lead'], ['approve']);
    calls.clock.advance(4 * minute);
    expect(await calls.desk.decide(mia, approval.id, approve)).toMatchObject({ kind: 'decided' });
    await calls.detached[Symbol.asyncDispose]();
    expect(calls.runs).toHaveLength(1);
    expect((await calls.call(approval)).status).toBe('succeeded');
  });

  test('is void once the token has expired', async () => {
    await using calls = await WaitingCalls.open();
    const approval = await calls.ask(byToken(calls, 'ana', ['payer'], ['call']));
    calls.clock.advance(6 * minute);
    const mia = byToken(calls, 'mia', ['lead'], ['approve']);
    await calls.desk.decide(mia, approval.id, approve);
    await calls.detached[Symbol.asyncDispose]();
    expect(calls.runs).toEqual([]);
    expect((await calls.call(approval)).status).toBe('voided');
  });
});

test.each([
  ['has expired meanwhile', ['lead'], ['approve'], 6],
  ['gives no scope to approve', ['lead'], ['call'], 0],
  ['gives no role that may', ['payer'], ['approve'], 0],
] as const)('an approver whose token %s decides nothing', async (_, roles, scopes, minutes) => {
  await using calls = await WaitingCalls.open();
  const approval = await calls.ask(await calls.person('ana', { roles: ['payer'] }));
  const mia = byToken(calls, 'mia', [...roles], [...scopes]);
  calls.clock.advance(minutes * minute);
  const answer = await calls.desk.decide(mia, approval.id, approve);
  await calls.detached[Symbol.asyncDispose]();
  expect(answer.kind).not.toBe('decided');
  expect((await calls.call(approval)).status).toBe('pending_approval');
  expect(calls.runs).toEqual([]);
});
