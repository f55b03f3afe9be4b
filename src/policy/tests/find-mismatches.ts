import { isDeepStrictEqual } from 'node:util';
import type { Decision } from '../../model/decision.ts';
import type { TestExpectation } from '../documents.ts';
import { parseDurationMs } from '../quantity.ts';
import { readLimits } from '../tool-limits.ts';
import type { Outcome } from './run-tests.ts';

/** One field of an expectation that the decision does not meet. */
export interface Mismatch {
  readonly field: keyof TestExpectation;
  readonly expected: string;
  readonly actual: string;
}

/** Everything that a test says and the decision does not. */
export function findMismatches(expected: TestExpectation, outcome: Outcome): readonly Mismatch[] {
  const fields = Object.keys(expected) as readonly (keyof TestExpectation)[];
  if (outcome.effect === 'invalid') {
    const isExpected = expected.effect === 'invalid' && fields.length === 1;
    const actual = `invalid: ${outcome.errors.join('; ')}`;
    return isExpected ? [] : [{ field: 'effect', expected: expected.effect ?? 'a decision', actual }];
  }
  return fields.flatMap((field) => {
    const [wanted, found] = compared(field, expected, outcome);
    return isDeepStrictEqual(wanted, found) ? [] : [{ field, expected: show(wanted), actual: show(found) }];
  });
}

/** What the test says and what was decided, in the same shape. */
function compared(
  field: keyof TestExpectation,
  expected: TestExpectation,
  decision: Decision,
): readonly [unknown, unknown] {
  switch (field) {
    case 'effect':
    case 'policy':
    case 'rule':
    case 'matched':
    case 'boundary':
    case 'reasons':
      return [expected[field], decision[field]];
    case 'nearest':
      return [expected.nearest, decision.nearest?.args ?? null];
    case 'limits': {
      const wanted = readLimits(expected.limits, () => {});
      const names = Object.keys(wanted) as readonly (keyof typeof wanted)[];
      return [wanted, Object.fromEntries(names.map((name) => [name, decision.limits[name]]))];
    }
    case 'quota':
      return comparedQuotas(expected.quota ?? [], decision.quotas);
    case 'approval':
      return comparedApproval(expected.approval ?? {}, decision.approval);
  }
}

function comparedQuotas(
  expected: NonNullable<TestExpectation['quota']>,
  drawn: Decision['quotas'],
): readonly [unknown, unknown] {
  const wanted = expected.map((one) => (typeof one === 'string' ? { name: one } : one));
  const found = drawn.map(({ name, key, amount }, at) => ({
    name,
    ...(wanted[at]?.key === undefined ? {} : { key }),
    ...(wanted[at]?.amount === undefined ? {} : { amount }),
  }));
  return [wanted, found];
}

function comparedApproval(
  { approvers, expires }: NonNullable<TestExpectation['approval']>,
  approval: Decision['approval'],
): readonly [unknown, unknown] {
  if (approval === null) return ['approval', 'no approval'];
  return [
    {
      ...(approvers === undefined ? {} : { approvers }),
      ...(expires === undefined ? {} : { expiresMs: parseDurationMs(expires) }),
    },
    {
      ...(approvers === undefined ? {} : { approvers: approval.rules.flatMap((rule) => rule.approvers) }),
      ...(expires === undefined ? {} : { expiresMs: approval.expiresMs }),
    },
  ];
}

function show(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
