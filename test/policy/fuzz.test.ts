/** Random policies and calls: deciding never throws, is a function, and what it offers is permitted and no secret. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { JsonObject } from '../../src/model/json.ts';
import type { CallRequest } from '../../src/policy/evaluate-rule.ts';
import { decide } from '../../src/policy/decide.ts';
import { explainDecision } from '../../src/policy/explain.ts';
import type { Revision } from '../../src/policy/revision.ts';
import { validateArgs } from '../../src/policy/validate.ts';
import { isVisible } from '../../src/policy/visibility.ts';
import { noSession } from '../../src/model/taint.ts';
import { compileText, exampleTool } from '../support/policy-directory.ts';

/** A clause of a condition; `allowed` is what a denial may say of it, null where it is no bound. */
interface Clause {
  readonly text: string;
  readonly allowed: string | null;
}

const clause: fc.Arbitrary<Clause> = fc.oneof(
  fc
    .integer({ min: -5, max: 1_005 })
    .chain((bound) =>
      fc.constantFrom(
        { text: `args.limit <= ${bound}`, allowed: `at most ${bound}` },
        { text: `${bound} < args.limit`, allowed: `more than ${bound}` },
        { text: `args.limit == ${bound}`, allowed: `exactly ${bound}` },
        { text: `(args.limit >= ${bound})`, allowed: `at least ${bound}` },
      ),
    ),
  fc.constantFrom(
    { text: 'args.host in ["a.test", "b.test"]', allowed: 'one of "a.test", "b.test"' },
    { text: '(!has(args.host) || args.host == "a.test")', allowed: 'exactly "a.test"' },
    { text: 'args.ratio <= 0.5', allowed: 'at most 0.5' },
    { text: 'size(args.code) < 3', allowed: 'less than 3 long' },
    { text: 'args.open.deep.er == 1', allowed: 'exactly 1' },
  ),
  fc.constantFrom(
    ...[
      'url(args.host).host == "a.test"',
      'cidr("10.0.0.0/8").contains(ip(args.host))',
      'args.items[3] == "x"',
      'args.limit / (args.limit - 7) > 0',
      'principal.attributes.level > 2',
      '!(args.limit > 3 || args.code.matches("^x"))',
      'request.time.getHours() < 6',
      'args.items.exists(i, i == args.code)',
      '"b" in principal.roles ? args.limit < 9 : has(args.open)',
    ].map((text) => ({ text, allowed: null })),
  ),
);

const names = ['a', 'b', 'c'];
const subject = fc.record(
  {
    ids: fc.subarray(names, { minLength: 1 }),
    roles: fc.subarray(names, { minLength: 1 }),
    tenants: fc.subarray(names, { minLength: 1 }),
  },
  { requiredKeys: [] },
);
const rule = fc.record({
  effect: fc.constantFrom('allow', 'allow', 'allow', 'deny', 'require_approval', 'limit'),
  clauses: fc.array(clause, { maxLength: 3 }),
  message: fc.option(fc.constantFrom('Ask for less.', 'No.'), { nil: undefined }),
});
const policy = fc.record({
  subjects: fc.array(subject, { minLength: 1, maxLength: 2 }),
  rules: fc.array(rule, { minLength: 1, maxLength: 4 }),
  quotaKey: fc.option(fc.constantFrom('principal.id', 'args.host', 'args.open.x', 'args.limit'), {
    nil: undefined,
  }),
});
type PolicySpec = typeof policy extends fc.Arbitrary<infer T> ? T : never;

const args: fc.Arbitrary<JsonObject> = fc.record(
  {
    code: fc.constantFrom('x', 'xy', 'long enough', ''),
    limit: fc.integer({ min: 0, max: 1_000 }),
    host: fc.constantFrom('a.test', 'https://a.test/', '10.0.0.1', '', 'c.test'),
    ratio: fc.constantFrom(0, 0.5, 1, -1e300),
    items: fc.array(fc.constantFrom('x', 'y'), { maxLength: 5 }),
    open: fc.constantFrom<JsonObject>({}, { deep: { er: 1 } }, { deep: null }, { x: 'k' }, { deep: [] }),
  },
  { requiredKeys: ['code'] },
);
const principal = fc.record({
  id: fc.constantFrom(...names),
  tenant: fc.constantFrom(...names),
  roles: fc.subarray(names),
  attributes: fc.constantFrom<JsonObject>({}, { level: 3 }, { level: 'high' }),
});
const call = fc.record({
  principal,
  args,
  ip: fc.constantFrom('192.0.2.1', 'local', '::1'),
  timeMs: fc.nat(),
});

