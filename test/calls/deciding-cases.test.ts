/** The cases of test/cases/policy once more, through the whole path: what the record says of each. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { executeCall } from '../../src/calls/execute-call.ts';
import type { Decision } from '../../src/model/decision.ts';
import type { JsonObject } from '../../src/model/json.ts';
import type { Principal } from '../../src/model/principal.ts';
import { principalHolder } from '../../src/model/taint.ts';
import { isVisible } from '../../src/policy/visibility.ts';
import { WaitingCalls } from '../support/waiting-calls.ts';

interface Case {
  readonly name: string;
  readonly principal: Partial<Principal>;
  readonly tool: string;
  readonly args?: JsonObject;
  readonly ip?: string;
  readonly time?: string;
  readonly taints?: readonly string[];
  readonly expect: Partial<Decision>;
}

const directory = 'test/cases/policy';

/** Types of the events that a call leaves, by what was decided. */
const eventsByEffect = {
  allow: ['intent', 'outcome'],
  deny: ['denied'],
  require_approval: ['approval_requested'],
} as const;

async function eventsOf({ principal, tool, args = {}, ip, time, taints = [] }: Case, documents: string) {
  await using calls = await WaitingCalls.open(documents);
  calls.clock.set(Date.parse(time ?? '2030-01-01T12:00:00Z'));
  const who = { id: 'ana', tenant: 'acme', roles: [], attributes: {}, ...principal };
  const person = await calls.person(who.id, { roles: who.roles, tenant: who.tenant, scopes: ['call'] });
  const caller = { ...person, principal: who, address: ip ?? '127.0.0.1' };
  const holder = principalHolder(who);
  const expiresAtMs = calls.clock.now() + 1;
  await calls.record.write({ events: [], taints: taints.map((name) => ({ holder, name, expiresAtMs })) });
  const request = { tool, args, limits: {}, labels: {}, idempotencyKey: null, session: null };
  await executeCall(calls.context, caller, request);
  const { items } = await calls.record.listEvents({ tenant: null, limit: 10, order: 'asc' });
  return { events: items.slice(1), isSeen: isVisible(calls.revision, who, tool) };
}

describe.each(readdirSync(directory))('%s', (file) => {
  const { documents, cases } = parse(readFileSync(join(directory, file), 'utf8')) as {
    readonly documents: string;
    readonly cases: readonly Case[];
  };

  test.each(cases)('$name', async (one) => {
    const { events, isSeen } = await eventsOf(one, documents);
    const principal = one.principal.id ?? 'ana';
    // What nobody may use is not there for them; its name is the caller's text, and no fact.
    const unseen = [{ type: 'invalid', status: 'unknown_tool', principal, tool: null, decision: null }];
    if (!isSeen) return expect(events).toMatchObject(unseen);
    const {
      effect = one.expect.nearest === undefined ? 'allow' : 'deny',
      policy,
      rule,
      matched,
    } = one.expect;
    expect(events.map(({ type }) => type)).toEqual(eventsByEffect[effect]);
    const named = Object.entries({ effect, policy, rule, matched }).filter(
      ([, value]) => value !== undefined,
    );
    const about = { principal, tool: one.tool, decision: Object.fromEntries(named) };
    expect(events).toMatchObject(events.map(() => about));
  });
});
