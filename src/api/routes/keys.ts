import type { ApiKey } from '../../audit/record.ts';
import type { KeyRing, NewKey } from '../../calls/key-ring.ts';
import { callerOf } from '../authenticate.ts';
import { Problem } from '../problem.ts';
import { readQuery } from '../query.ts';
import type { BodyParser } from '../read-body.ts';
import type { Route } from '../route.ts';

/** `GET /v1/keys`: every key, without its secret. */
export function listKeysRoute(keys: KeyRing): Route {
  return {
    method: 'get',
    path: '/v1/keys',
    scope: 'admin',
    operationId: 'listKeys',
    summary: 'List API keys',
    success: { status: 200, schema: 'KeyPage', description: '{items, nextCursor}' },
    problems: ['malformed_request'],
    audits: [],
    async handler(request, response) {
      readQuery(request, []);
      const listed = await keys.list();
      response.json({ items: listed.map(keyView), nextCursor: null });
    },
  };
}

/** `POST /v1/keys`: makes a key and shows its secret this once. */
export function createKeyRoute(keys: KeyRing, bodies: BodyParser): Route {
  return {
    method: 'post',
    path: '/v1/keys',
    scope: 'admin',
    operationId: 'createKey',
    summary: 'Create an API key',
    body: 'KeyRequest',
    success: { status: 201, schema: 'NewKey', description: 'The key with its secret, shown once.' },
    problems: [
      'malformed_request',
      'unsupported_media_type',
      'payload_too_large',
      'conflict',
      'audit_unavailable',
    ],
    audits: ['key_created'],
    async handler(request, response) {
      const created = await keys.create(callerOf(response), bodies.parse(request, 'KeyRequest') as NewKey);
      if (created.kind === 'mismatch') throw new Problem('conflict', created.detail);
      response
        .status(201)
        .set('Cache-Control', 'no-store')
        .json({ ...keyView(created.key), secret: created.secret });
    },
  };
}

/** `DELETE /v1/keys/{id}`: revokes a key at once. */
export function revokeKeyRoute(keys: KeyRing): Route {
  return {
    method: 'delete',
    path: '/v1/keys/:id',
    scope: 'admin',
    operationId: 'revokeKey',
    summary: 'Revoke an API key',
    success: { status: 204, description: 'The key no longer works.' },
    problems: ['malformed_request', 'not_found', 'audit_unavailable'],
    audits: ['key_revoked'],
    async handler(request, response) {
      readQuery(request, []);
      const isRevoked = await keys.revoke(callerOf(response), String(request.params['id']));
      if (!isRevoked) throw new Problem('not_found', 'There is no such key, or it was revoked before.');
      response.status(204).end();
    },
  };
}

function keyView(key: ApiKey): object {
  const time = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());
  return {
    id: key.id,
    principal: key.principal,
    tenant: key.tenant,
    roles: key.roles,
    attributes: key.attributes,
    scopes: key.scopes,
    createdAt: time(key.createdAtMs),
    expiresAt: time(key.expiresAtMs),
    revokedAt: time(key.revokedAtMs),
  };
}
