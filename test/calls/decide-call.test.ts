import { expect, test } from 'vitest';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import type { Caller } from '../../src/model/principal.ts';
import { decideCall } from '../../src/calls/decide-call.ts';
import { compileText, policyText } from '../support/policy-directory.ts';

test('a call that a person has to approve is not refused: its decision says who has to agree', async () => {
  const revision = await compileText(
    policyText(
      `    - {name: all, effect: allow, tools: [example]}
    - {name: large, effect: require_approval, tools: [example], when: args.limit > 5, message: A lead has to agree., approval: {approvers: [{roles: [lead]}]}}`,
    ),
  );
  const tool = revision.tools.get('example');
  if (tool === undefined) throw new Error('the policy defines it');
  const caller: Caller = {
    principal: { id: 'ana', tenant: 'acme', roles: [], attributes: {} },
    keyId: 'k',
    scopes: new Set(['call']),
    address: '127.0.0.1',
    requestId: 'req_1',
    traceId: null,
  };
  const value = { code: 'x', limit: 6 };
  const args = { value, bytes: new TextEncoder().encode(JSON.stringify(value)) };
  const context = {
    clock: { now: () => 0 },
    blocks: { find: () => null },
    record: { taintsOf: async () => [] },
    sessions: { own: () => undefined, ownNow: async () => undefined },
    metrics: createMetrics(),
  };
  const decided = await decideCall(context, revision, caller, tool, args, { limits: {}, session: null });
  expect(decided).toMatchObject({
    decision: {
      effect: 'require_approval',
      policy: 'p',
      rule: 'large',
      reasons: ['A lead has to agree.'],
      approval: { rules: [{ id: 'p/large', approvers: [{ roles: ['lead'] }] }] },
    },
    limits: { timeoutMs: 10_000 },
  });
});
