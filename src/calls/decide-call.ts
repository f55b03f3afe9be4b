/** Policy decides, and the request's own limits are held against what it gives. */
import type { Decision } from '../model/decision.ts';
import type { Limits, RequestLimits } from '../model/limits.ts';
import type { Caller } from '../model/principal.ts';
import type { Tool } from '../model/tool.ts';
import { decide } from '../policy/decide.ts';
import type { Revision } from '../policy/revision.ts';
import type { CallContext, CallRequest, CheckedArguments } from './call-context.ts';
import type { Refusal } from './refusal.ts';

/** Not denied: allowed, or allowed once somebody approves. */
export interface Decided {
  readonly decision: Decision;
  /** Narrowed by policy and by the request. */
  readonly limits: Limits;
}

/** Refused with a decision behind it, which belongs on the record. */
export interface Refused {
  readonly refusal: Refusal;
  readonly decision: Decision;
}

export function decideCall(
  context: Pick<CallContext, 'clock'>,
  revision: Revision,
  caller: Caller,
  tool: Tool,
  args: CheckedArguments,
  request: Pick<CallRequest, 'limits'>,
): Decided | Refused {
  const decision = decide(revision, {
    principal: caller.principal,
    tool: tool.name,
    args: args.value,
    request: { ip: caller.address, timeMs: context.clock.now() },
  });
  if (decision.effect === 'deny') return { refusal: denial(decision), decision };
  const excess = findExcess(decision, request.limits);
  if (excess !== null) return { refusal: excess, decision };
  return { decision, limits: { ...decision.limits, ...request.limits } };
}

function denial({ policy, rule, nearest, reasons }: Decision): Refusal {
  const suggestion = nearest === null ? '' : ` Permitted would be: ${nearest.text}.`;
  return {
    code: 'policy_denied',
    detail: `${reasons.join(' ')}${suggestion}`,
    policy,
    rule,
    reasons,
    nearest,
  };
}

function findExcess(decision: Decision, asked: RequestLimits): Refusal | null {
  for (const [name, value] of Object.entries(asked) as [keyof RequestLimits, number][]) {
    const limitMax = decision.limits[name];
    if (value > limitMax) {
      return {
        code: 'limit_exceeds_policy',
        detail: `limits.${name} is ${value}; policy gives at most ${limitMax}.`,
        limit: name,
        limitMax,
      };
    }
  }
  return null;
}
