/** Policy decides, and the request's own limits are held against what it gives. */
import { isDeepStrictEqual } from 'node:util';
import type { Decision, ShadowDecision } from '../model/decision.ts';
import type { JsonObject } from '../model/json.ts';
import type { Limits, RequestLimits } from '../model/limits.ts';
import type { Caller } from '../model/principal.ts';
import type { Tool } from '../model/tool.ts';
import { noSession } from '../model/taint.ts';
import type { SessionFacts } from '../model/taint.ts';
import { decideBlocked } from '../policy/blocks.ts';
import type { SessionSize } from '../execution/sessions.ts';
import { decide } from '../policy/decide.ts';
import { decideShadow } from '../policy/decide-shadow.ts';
import { leaseUnder } from '../policy/quotas/quota-units.ts';
import type { Revision } from '../policy/revision.ts';
import type { CallContext, CallRequest, CheckedArguments } from './call-context.ts';
import type { Refusal } from './refusal.ts';
import { sessionFacts } from './taint-ledger.ts';
import type { Taints } from './taint-ledger.ts';

type DecisionContext = Pick<CallContext, 'blocks' | 'metrics'> & Taints;

/** Not denied: allowed, or allowed once somebody approves. */
export interface Decided {
  readonly decision: Decision;
  /** Narrowed by policy and by the request. */
  readonly limits: Limits;
  readonly shadow: ShadowDecision | null;
  /** What policy saw of the session. */
  readonly facts: SessionFacts;
}

/** Refused with a decision behind it, which belongs on the record. */
export interface Refused {
  readonly refusal: Refusal;
  readonly decision: Decision;
  readonly shadow: ShadowDecision | null;
  readonly facts: SessionFacts;
}

export async function decideCall(
  context: DecisionContext,
  revision: Revision,
  caller: Caller,
  tool: Tool,
  args: Pick<CheckedArguments, 'value'>,
  request: Pick<CallRequest, 'limits' | 'session'>,
): Promise<Decided | Refused> {
  const { decision, facts, shadow } = await decideUnlessBlocked(
    context,
    revision,
    caller,
    tool,
    args.value,
    request.session,
  );
  if (decision.effect === 'deny') return { refusal: denial(decision), decision, shadow, facts };
  const excess = findExcess(decision, request.limits);
  if (excess !== null) return { refusal: excess, decision, shadow, facts };
  const size = sessionSize(context, caller, request);
  if (size === null && Object.keys(request.limits).length === 0)
    return { decision, limits: decision.limits, shadow, facts };
  const limits: Record<keyof Limits, number> = { ...decision.limits, ...request.limits };
  // Where policy gives this call less than the container has, the session is refused later: it cannot shrink.
  for (const name of sizes) limits[name] = Math.min(limits[name], size?.[name] ?? Infinity);
  return {
    decision: { ...decision, quotas: leaseUnder(decision.quotas, tool, limits) },
    limits,
    shadow,
    facts,
  };
}

const sizes = ['memoryMiB', 'cpus', 'pids'] as const;

/** A session's container is no larger than any tool that may run in it, and that is what a call in it has. */
function sessionSize(
  { sessions }: Pick<DecisionContext, 'sessions'>,
  { principal }: Caller,
  { session }: Pick<CallRequest, 'session'>,
): SessionSize | null {
  return (session === null ? undefined : sessions.own(principal, session))?.stored.session.limits ?? null;
}

/** Whether a call that was decided twice may do the same now as then. */
export function decidesAlike(now: Pick<Decided, 'decision'>, then: Pick<Decided, 'decision'>): boolean {
  return isDeepStrictEqual(rulesOf(now.decision), rulesOf(then.decision));
}

function rulesOf({ effect, matched, limits, boundary }: Decision): object {
  return { effect, matched, limits, boundary };
}

/** The kill switch first, then policy. Every decision on a call comes from here, also that of one that waited. */
export async function decideUnlessBlocked(
  context: DecisionContext,
  revision: Revision,
  { principal, address }: Caller,
  tool: Tool,
  args: JsonObject,
  session: string | null,
): Promise<Pick<Decided, 'decision' | 'facts' | 'shadow'>> {
  const facts = await sessionFacts(context, principal, session);
  const startedAt = performance.now();
  const told = (effect: string): void =>
    context.metrics.decided(effect, (performance.now() - startedAt) / 1000);
  const block = context.blocks.find(principal, tool.name);
  if (block !== null) {
    told('deny');
    return { decision: decideBlocked(revision, tool, block), shadow: null, facts };
  }
  const call = {
    principal,
    tool: tool.name,
    args,
    session: facts,
    request: { ip: address, timeMs: context.clock.now() },
  };
  const decision = decide(revision, call);
  told(decision.effect);
  return { decision, shadow: decideShadow(revision, call, decision), facts };
}

/** For a call that waited since it was decided: the block that was added meanwhile, as a refusal. */
export function findBlock(
  { blocks }: Pick<CallContext, 'blocks'>,
  revision: Revision,
  { principal }: Caller,
  tool: Tool,
): Refused | null {
  const block = blocks.find(principal, tool.name);
  if (block === null) return null;
  const decision = decideBlocked(revision, tool, block);
  return { refusal: denial(decision), decision, shadow: null, facts: noSession };
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