function documentOf({ subjects, rules, quotaKey }: PolicySpec, at: number): string {
  const spec = {
    subjects,
    rules: rules.map(({ effect, clauses, message }, index) => ({
      name: `r${index}`,
      effect,
      tools: ['example'],
      ...(clauses.length === 0 ? {} : { when: clauses.map(({ text }) => text).join(' && ') }),
      ...(message === undefined ? {} : { message }),
      ...(effect === 'limit' ? { limits: { timeout: '2s' } } : {}),
      ...(effect === 'require_approval' ? { approval: { approvers: [{ roles: ['lead'] }] } } : {}),
    })),
    ...(quotaKey === undefined
      ? {}
      : {
          quotas: [
            {
              name: 'q',
              key: quotaKey === 'args.open.x' ? `string(${quotaKey})` : quotaKey,
              unit: 'calls',
              limit: 5,
              window: '1m',
            },
          ],
        }),
  };
  return JSON.stringify({ apiVersion: 'sallyport/v1', kind: 'Policy', metadata: { name: `p${at}` }, spec });
}

function compilePolicies(policies: readonly PolicySpec[]): Promise<Revision> {
  return compileText([exampleTool, ...policies.map(documentOf)].join('\n---\n'));
}

function concerns({ subjects }: PolicySpec, who: CallRequest['principal']): boolean {
  return subjects.some(
    ({ ids, roles, tenants }) =>
      (ids?.includes(who.id) ?? true) &&
      (tenants?.includes(who.tenant) ?? true) &&
      (roles?.some((role) => who.roles.includes(role)) ?? true),
  );
}

/** What this caller may be told: bounds of allow rules that mean it. */
function tellable(
  policies: readonly PolicySpec[],
  who: CallRequest['principal'],
): ReadonlySet<string | null> {
  const allowed = policies
    .filter((one) => concerns(one, who))
    .flatMap(({ rules }) => rules)
    .filter(({ effect }) => effect === 'allow')
    .flatMap(({ clauses }) => clauses.map((one) => one.allowed));
  return new Set(allowed);
}

test('any call under any policy', async () => {
  let offered = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(policy, { minLength: 1, maxLength: 4 }),
      fc.array(call, { minLength: 1, maxLength: 8 }),
      async (policies, calls) => {
        const revision = await compilePolicies(policies);
        for (const { principal: who, args: given, ...request } of calls) {
          const validated = validateArgs(revision, { name: 'example' }, given);
          if (!validated.ok) throw new Error('the arguments are made to fit');
          const asked: CallRequest = {
            principal: who,
            tool: 'example',
            args: validated.args,
            session: noSession,
            request,
          };
          const decision = decide(revision, asked);
          expect(decide(revision, asked)).toEqual(decision);
          expect(explainDecision({ revision, call: asked, decision })).toContain(revision.id);
          expect(decision.reasons.length > 0).toBe(decision.effect !== 'allow');
          if (decision.effect !== 'deny') expect(isVisible(revision, who, 'example')).toBe(true);
          // Rules that mean somebody else change nothing that this caller is told.
          const own = policies.map((one) =>
            concerns(one, who) ? one : { ...one, subjects: [{ ids: ['nobody'] }] },
          );
          if (own.some((one, at) => one !== policies[at])) {
            const alone = decide(await compilePolicies(own), asked);
            expect({ ...alone, revision: '' }).toEqual({ ...decision, revision: '' });
          }
          if (decision.nearest === null) continue;
          offered++;
          expect(decision.effect).toBe('deny');
          const fits = validateArgs(revision, { name: 'example' }, decision.nearest.args);
          expect(fits).toEqual({ ok: true, args: decision.nearest.args });
          expect(decide(revision, { ...asked, args: decision.nearest.args }).effect).toBe('allow');
          const known = tellable(policies, who);
          for (const { allowed } of decision.nearest.changes) expect(known).toContain(allowed);
        }
      },
    ),
    { numRuns: 100 },
  );
  expect(offered).toBeGreaterThan(0);
}, 120_000);
