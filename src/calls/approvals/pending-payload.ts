/** What has to outlive the wait for an approval, as bytes for the seal: the exact arguments, and the request around them. */
import type { JsonObject } from '../../model/json.ts';
import type { Caller, Scope } from '../../model/principal.ts';
import type { CallRequest, CheckedArguments } from '../call-context.ts';

export interface PendingPayload {
  /** The caller's scopes and roles are read anew at dispatch, by its key. */
  readonly caller: Pick<Caller, 'keyId' | 'address' | 'requestId' | 'traceId'> & {
    /** Where a token proved it. */
    readonly token?: PendingToken;
  };
  readonly request: Pick<CallRequest, 'limits' | 'labels' | 'idempotencyKey' | 'session'>;
  readonly args: CheckedArguments;
}

/** What a token proved. */
export interface PendingToken {
  readonly principal: string;
  readonly tenant: string;
  readonly roles: readonly string[];
  readonly scopes: readonly Scope[];
  readonly expiresAtMs: number;
}

export function tokenOf({ principal, scopes, tokenExpiresAtMs }: Caller): PendingToken | undefined {
  if (tokenExpiresAtMs === undefined) return undefined;
  const { id, tenant, roles } = principal;
  return { principal: id, tenant, roles, scopes: [...scopes], expiresAtMs: tokenExpiresAtMs };
}

const lengthBytes = 4;

/** The length of a JSON header, the header, and the argument bytes as they were decided. */
export function encodePayload(caller: Caller, request: CallRequest, args: CheckedArguments): Uint8Array {
  const { keyId, address, requestId, traceId } = caller;
  const { limits, labels, idempotencyKey, session } = request;
  const header = Buffer.from(
    JSON.stringify({
      caller: { keyId, address, requestId, traceId, token: tokenOf(caller) },
      request: { limits, labels, idempotencyKey, session },
    }),
  );
  const length = Buffer.alloc(lengthBytes);
  length.writeUInt32BE(header.length);
  return Buffer.concat([length, header, args.bytes]);
}

/** For bytes that the seal has proved to be ours. */
export function decodePayload(payload: Uint8Array): PendingPayload {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  const argsAt = lengthBytes + bytes.readUInt32BE(0);
  const header = JSON.parse(bytes.toString('utf8', lengthBytes, argsAt)) as Omit<PendingPayload, 'args'>;
  const args = bytes.subarray(argsAt);
  // An earlier version wrote none.
  const request = { ...header.request, session: header.request.session ?? null };
  return { ...header, request, args: { value: JSON.parse(args.toString()) as JsonObject, bytes: args } };
}
