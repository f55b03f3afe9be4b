/**
 * Session ids of 2025-11-25 clients. The server keeps nothing for them: an id says only whose it is, so that a
 * cancellation finds the requests of the client that sent it, and of nobody else. Any node can check any id.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Caller } from '../model/principal.ts';

const idPattern = /^(mcp_[0-9a-f]{32})_([0-9a-f]{64})$/;

export function createSessionId(key: Uint8Array, caller: Caller, mark: string): string {
  const name = `mcp_${mark}`;
  return `${name}_${tag(key, caller, name).toString('hex')}`;
}

/** False for an id that was made up, or given to another principal. */
export function isSessionOf(key: Uint8Array, caller: Caller, id: string): boolean {
  const [, name, given] = idPattern.exec(id) ?? [];
  if (name === undefined || given === undefined) return false;
  return timingSafeEqual(tag(key, caller, name), Buffer.from(given, 'hex'));
}

function tag(key: Uint8Array, { principal }: Caller, name: string): Buffer {
  return createHmac('sha256', key)
    .update(JSON.stringify(['mcp session', principal.tenant, principal.id, name]))
    .digest();
}
