import type { QuotaDraw } from '../model/decision.ts';
import type { Principal } from '../model/principal.ts';
import { describeFailure } from './cel/compile-expression.ts';
import type { Variables } from './cel/principal-values.ts';
import type { CompiledQuota, ToolIndex } from './revision.ts';

/** Longest key of a counter: each is held in memory for its window. */
const QUOTA_KEY_CHARS_MAX = 512;

export type QuotaDraws =
  | { readonly ok: true; readonly draws: readonly QuotaDraw[] }
  | { readonly ok: false; readonly quota: CompiledQuota; readonly failure: string };

/** What a call draws on: every quota that means the caller and the tool. Fails when one's key cannot be evaluated. */
export function quotaDraws(index: ToolIndex, principal: Principal, variables: Variables): QuotaDraws {
  const draws: QuotaDraw[] = [];
  for (const quota of index.quotas.matching(principal)) {
    const { policy, name, unit, limit, windowMs } = quota;
    const key = evaluateKey(quota, variables);
    if (!key.ok) return { ok: false, quota, failure: key.failure };
    draws.push({ policy, name, key: key.value, unit, limit, windowMs });
  }
  return { ok: true, draws };
}

type Key = { readonly ok: true; readonly value: string } | { readonly ok: false; readonly failure: string };

function evaluateKey(quota: CompiledQuota, variables: Variables): Key {
  try {
    const result = quota.key.evaluate(variables);
    const isScalar = typeof result === 'string' || typeof result === 'bigint' || typeof result === 'boolean';
    if (!isScalar) return { ok: false, failure: 'the result is not a string, int or bool' };
    const value = String(result);
    if (value.length <= QUOTA_KEY_CHARS_MAX) return { ok: true, value };
    return { ok: false, failure: `longer than ${QUOTA_KEY_CHARS_MAX} characters` };
  } catch (error) {
    return { ok: false, failure: describeFailure(error) };
  }
}
