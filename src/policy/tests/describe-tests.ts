import type { Coverage } from './coverage.ts';
import { describeMismatch } from './junit.ts';
import type { Outcome, TestedCall } from './run-tests.ts';

/** The tests for a person's eyes: what failed with its place, then the sum. */
export function describeTests(calls: readonly TestedCall[], coverage: Coverage): string {
  const failed = calls.filter(({ failures }) => failures.length > 0);
  return [
    ...failed.flatMap(describeFailed),
    `${calls.length} calls, ${calls.length - failed.length} passed, ${failed.length} failed`,
    `coverage ${coverage.percent}%: ${coverage.covered} of ${coverage.total}`,
    ...coverage.uncovered.map(({ place, id, missing }) => `  ${place} ${id}: ${missing}`),
  ].join('\n');
}

function describeFailed({ file, line, column, name, failures, outcome }: TestedCall): readonly string[] {
  return [
    `FAILED ${file}:${line}:${column} ${name}`,
    ...failures.map((failure) => `  ${file}:${failure.line}:${failure.column} ${describeMismatch(failure)}`),
    ...because(outcome).map((reason) => `  ${reason}`),
    '',
  ];
}

/** Why it was decided as it was: the rules that concerned the call. */
function because(outcome: Outcome): readonly string[] {
  if (outcome.effect === 'invalid') return [];
  if (outcome.trace.length === 0) return ['no rule concerns this tool and principal'];
  return outcome.trace.map(({ policy, rule, effect, matched, reason }) => {
    return `${matched ? 'matched    ' : 'not matched'} ${effect} ${policy}/${rule}: ${reason.replaceAll(/\s+/g, ' ')}`;
  });
}
