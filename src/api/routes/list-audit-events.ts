import { pageBytesMax } from '../../audit/cursor.ts';
import { InvalidCursor } from '../../audit/record.ts';
import type { EventQuery, RecordStore } from '../../audit/record.ts';
import type { Caller } from '../../model/principal.ts';
import { callerOf } from '../authenticate.ts';
import { filterParameters, readChoice, readEventFilter } from '../event-filter.ts';
import { invalidQuery, readLimit, readQuery } from '../query.ts';
import type { Route } from '../route.ts';

const parameters = {
  ...filterParameters,
  order: { description: 'Newest first (desc) unless asked otherwise', enum: ['asc', 'desc'] },
  limit: {
    description: `1 to 1000, default 100; a page ends earlier with the event by which it holds ${pageBytesMax / 1024 ** 2} MiB, and its nextCursor goes on`,
  },
  cursor: { description: 'nextCursor of the page before' },
} as const;

const limitDefault = 100;
const limitMax = 1000;

export interface ListAuditEventsOptions {
  readonly record: Pick<RecordStore, 'listEvents'>;
  readonly onRead: (caller: Caller, what: string) => Promise<void>;
}

/** `GET /v1/audit/events`: the record, filtered and page by page. One's own tenant; all with `admin`. */
export function listAuditEventsRoute(options: ListAuditEventsOptions): Route {
  return {
    method: 'get',
    path: '/v1/audit/events',
    scope: 'audit',
    operationId: 'listAuditEvents',
    summary: 'Search the record',
    query: parameters,
    success: { status: 200, schema: 'AuditEventPage', description: '{items, nextCursor}' },
    problems: ['malformed_request', 'audit_unavailable'],
    audits: ['audit_read'],
    async handler(request, response) {
      const caller = callerOf(response);
      const { limit, order, cursor, ...filters } = readQuery(
        request,
        Object.keys(parameters) as (keyof typeof parameters)[],
      );
      const query: EventQuery = {
        ...readEventFilter(caller, filters),
        ...(cursor !== undefined && { cursor }),
        limit: limit === undefined ? limitDefault : readLimit(limit, limitMax),
        order: order === undefined ? 'desc' : readChoice('order', order, parameters.order.enum),
      };
      await options.onRead(caller, 'events');
      try {
        response.json(await options.record.listEvents(query));
      } catch (error) {
        if (error instanceof InvalidCursor)
          throw invalidQuery({ pointer: '?cursor', message: 'is not a cursor of this list' });
        throw error;
      }
    },
  };
}
