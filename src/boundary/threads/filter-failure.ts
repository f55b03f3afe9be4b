/** Input that the filter did not get to the end of. What was to be filtered is then withheld: blocked, with this as its finding. */
import type { BoundaryReport } from '../../model/finding.ts';

/**
 * `boundary-failure`: a mistake of ours. `boundary-crash`: its thread ended. `boundary-overload`: too much was waiting.
 * They stand where a finding names its detector.
 */
const reasons = [
  'boundary-failure',
  'boundary-timeout',
  'boundary-crash',
  'boundary-out-of-memory',
  'boundary-overload',
] as const;

export type FailureReason = (typeof reasons)[number];

/** Whether a finding says that the filter did not get to its end. */
export function isFailure(detector: string): boolean {
  return (reasons as readonly string[]).includes(detector);
}

export class FilterFailure extends Error {
  override readonly name = 'FilterFailure';
  readonly reason: FailureReason;
  constructor(reason: FailureReason, options?: ErrorOptions) {
    super(`the filter did not end: ${reason}`, options);
    this.reason = reason;
  }
}

export function reasonOf(error: unknown): FailureReason {
  return error instanceof FilterFailure ? error.reason : 'boundary-failure';
}

export function failureReport(reason: FailureReason): BoundaryReport {
  return {
    verdict: 'blocked',
    findings: [{ detector: reason, action: 'block', where: '', count: 1, confidence: 'high', via: [] }],
    scanned: [],
  };
}
