/**
 * What would be decided if the shadow policies were enforced too. It is for the record and the metrics alone: it changes
 * nothing that is decided, and nothing of it goes to the caller.
 */
import type { Decision, ShadowDecision } from '../model/decision.ts';
import { decideRules } from './decide-rules.ts';
import type { CallRequest } from './evaluate-rule.ts';
import type { Revision } from './revision.ts';

/** Ids of matching shadow rules that a decision keeps. */
const matchedMax = 20;

/** Null where no shadow rule matches: the enforced decision would stay what it is. Total and pure, as `decide` is. */
export function decideShadow(
  revision: Revision,
  call: CallRequest,
  enforced: Decision,
): ShadowDecision | null {
  const index = revision.index.get(call.tool);
  if (index === undefined || index.withShadow === null) return null;
  const shadow = decideRules(revision, { ...index, rules: index.withShadow }, call);
  const known = new Set(enforced.matched);
  const matched = shadow.matched.filter((id) => !known.has(id));
  if (matched.length === 0) return null;
  const { effect, policy, rule, limits } = shadow;
  return { effect, policy, rule, matched: matched.slice(0, matchedMax), limits };
}
