import type { Decision, TraceEntry } from '../model/decision.ts';
import type { Variables } from './cel/principal-values.ts';
import { effectiveLimits } from './effective-limits.ts';
import { evaluateRule, variablesOf } from './evaluate-rule.ts';
import type { CallRequest, RuleOutcome } from './evaluate-rule.ts';
import { quotaDraws } from './quota-draws.ts';
import { denialReasons } from './reasons.ts';
import { DEFAULT_BOUNDARY } from './revision.ts';
import type { CompiledRule, Revision, ToolIndex } from './revision.ts';

/**
 * The decision without a nearest call. Every rule whose subject and tool match is evaluated; `deny` wins over `allow`,
 * nothing matched is a deny, `limit` never grants. The first winner by policy name and rule index is named.
 */
export function decideRules(revision: Revision, index: ToolIndex, call: CallRequest): Decision {
  const variables = variablesOf(index, call);
  const outcomes = index.rules.matching(call.principal).map((rule) => evaluateRule(rule, variables));
  const matched = outcomes.filter((outcome) => outcome.matched).map(({ rule }) => rule);
  const first = (effect: string): CompiledRule | undefined => matched.find((rule) => rule.effect === effect);
  const winner = first('deny') ?? first('allow') ?? null;
  const decided: Decision = {
    effect: winner?.effect === 'allow' ? 'allow' : 'deny',
    policy: winner?.policy ?? null,
    rule: winner?.name ?? null,
    matched: matched.map(({ id }) => id),
    revision: revision.id,
    limits: effectiveLimits(index.tool.limits, matched),
    boundary: boundaryOf(matched),
    reasons: [],
    nearest: null,
    quotas: [],
    trace: outcomes.map(toTrace),
  };
  if (decided.effect === 'allow') return withQuotas(decided, index, call, variables);
  return { ...decided, reasons: denialReasons(index.tool.name, winner, outcomes, variables) };
}

/** A quota whose key cannot be evaluated denies the call: an error never grants. */
function withQuotas(decision: Decision, index: ToolIndex, call: CallRequest, variables: Variables): Decision {
  const result = quotaDraws(index, call.principal, variables);
  if (result.ok) return { ...decision, quotas: result.draws };
  const { policy, name, key } = result.quota;
  const rule = `quota:${name}`;
  const reason = `the key could not be evaluated (${result.failure}), so the call is denied: ${key.source}`;
  return {
    ...decision,
    effect: 'deny',
    policy,
    rule,
    matched: [...decision.matched, `${policy}/${rule}`],
    reasons: ['A quota of this tool cannot be applied to this call.'],
    trace: [...decision.trace, { policy, rule, effect: 'deny', matched: true, reason }],
  };
}

function boundaryOf(matched: readonly CompiledRule[]): readonly string[] {
  const names = new Set(matched.map(({ boundary }) => boundary).filter((name) => name !== null));
  return names.size > 0 ? [...names] : [DEFAULT_BOUNDARY];
}

function toTrace({ rule, matched, reason }: RuleOutcome): TraceEntry {
  return { policy: rule.policy, rule: rule.name, effect: rule.effect, matched, reason };
}
