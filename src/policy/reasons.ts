/** What a denial tells the caller: the rules' own messages, never the contents of a deny rule. */
import type { Variables } from './cel/principal-values.ts';
import type { RuleOutcome } from './evaluate-rule.ts';
import type { CompiledRule } from './revision.ts';

/** Reasons named in one denial. */
const REASONS_MAX = 8;

/**
 * The message of the deny rule that won; else, for each `allow` rule that the caller may know of, its message or the
 * bounds on arguments that did not hold; else one plain sentence.
 */
export function denialReasons(
  tool: string,
  winner: CompiledRule | null,
  outcomes: readonly RuleOutcome[],
  variables: Variables,
): readonly string[] {
  if (winner !== null) return [winner.message ?? `The rule ${winner.id} denies this call of ${tool}.`];
  const reasons = new Set<string>();
  for (const { rule } of outcomes) {
    if (rule.effect !== 'allow' || reasons.size >= REASONS_MAX) continue;
    const bounds = rule.message === null ? failedBounds(rule, variables) : [];
    for (const reason of rule.message === null ? bounds : [rule.message]) reasons.add(reason);
  }
  if (reasons.size > 0) return [...reasons].slice(0, REASONS_MAX);
  const isVisible = outcomes.some(
    ({ rule }) => rule.effect === 'allow' || rule.effect === 'require_approval',
  );
  return [isVisible ? `No rule allows this call of ${tool}.` : `No rule allows you to call ${tool}.`];
}

function failedBounds(rule: CompiledRule, variables: Variables): readonly string[] {
  const failed = rule.when?.conjuncts.filter((conjunct) => {
    try {
      return conjunct.bound !== null && !conjunct.evaluate(variables);
    } catch {
      return conjunct.bound !== null;
    }
  });
  return (failed ?? []).flatMap(({ bound }) =>
    bound === null ? [] : [`${bound.path.join('.')} must be ${bound.allowed}.`],
  );
}
