/** The header `Prefer` (RFC 7240) of a call: how long its answer may wait for the end of the call. */
import { Problem } from './problem.ts';

/** Longest `wait`, seconds. Who needs more asks again, or follows the events. */
const waitSecondsMax = 600;
const headerCharsMax = 1024;

export interface Preference {
  /** Milliseconds after which the answer is 202 with the call as it stands; null: the answer waits for the end. */
  readonly waitMs: number | null;
  /** What `Preference-Applied` says; null where nothing was asked for. */
  readonly applied: string | null;
}

const none: Preference = { waitMs: null, applied: null };

/** `respond-async` and `wait=SECONDS`; others are left to other servers. Throws `malformed_request`. */
export function readPrefer(header: string | undefined): Preference {
  if (header === undefined) return none;
  if (header.length > headerCharsMax) throw malformed(`is longer than ${headerCharsMax} characters`);
  const preferences = header.split(/[,;]/).map((part) => part.trim().toLowerCase());
  const isAsync = preferences.includes('respond-async');
  const wait = preferences.find((preference) => /^wait\s*=/.test(preference));
  if (wait === undefined) return isAsync ? { waitMs: 0, applied: 'respond-async' } : none;
  const seconds = /^wait\s*=\s*"?(\d{1,6})"?$/.exec(wait)?.[1];
  if (seconds === undefined || Number(seconds) > waitSecondsMax)
    throw malformed(`asks to wait for other than 0 to ${waitSecondsMax} whole seconds`);
  const applied = `wait=${Number(seconds)}`;
  return { waitMs: Number(seconds) * 1000, applied: isAsync ? `respond-async, ${applied}` : applied };
}

function malformed(message: string): Problem {
  return new Problem('malformed_request', `The Prefer header ${message}.`, {
    errors: [{ pointer: 'Prefer', message }],
  });
}
