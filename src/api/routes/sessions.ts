import type { StoredSession } from '../../audit/record.ts';
import { isRefusal } from '../../calls/refusal.ts';
import type { Refusal } from '../../calls/refusal.ts';
import type { NewSession } from '../../calls/sessions/open-session.ts';
import type { SessionDesk } from '../../calls/sessions/session-desk.ts';
import { readId } from '../event-filter.ts';
import { callerOf } from '../authenticate.ts';
import { maySee } from '../may-see.ts';
import { Problem, problemOf } from '../problem.ts';
import { invalidQuery, readQuery } from '../query.ts';
import type { BodyParser } from '../read-body.ts';
import type { Route } from '../route.ts';

const listedMax = 100;

/** `POST /v1/sessions`: sets a container apart for this principal. */
export function openSessionRoute(options: {
  readonly desk: SessionDesk;
  readonly bodies: BodyParser;
  readonly isDraining: () => boolean;
}): Route {
  return {
    method: 'post',
    path: '/v1/sessions',
    scope: 'call',
    operationId: 'openSession',
    summary: 'Open a session',
    body: 'SessionRequest',
    success: { status: 201, schema: 'Session', description: 'The session, open.' },
    problems: [
      'malformed_request',
      'unsupported_media_type',
      'policy_denied',
      'not_found',
      'payload_too_large',
      'limit_exceeds_policy',
      'quota_exceeded',
      'runtime_unavailable',
      'audit_unavailable',
      'overloaded',
      'draining',
    ],
    audits: ['session_opened', 'denied', 'quota_exceeded'],
    async handler(request, response) {
      const wanted = options.bodies.parse(request, 'SessionRequest') as NewSession;
      if (options.isDraining())
        throw new Problem('draining', 'The server is shutting down. Nothing was opened; try again shortly.');
      const { session } = orProblem(await options.desk.open(callerOf(response), wanted));
      response.status(201).set('Location', `/v1/sessions/${session.id}`).json(session);
    },
  };
}

/** `GET /v1/sessions`: one's own, newest first. */
export function listSessionsRoute(desk: SessionDesk): Route {
  return {
    method: 'get',
    path: '/v1/sessions',
    scope: 'call',
    operationId: 'listSessions',
    summary: 'List your sessions',
    query: {
      status: { description: 'Only these.', enum: ['open', 'ended'] },
      cursor: { description: 'From `nextCursor` of the page before.' },
    },
    success: { status: 200, schema: 'SessionPage', description: '{items, nextCursor}' },
    problems: ['malformed_request'],
    audits: [],
    async handler(request, response) {
      const { status, cursor } = readQuery(request, ['status', 'cursor']);
      if (status !== undefined && status !== 'open' && status !== 'ended')
        throw invalidQuery({ pointer: '?status', message: 'must be one of open, ended' });
      const { id: principal, tenant } = callerOf(response).principal;
      const found = await desk.list({
        tenant,
        principal,
        limit: listedMax + 1,
        ...(status === undefined ? {} : { status }),
        ...(cursor === undefined ? {} : { before: readId('cursor', cursor, 'ses') }),
      });
      const items = found.slice(0, listedMax).map(({ session }) => session);
      response.json({ items, nextCursor: found.length > listedMax ? (items.at(-1)?.id ?? null) : null });
    },
  };
}

/** `GET /v1/sessions/{id}`: as it stands now, also once it is over. */
export function getSessionRoute(desk: SessionDesk): Route {
  return {
    method: 'get',
    path: '/v1/sessions/:id',
    scope: 'call',
    operationId: 'getSession',
    summary: 'Show a session',
    success: { status: 200, schema: 'Session', description: 'The session as it stands now.' },
    problems: ['malformed_request', 'not_found'],
    audits: [],
    async handler(request, response) {
      readQuery(request, []);
      const stored = await desk.get(String(request.params['id']));
      if (stored === null || !maySee(callerOf(response), stored))
        throw new Problem('not_found', 'There is no such session, or it is not yours.');
      response.json(stored.session);
    },
  };
}

/** `DELETE /v1/sessions/{id}`: ends it; a call that runs in it is cancelled. */
export function endSessionRoute(desk: SessionDesk): Route {
  return {
    method: 'delete',
    path: '/v1/sessions/:id',
    scope: 'call',
    operationId: 'endSession',
    summary: 'End a session',
    success: {
      status: 200,
      schema: 'Session',
      description: 'The session, which is over; also when it was before.',
    },
    problems: ['malformed_request', 'not_found', 'runtime_unavailable', 'audit_unavailable'],
    audits: ['session_closed'],
    async handler(request, response) {
      readQuery(request, []);
      const { session } = orProblem(await desk.end(callerOf(response), String(request.params['id'])));
      response.json(session);
    },
  };
}

function orProblem(answer: StoredSession | Refusal): StoredSession {
  if (isRefusal(answer)) throw problemOf(answer, null);
  return answer;
}
