import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Principal } from '../../src/model/principal.ts';
import { decide } from '../../src/policy/decide.ts';
import { matchesGlob } from '../../src/policy/selectors.ts';
import { validateArgs } from '../../src/policy/validate.ts';
import { noSession } from '../../src/model/taint.ts';
import { compileText, exampleTool } from '../support/policy-directory.ts';

const names = ['a', 'b', 'c'];
const some = fc.option(fc.subarray(names, { minLength: 1 }), { nil: undefined });
const keys = fc.record({ ids: some, roles: some, tenants: some });
const entry = fc.record({
  ids: some,
  roles: some,
  tenants: some,
  except: fc.option(
    fc.array(
      keys.filter((match) => Object.values(match).some((key) => key !== undefined)),
      { minLength: 1, maxLength: 2 },
    ),
    { nil: undefined },
  ),
});
const rule = fc.record({
  effect: fc.constantFrom('allow', 'allow', 'deny', 'limit'),
  bound: fc.option(fc.integer({ min: 0, max: 10 }), { nil: undefined }),
  timeoutS: fc.option(fc.integer({ min: 1, max: 20 }), { nil: undefined }),
});
const policy = fc.record({
  subjects: fc.array(entry, { minLength: 1, maxLength: 3 }),
  rules: fc.array(rule, { minLength: 1, maxLength: 4 }),
});
const principal = fc.record({
  id: fc.constantFrom(...names),
  tenant: fc.constantFrom(...names),
  roles: fc.subarray(names),
  attributes: fc.constant({}),
});

type PolicySpec = typeof policy extends fc.Arbitrary<infer T> ? T : never;
type Match = { ids?: string[] | undefined; roles?: string[] | undefined; tenants?: string[] | undefined };

function textOf(policies: readonly PolicySpec[]): string {
  const documents = policies.map(({ subjects, rules }, at) => ({
    apiVersion: 'sallyport/v1',
    kind: 'Policy',
    metadata: { name: `p${at}` },
    spec: {
      subjects,
      rules: rules.map(({ effect, bound, timeoutS }, index) => ({
        name: `r${index}`,
        effect,
        tools: ['example'],
        ...(bound === undefined ? {} : { when: `args.limit <= ${bound}` }),
        ...(effect === 'limit' || (effect === 'allow' && timeoutS !== undefined)
          ? { limits: { timeout: `${timeoutS ?? 5}s` } }
          : {}),
      })),
    },
  }));
  return [exampleTool, ...documents.map((document) => JSON.stringify(document))].join('\n---\n');
}

function isMeant(match: Match, { id, roles, tenant }: Principal): boolean {
  return (
    (match.ids === undefined || match.ids.includes(id)) &&
    (match.tenants === undefined || match.tenants.includes(tenant)) &&
    (match.roles === undefined || match.roles.some((role) => roles.includes(role)))
  );
}

/** The rules of deciding once more, without index, compiler or expressions. */
function decideNaively(policies: readonly PolicySpec[], who: Principal, limit: number) {
  const matched = policies.flatMap(({ subjects, rules }, at) => {
    const concerned = subjects.some(
      (one) => isMeant(one, who) && !(one.except ?? []).some((except) => isMeant(except, who)),
    );
    return rules.flatMap((one, index) =>
      concerned && (one.bound === undefined || limit <= one.bound)
        ? [{ ...one, id: `p${at}/r${index}` }]
        : [],
    );
  });
  const winner =
    matched.find(({ effect }) => effect === 'deny') ?? matched.find(({ effect }) => effect === 'allow');
  const granted = matched.filter(({ effect }) => effect === 'allow').map(({ timeoutS }) => timeoutS ?? 10);
  const caps = matched.filter(({ effect }) => effect === 'limit').map(({ timeoutS }) => timeoutS ?? 5);
  return {
    effect: winner?.effect === 'allow' ? 'allow' : 'deny',
    winner: winner?.id ?? 'null/null',
    matched: matched.map(({ id }) => id),
    timeoutMs: Math.min(10, granted.length === 0 ? 10 : Math.max(...granted), ...caps) * 1_000,
  };
}

test('the indexed decision is the naive one, and a nearest call is never denied', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(policy, { minLength: 1, maxLength: 4 }),
      fc.array(fc.tuple(principal, fc.integer({ min: 0, max: 12 })), { minLength: 1, maxLength: 6 }),
      async (policies, callers) => {
        const revision = await compileText(textOf(policies));
        for (const [who, limit] of callers) {
          const call = {
            principal: who,
            tool: 'example',
            args: { code: 'x', limit },
            session: noSession,
            request: { ip: 'local', timeMs: 0 },
          };
          const decision = decide(revision, call);
          const { effect, policy: winner, rule: index, matched, limits, nearest } = decision;
          const seen = { effect, winner: `${winner}/${index}`, matched, timeoutMs: limits.timeoutMs };
          expect(seen).toEqual(decideNaively(policies, who, limit));
          if (nearest === null) continue;
          expect(effect).toBe('deny');
          expect(validateArgs(revision, { name: 'example' }, nearest.args).ok).toBe(true);
          expect(decide(revision, { ...call, args: nearest.args }).effect).toBe('allow');
        }
      },
    ),
    { numRuns: 60 },
  );
}, 120_000);

test('a glob matches what the same expression matches', () => {
  const part = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 8 });
  const name = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 12 });
  fc.assert(
    fc.property(part, name, (pattern, text) => {
      const expression = new RegExp(`^${pattern.replaceAll('*', '.*')}$`);
      expect(matchesGlob(pattern, text)).toBe(expression.test(text));
    }),
    { numRuns: 2_000 },
  );
});
