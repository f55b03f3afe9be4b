/** API keys as both stores keep them. */
import type { JsonObject } from '../model/json.ts';
import type { Scope } from '../model/principal.ts';
import type { ApiKey } from './record.ts';

/** A row of `api_keys`; lists and attributes as JSON text. */
export interface KeyRow {
  readonly id: string;
  readonly secret_hash: string;
  readonly principal: string;
  readonly tenant: string;
  readonly roles: string;
  readonly attributes: string;
  readonly scopes: string;
  readonly created_at_ms: number;
  readonly expires_at_ms: number | null;
  readonly revoked_at_ms: number | null;
}

export function apiKey(row: KeyRow): ApiKey {
  return {
    id: row.id,
    secretHash: row.secret_hash,
    principal: row.principal,
    tenant: row.tenant,
    roles: JSON.parse(row.roles) as string[],
    attributes: JSON.parse(row.attributes) as JsonObject,
    scopes: JSON.parse(row.scopes) as Scope[],
    createdAtMs: row.created_at_ms,
    expiresAtMs: row.expires_at_ms,
    revokedAtMs: row.revoked_at_ms,
  };
}
