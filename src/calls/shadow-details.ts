import type { JsonObject } from '../model/json.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Decided } from './decide-call.ts';

/** What the event of a decision says of the shadow policies, counted where it is said. Nothing else may show it. */
export function shadowDetails(
  { metrics }: { readonly metrics: Pick<Metrics, 'shadowDecided'> },
  { decision, shadow }: Pick<Decided, 'decision' | 'shadow'>,
): JsonObject {
  if (shadow === null) return {};
  metrics.shadowDecided(decision.effect, shadow.effect);
  const { effect, policy, rule, matched, limits } = shadow;
  return { shadow: { effect, policy, rule, matched: [...matched], limits: { ...limits } } };
}
