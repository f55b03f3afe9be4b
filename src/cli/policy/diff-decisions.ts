/** Recorded calls, decided under two policies: which of them would end otherwise. */
import type { QuotaDraw } from '../../model/decision.ts';
import { QuotaLedger } from '../../policy/quotas/quota-ledger.ts';
import type { Revision } from '../../policy/revision.ts';
import { decideAgain } from './recorded-calls.ts';
import type { RecordedCall } from './recorded-calls.ts';

export type Outcome = 'allowed' | 'needs approval' | 'denied' | 'over quota' | 'invalid';

/** How a call ends, and what says so: `policy/rule`, a quota, or what does not fit. */
export interface Side {
  readonly outcome: Outcome;
  readonly by: string | null;
}

/** One policy: what was recorded, or a revision that decides. */
export type Judge = (call: RecordedCall) => Side;

/** Calls of one tool that end otherwise in the same way. */
export interface DecisionChange {
  readonly tool: string;
  readonly before: Side;
  readonly after: Side;
  readonly calls: number;
  readonly principals: number;
  /** `call_…`, or `evt_…` of a refused one. */
  readonly example: string;
}

export interface DecisionDiff {
  readonly calls: number;
  readonly changed: number;
  /** The most calls first. */
  readonly changes: readonly DecisionChange[];
  /** How often each was said of a call that was decided. */
  readonly caveats: Readonly<Record<string, number>>;
}

/** Calls in the order of time: quotas count them. */
export function diffDecisions(calls: readonly RecordedCall[], before: Judge, after: Judge): DecisionDiff {
  const groups = new Map<string, { change: DecisionChange; calls: number; principals: Set<string> }>();
  const caveats: Record<string, number> = {};
  let changed = 0;
  for (const call of calls) {
    const sides = { before: before(call), after: after(call) };
    for (const caveat of call.caveats) caveats[caveat] = (caveats[caveat] ?? 0) + 1;
    if (sides.before.outcome === sides.after.outcome) continue;
    changed += 1;
    const { principal, tool } = call.request;
    const key = JSON.stringify([tool, sides]);
    const example = call.callId ?? call.event;
    const change = { tool, ...sides, calls: 1, principals: 1, example };
    const group = groups.get(key) ?? { change, calls: 0, principals: new Set() };
    group.calls += 1;
    group.principals.add(JSON.stringify([principal.tenant, principal.id]));
    groups.set(key, group);
  }
  const changes = [...groups.values()]
    .map(({ change, calls: count, principals }) => ({
      ...change,
      calls: count,
      principals: principals.size,
    }))
    .toSorted((a, b) => b.calls - a.calls);
  return { calls: calls.length, changed, changes, caveats };
}

/** As it was decided then. */
export const asRecorded: Judge = ({ overQuota, recorded }) => {
  if (overQuota !== null) return { outcome: 'over quota', by: overQuota };
  const { effect, policy, rule } = recorded;
  return { outcome: outcomes[effect], by: nameOf(policy, rule) };
};

/** Counters for the keys of a window of calls, not of one server's memory. */
const countersMax = 1_000_000;

/** Under a revision, whose quotas of calls and amounts begin to count with the first call. */
export function under(revision: Revision): Judge {
  const ledger = new QuotaLedger({ countersMax });
  return (call) => {
    const again = decideAgain(revision, call);
    if (again.kind === 'unfit') return { outcome: 'invalid', by: again.detail };
    const { effect, policy, quotas, rule } = again.decision;
    const never = effect === 'deny' ? undefined : quotas.find(({ amount, limit }) => amount > limit);
    if (never !== undefined) return { outcome: 'over quota', by: `${never.policy}/${never.name}` };
    const timeMs = call.request.request.timeMs;
    const holder = { callId: call.event, tenant: call.request.principal.tenant };
    const leased = effect === 'allow' ? ledger.lease(quotas.filter(isCounted), holder, timeMs) : null;
    if (leased?.ok === false && leased.isFull !== true)
      return { outcome: 'over quota', by: `${leased.draw.policy}/${leased.draw.name}` };
    if (leased?.ok === true) void leased.lease.settle(null, timeMs);
    return { outcome: outcomes[effect], by: nameOf(policy, rule) };
  };
}

/** What a call used of other units, or how long, is not in its decision. */
function isCounted({ unit }: QuotaDraw): boolean {
  return unit === 'calls' || unit === 'amount';
}

const outcomes = { allow: 'allowed', deny: 'denied', require_approval: 'needs approval' } as const;

function nameOf(policy: string | null, rule: string | null): string | null {
  return policy === null ? rule : `${policy}/${rule ?? ''}`;
}
