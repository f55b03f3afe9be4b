import type { JsonObject } from '../model/json.ts';
import type { Principal } from '../model/principal.ts';
import type { SessionFacts } from '../model/taint.ts';
import { describeFailure } from './cel/compile-expression.ts';
import { PrincipalValue, RequestValue, SessionValue } from './cel/principal-values.ts';
import type { Variables } from './cel/principal-values.ts';
import type { CompiledRule, ToolIndex } from './revision.ts';

/** One call to decide. */
export interface CallRequest {
  readonly principal: Principal;
  readonly tool: string;
  /** Validated, defaults filled in: what will be executed, byte for byte. */
  readonly args: JsonObject;
  /** Taint above all: to leave it out would be to forget it. */
  readonly session: SessionFacts;
  readonly request: {
    /** Peer address, or `local`. */
    readonly ip: string;
    readonly timeMs: number;
  };
}

/** How a rule whose subject and tool match fared. */
export interface RuleOutcome {
  readonly rule: CompiledRule;
  readonly matched: boolean;
  readonly reason: string;
}

/** What expressions see of a call. */
export function variablesOf(index: ToolIndex, { principal, args, session, request }: CallRequest): Variables {
  return {
    principal: new PrincipalValue(principal),
    tenant: principal.tenant,
    tool: index.value,
    args: index.wrapArgs(args),
    session: new SessionValue(session),
    request: new RequestValue(request.ip, request.timeMs),
  };
}

/** A rule that cannot be evaluated never grants: `allow` then does not match, `deny` and `limit` do. */
export function evaluateRule(rule: CompiledRule, variables: Variables): RuleOutcome {
  const { when } = rule;
  if (when === null) return { rule, matched: true, reason: 'no condition' };
  try {
    const result = when.evaluate(variables);
    if (result === true) return { rule, matched: true, reason: `holds: ${when.source}` };
    if (result === false) return { rule, matched: false, reason: `does not hold: ${when.source}` };
    return undecided(rule, when.source, 'the result is not a bool');
  } catch (error) {
    return undecided(rule, when.source, describeFailure(error));
  }
}

function undecided(rule: CompiledRule, source: string, failure: string): RuleOutcome {
  const matched = rule.effect !== 'allow';
  const outcome = matched ? `so this ${rule.effect} rule applies` : 'so this allow rule grants nothing';
  return { rule, matched, reason: `could not be evaluated (${failure}), ${outcome}: ${source}` };
}
