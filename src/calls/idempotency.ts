/** `Idempotency-Key`: one principal, one key, one call. A replay shows the call as it stands now. */
import type { IdempotencyEntry } from '../audit/record.ts';
import type { Caller } from '../model/principal.ts';
import type { CallAnswer, CallContext, CallRequest } from './call-context.ts';

/** What a caller may choose as a key. */
export const idempotencyKeyPattern = /^[\x21-\x7e]{1,255}$/;

/** API.md: a key is remembered for 24 hours. */
const keptMs = 24 * 3600 * 1000;

/** The answer to a request whose key is known, or null when it is a new request. */
export async function findReplay(
  context: CallContext,
  caller: Caller,
  request: CallRequest,
): Promise<CallAnswer | null> {
  if (request.idempotencyKey === null) return null;
  const entry = await context.record.findIdempotency(
    caller.principal.id,
    storedKey(context, request.idempotencyKey),
  );
  return entry === null ? null : answerOf(context, caller, request, entry);
}

/** Another request with the same key became durable between our look-up and our write. */
export async function raceAnswer(
  context: CallContext,
  caller: Caller,
  request: CallRequest,
): Promise<CallAnswer> {
  const answer = await findReplay(context, caller, request);
  return answer ?? inFlight(null);
}

export function idempotencyEntry(
  context: CallContext,
  caller: Caller,
  request: CallRequest,
  callId: string,
): IdempotencyEntry | null {
  if (request.idempotencyKey === null) return null;
  return {
    principal: caller.principal.id,
    key: storedKey(context, request.idempotencyKey),
    fingerprint: fingerprintOf(context, request),
    callId,
    expiresAtMs: context.clock.now() + keptMs,
  };
}

/** Keyed hash: the key is the caller's text, and may be or hold anything. */
export function storedKey({ fingerprint }: Pick<CallContext, 'fingerprint'>, key: string): string {
  return fingerprint(`idempotency key ${key}`);
}

async function answerOf(
  context: CallContext,
  caller: Caller,
  request: CallRequest,
  entry: IdempotencyEntry,
): Promise<CallAnswer> {
  const stored = await context.record.getCall(entry.callId);
  // A principal's name can pass to another tenant once its keys are revoked; what was done under it does not.
  const isOwn = stored === null || stored.tenant === caller.principal.tenant;
  if (isOwn && (stored === null || entry.fingerprint === erasedFingerprint))
    return erased(stored === null ? null : entry.callId);
  if (!isOwn || entry.fingerprint !== fingerprintOf(context, request)) {
    const detail = 'This Idempotency-Key was used with another request; take a new key for a new request.';
    return { kind: 'refused', refusal: { code: 'idempotency_mismatch', detail }, callId: null };
  }
  const { status } = stored.call;
  if (status === 'queued' || status === 'running') return inFlight(entry.callId);
  return { kind: 'call', call: stored.call, isReplay: true };
}

/** What an erasure leaves of a key: it stays taken, so that nothing runs twice. */
const erasedFingerprint = '';

function erased(callId: string | null): CallAnswer {
  const detail =
    'The call that this Idempotency-Key was used for has ended, and what it was asked for and what came of it are erased since. Nothing was run now; a new key runs it anew.';
  return { kind: 'refused', refusal: { code: 'idempotency_erased', detail }, callId };
}

function inFlight(callId: string | null): CallAnswer {
  const detail =
    'The first request with this Idempotency-Key still waits for its turn or runs; ask for the call until it has ended.';
  return { kind: 'refused', refusal: { code: 'idempotency_in_flight', detail }, callId };
}

function fingerprintOf(context: CallContext, request: CallRequest): string {
  const { tool, args, limits, labels, session } = request;
  // Without a session as it ever was: keys of an earlier version still find their call.
  const parts = [tool, args, limits, labels, ...(session === null ? [] : [session])];
  return context.fingerprint(JSON.stringify(parts));
}
