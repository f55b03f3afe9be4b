/** The header `Prefer` (RFC 7240) of a call: how long its answer may wait for the end of the call. */
import { Problem } from './problem.ts';

/** Longest `wait`, seconds. Who needs more asks again, or follows the events. */
const waitSecondsMax = 600;
const headerCharsMax = 1024;
const waitPattern = /^wait\s*=\s*"?(\d+)"?$/;

export interface Preference {
  /** Milliseconds after which the answer is 202 with the call as it stands; null: the answer waits for the end. */
  readonly waitMs: number | null;
  /** What `Preference-Applied` says; null where nothing was asked for. */
  readonly applied: string | null;
}

const none: Preference = { waitMs: null, applied: null };

/**
 * `respond-async` and `wait=SECONDS`, more than `waitSecondsMax` as that many; what is not understood is left to other
 * servers, as RFC 7240 says. Throws `malformed_request` for a header beyond all measure.
 */
export function readPrefer(header: string | undefined): Preference {
  if (header === undefined) return none;
  if (header.length > headerCharsMax) {
    const message = `is longer than ${headerCharsMax} characters`;
    throw new Problem('malformed_request', `The Prefer header ${message}.`, {
      errors: [{ pointer: 'Prefer', message }],
    });
  }
  const preferences = header.split(/[,;]/).map((part) => part.trim().toLowerCase());
  const isAsync = preferences.includes('respond-async');
  const wait = preferences.map((preference) => waitPattern.exec(preference)?.[1]).find(isGiven);
  if (wait === undefined) return isAsync ? { waitMs: 0, applied: 'respond-async' } : none;
  const seconds = Math.min(Number(wait), waitSecondsMax);
  const applied = `wait=${seconds}`;
  return { waitMs: seconds * 1000, applied: isAsync ? `respond-async, ${applied}` : applied };
}

function isGiven(value: string | undefined): value is string {
  return value !== undefined;
}
