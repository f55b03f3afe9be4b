/**
 * What a client carries from one round of a call to the next (2026-07-28, `requestState`): which call it asks about.
 * Sealed under a key of ours over call, tool and arguments, principal and expiry; nobody else's opens anything.
 */
import { createHash } from 'node:crypto';
import { createRequestStateCodec } from '@modelcontextprotocol/server';
import type { RequestStateCodec, ServerContext } from '@modelcontextprotocol/server';
import type { Call } from '../model/call.ts';
import type { JsonObject } from '../model/json.ts';
import type { Caller } from '../model/principal.ts';

/** After an approval has expired, how long its outcome can still be fetched with the state. */
const graceMs = 24 * 3600 * 1000;

interface Carried {
  readonly callId: string;
}

/** What a request must be to go on with the call of an earlier one. */
export interface StateBinding {
  readonly caller: Caller;
  readonly tool: string;
  readonly args: JsonObject;
}

export async function mintRequestState(
  key: Uint8Array,
  nowMs: number,
  call: Call,
  binding: StateBinding,
  context: ServerContext,
): Promise<string> {
  const expiresAtMs = call.approval === null ? nowMs : Date.parse(call.approval.expiresAt);
  const ttlSeconds = Math.ceil((Math.max(expiresAtMs - nowMs, 0) + graceMs) / 1000);
  return codec(key, binding, ttlSeconds).mint({ callId: call.id }, context);
}

/** The id of the call; null for a state that is not ours, another's, of another request, or too old. */
export async function openRequestState(
  key: Uint8Array,
  state: string,
  binding: StateBinding,
  context: ServerContext,
): Promise<string | null> {
  try {
    return (await codec(key, binding, 1).verify(state, context)).callId;
  } catch {
    return null;
  }
}

function codec(
  key: Uint8Array,
  { caller, tool, args }: StateBinding,
  ttlSeconds: number,
): RequestStateCodec<Carried> {
  const { id, tenant } = caller.principal;
  const digest = createHash('sha256')
    .update(JSON.stringify([tool, args]))
    .digest('hex');
  return createRequestStateCodec<Carried>({
    key,
    ttlSeconds,
    bind: () => JSON.stringify([tenant, id, digest]),
  });
}
