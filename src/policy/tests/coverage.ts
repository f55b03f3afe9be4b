/** Which rules and quotas the tests of a revision were seen to use. */
import type { PolicySummary, Revision } from '../revision.ts';
import type { TestedCall } from './run-tests.ts';

/** Something that no test has shown. */
export interface Uncovered {
  /** `file:line:column` of the rule or quota. */
  readonly place: string;
  /** `policy/rule`. */
  readonly id: string;
  readonly missing: string;
}

export interface Coverage {
  readonly total: number;
  readonly covered: number;
  /** 0 to 100, rounded down: 100 means everything. */
  readonly percent: number;
  readonly uncovered: readonly Uncovered[];
}

/**
 * A rule counts as covered when it was seen to match, and, if it has a condition, also when it was seen not to match; a
 * quota when a call drew on it.
 */
export function measureCoverage(revision: Revision, calls: readonly TestedCall[]): Coverage {
  const seen = new Set(calls.flatMap(seenBy));
  const expected = revision.policies.flatMap(expectedOf);
  const uncovered = expected.filter(({ key }) => !seen.has(key));
  const [total, covered] = [expected.length, expected.length - uncovered.length];
  return {
    total,
    covered,
    percent: total === 0 ? 100 : Math.floor((100 * covered) / total),
    uncovered: uncovered.map(({ place, id, missing }) => ({ place, id, missing })),
  };
}

function seenBy({ outcome }: TestedCall): readonly string[] {
  if (outcome.effect === 'invalid') return [];
  return [
    ...outcome.trace.map(({ policy, rule, matched }) => ruleKey(`${policy}/${rule}`, matched)),
    ...outcome.quotas.map(({ policy, name }) => quotaKey(`${policy}/${name}`)),
  ];
}

function expectedOf({
  name,
  rules,
  quotas,
  isShadow,
}: PolicySummary): readonly (Uncovered & { readonly key: string })[] {
  // Tests say what is decided, and a shadow policy decides nothing.
  if (isShadow) return [];
  return [
    ...rules.flatMap((rule) => {
      const [id, { place, isConditional }] = [`${name}/${rule.name}`, rule];
      const matched = { key: ruleKey(id, true), id, place, missing: 'no test makes this rule match' };
      const unmatched = { key: ruleKey(id, false), id, place, missing: 'no test makes its condition fail' };
      return isConditional ? [matched, unmatched] : [matched];
    }),
    ...quotas.map(({ name: quota, place }) => {
      const id = `${name}/${quota}`;
      return { key: quotaKey(id), id, place, missing: 'no test draws on this quota' };
    }),
  ];
}

function ruleKey(id: string, matched: boolean): string {
  return `rule ${id} ${matched}`;
}

function quotaKey(id: string): string {
  return `quota ${id}`;
}
