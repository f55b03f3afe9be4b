import type { Decision, RequiredApproval, TraceEntry } from '../model/decision.ts';
import type { Variables } from './cel/principal-values.ts';
import { effectiveLimits } from './effective-limits.ts';
import { evaluateRule, variablesOf } from './evaluate-rule.ts';
import type { CallRequest, RuleOutcome } from './evaluate-rule.ts';
import { quotaDraws } from './quotas/quota-draws.ts';
import { denialReasons } from './reasons.ts';
import { DEFAULT_BOUNDARY } from './revision.ts';
import type { CompiledRule, Revision, ToolIndex } from './revision.ts';

/**
 * The decision without a nearest call. Every rule whose subject and tool match is evaluated; `deny` wins over
 * `require_approval`, which wins over `allow`; nothing matched is a deny; `limit` never grants. The first winner by policy name and rule index is named.
 */
export function decideRules(revision: Revision, index: ToolIndex, call: CallRequest): Decision {
  const variables = variablesOf(index, call);
  const outcomes = index.rules.matching(call.principal).map((rule) => evaluateRule(rule, variables));
  const matched = outcomes.filter((outcome) => outcome.matched).map(({ rule }) => rule);
  const first = (effect: string): CompiledRule | undefined => matched.find((rule) => rule.effect === effect);
  const winner = first('deny') ?? first('require_approval') ?? first('allow') ?? null;
  const decided: Decision = {
    effect: effectOf(winner),
    policy: winner?.policy ?? null,
    rule: winner?.name ?? null,
    matched: matched.map(({ id }) => id),
    revision: revision.id,
    limits: effectiveLimits(index.tool.limits, matched),
    boundary: boundaryOf(matched),
    approval: approvalOf(winner, matched),
    reasons: [],
    nearest: null,
    quotas: [],
    trace: outcomes.map(toTrace),
  };
  const reasons = effectReasons(decided, index, winner, outcomes, variables);
  return decided.effect === 'deny'
    ? { ...decided, reasons }
    : withQuotas({ ...decided, reasons }, index, call, variables);
}

function effectOf(winner: CompiledRule | null): Decision['effect'] {
  return winner === null || winner.effect === 'limit' ? 'deny' : winner.effect;
}

function approvalOf(winner: CompiledRule | null, matched: readonly CompiledRule[]): RequiredApproval | null {
  if (winner?.effect !== 'require_approval') return null;
  const asking = matched.flatMap(({ id, approval }) => (approval === null ? [] : [{ id, ...approval }]));
  return {
    expiresMs: Math.min(...asking.map(({ expiresMs }) => expiresMs)),
    rules: asking.map(({ id, approvers }) => ({ id, approvers })),
  };
}

function effectReasons(
  { effect }: Decision,
  { tool }: ToolIndex,
  winner: CompiledRule | null,
  outcomes: readonly RuleOutcome[],
  variables: Variables,
): readonly string[] {
  if (effect === 'allow') return [];
  if (effect === 'deny') return denialReasons(tool.name, winner, outcomes, variables);
  return [winner?.message ?? `Somebody has to approve this call of ${tool.name}.`];
}

/** A quota whose key or amount cannot be evaluated denies the call: an error never grants. */
function withQuotas(decision: Decision, index: ToolIndex, call: CallRequest, variables: Variables): Decision {
  const result = quotaDraws(index, call.principal, variables, decision.limits);
  if (result.ok) return { ...decision, quotas: result.draws };
  const { policy, name } = result.quota;
  const rule = `quota:${name}`;
  const reason = `the ${result.part} could not be evaluated (${result.failure}), so the call is denied: ${result.source}`;
  return {
    ...decision,
    effect: 'deny',
    approval: null,
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
