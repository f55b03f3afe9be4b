/** What the event of a decision says in its details beside the decision itself. Nothing of it is shown to callers. */
import type { JsonObject } from '../model/json.ts';
import type { Caller } from '../model/principal.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Decided } from './decide-call.ts';

/** Longer ones are left out of each event: who made the key is on the record with them. */
const attributesCharsMax = 2_048;

/** What shadow policies would have changed is counted where it is said. */
export function decisionDetails(
  { metrics }: { readonly metrics: Pick<Metrics, 'shadowDecided'> },
  caller: Caller,
  { decision, facts, shadow }: Pick<Decided, 'decision' | 'facts' | 'shadow'>,
): JsonObject {
  const decidedWith = factsOf(caller, facts);
  if (shadow === null) return { decidedWith };
  metrics.shadowDecided(decision.effect, shadow.effect);
  const { effect, policy, rule, matched, limits } = shadow;
  return { decidedWith, shadow: { effect, policy, rule, matched: [...matched], limits: { ...limits } } };
}

/** With arguments, address and time, which the event has anyway, all that policy saw: the call can be decided again. */
function factsOf(
  { principal: { roles, attributes } }: Caller,
  { ageMs, callCount, taints }: Decided['facts'],
): JsonObject {
  const isLong = JSON.stringify(attributes).length > attributesCharsMax;
  return {
    roles: [...roles],
    ...(Object.keys(attributes).length === 0 ? {} : { attributes: isLong ? null : { ...attributes } }),
    ...(taints.length === 0 ? {} : { taints: [...taints] }),
    ...(callCount === 0 && ageMs === 0 ? {} : { callCount, ageMs }),
  };
}
