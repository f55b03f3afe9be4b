import type { RecordStore } from '../../audit/record.ts';
import type { Caller } from '../../model/principal.ts';
import { callerOf, hasScope } from '../authenticate.ts';
import { Problem } from '../problem.ts';
import { readQuery } from '../query.ts';
import type { Route } from '../route.ts';

/** Events of one call that a story shows. A call has some ten; only who reads its artifacts again and again makes more. */
const storyEventsMax = 1_000;

export interface AuditReadOptions {
  readonly record: Pick<RecordStore, 'getEvent' | 'getCall' | 'listEvents'>;
  readonly onRead: (caller: Caller, what: string) => Promise<void>;
}

/** `GET /v1/audit/events/{id}`: one event with its hashes. What one may not see does not exist. */
export function getAuditEventRoute({ record, onRead }: AuditReadOptions): Route {
  return {
    method: 'get',
    path: '/v1/audit/events/:id',
    scope: 'audit',
    operationId: 'getAuditEvent',
    summary: 'Show an event of the record',
    success: {
      status: 200,
      schema: 'AuditEvent',
      description: 'The event; `content` is null once erased or expired.',
    },
    problems: ['malformed_request', 'not_found', 'audit_unavailable'],
    audits: ['audit_read'],
    async handler(request, response) {
      readQuery(request, []);
      const caller = callerOf(response);
      await onRead(caller, 'event');
      const event = await record.getEvent(String(request.params['id']));
      if (event === null || (event.tenant !== caller.principal.tenant && !hasScope(caller, 'admin')))
        throw new Problem('not_found', 'There is no such event, or it is not yours to see.');
      response.json(event);
    },
  };
}

/** `GET /v1/audit/calls/{id}`: the whole story of a call, oldest first, and the call as it stands. */
export function getAuditCallRoute({ record, onRead }: AuditReadOptions): Route {
  return {
    method: 'get',
    path: '/v1/audit/calls/:id',
    scope: 'audit',
    operationId: 'getAuditedCall',
    summary: 'Show what the record holds of a call',
    success: {
      status: 200,
      schema: 'CallStory',
      description:
        '{call, events, nextCursor}; `call` is null when it never began. With a `nextCursor` the story goes on at `GET /v1/audit/events?callId={id}&order=asc&cursor={nextCursor}`.',
    },
    problems: ['malformed_request', 'not_found', 'audit_unavailable'],
    audits: ['audit_read'],
    async handler(request, response) {
      readQuery(request, []);
      const caller = callerOf(response);
      const callId = String(request.params['id']);
      await onRead(caller, 'call');
      const tenant = hasScope(caller, 'admin') ? null : caller.principal.tenant;
      const { items, nextCursor } = await record.listEvents({
        tenant,
        callId,
        order: 'asc',
        limit: storyEventsMax,
      });
      if (items.length === 0)
        throw new Problem('not_found', 'There is no such call on the record, or it is not yours to see.');
      const stored = await record.getCall(callId);
      const isVisible = stored !== null && (tenant === null || stored.tenant === tenant);
      response.json({ call: isVisible ? stored.call : null, events: items, nextCursor });
    },
  };
}
