import type { QuotaDraw } from '../../model/decision.ts';
import type { Limits } from '../../model/limits.ts';
import type { Principal } from '../../model/principal.ts';
import { describeFailure } from '../cel/compile-expression.ts';
import type { Expression } from '../cel/compile-expression.ts';
import type { Variables } from '../cel/principal-values.ts';
import type { CompiledQuota, ToolIndex } from '../revision.ts';
import { quotaUnits } from './quota-units.ts';

/** Longest key of a counter: each is held in memory for its window. */
const QUOTA_KEY_CHARS_MAX = 512;
/** Most that one call may count, as of a limit: sums stay exact. */
const QUOTA_AMOUNT_MAX = 1_000_000_000_000n;

export type QuotaDraws =
  | { readonly ok: true; readonly draws: readonly QuotaDraw[] }
  | {
      readonly ok: false;
      readonly quota: CompiledQuota;
      readonly part: 'key' | 'amount';
      readonly source: string;
      readonly failure: string;
    };

/**
 * What a call draws on: every quota that means the caller and the tool, each with what the call leases under `limits`.
 * Fails when a key or an amount cannot be evaluated.
 */
export function quotaDraws(
  index: ToolIndex,
  principal: Principal,
  variables: Variables,
  limits: Limits,
): QuotaDraws {
  const draws: QuotaDraw[] = [];
  for (const quota of index.quotas.matching(principal)) {
    const { policy, name, unit, limit, windowMs, onStoreLoss } = quota;
    const key = evaluate(quota.key, variables, toKey);
    if (!key.ok) return { ok: false, quota, part: 'key', source: quota.key.source, failure: key.failure };
    let amount = 0;
    if (quota.amount === null) {
      amount = quotaUnits[unit].lease(index.tool, limits);
    } else {
      const said = evaluate(quota.amount, variables, toAmount);
      const { source } = quota.amount;
      if (!said.ok) return { ok: false, quota, part: 'amount', source, failure: said.failure };
      amount = said.value;
    }
    draws.push({ policy, name, key: key.value, unit, limit, windowMs, amount, onStoreLoss });
  }
  return { ok: true, draws };
}

type Evaluated<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly failure: string };

function evaluate<T>(
  expression: Expression,
  variables: Variables,
  convert: (result: unknown) => Evaluated<T>,
): Evaluated<T> {
  try {
    return convert(expression.evaluate(variables));
  } catch (error) {
    return { ok: false, failure: describeFailure(error) };
  }
}

function toKey(result: unknown): Evaluated<string> {
  const isScalar = typeof result === 'string' || typeof result === 'bigint' || typeof result === 'boolean';
  if (!isScalar) return { ok: false, failure: 'the result is not a string, int or bool' };
  const value = String(result);
  if (value.length <= QUOTA_KEY_CHARS_MAX) return { ok: true, value };
  return { ok: false, failure: `longer than ${QUOTA_KEY_CHARS_MAX} characters` };
}

/** A negative amount would give quota back. */
function toAmount(result: unknown): Evaluated<number> {
  if (typeof result !== 'bigint') return { ok: false, failure: 'the result is not an int' };
  if (result < 0n) return { ok: false, failure: 'the result is negative' };
  if (result <= QUOTA_AMOUNT_MAX) return { ok: true, value: Number(result) };
  return { ok: false, failure: `the result is more than ${QUOTA_AMOUNT_MAX}` };
}
