import { eventCatalogue } from '../../audit/events.ts';
import { InvalidCursor } from '../../audit/record.ts';
import type { EventQuery, RecordStore } from '../../audit/record.ts';
import type { Caller } from '../../model/principal.ts';
import { callerOf, hasScope } from '../authenticate.ts';
import { invalidQuery, readQuery } from '../query.ts';
import type { Route } from '../route.ts';

const parameters = {
  type: { description: 'Event type', enum: Object.keys(eventCatalogue) },
  principal: { description: 'Who acted' },
  tool: { description: 'Tool name' },
  status: { description: 'Final status of a call' },
  effect: { description: 'What policy decided', enum: ['allow', 'deny', 'require_approval'] },
  rule: { description: 'Rule that decided, as policy/rule' },
  callId: { description: 'One call' },
  requestId: { description: 'One request' },
  from: { description: 'RFC 3339 time, inclusive' },
  to: { description: 'RFC 3339 time, exclusive' },
  order: { description: 'Newest first (desc) unless asked otherwise', enum: ['asc', 'desc'] },
  limit: { description: '1 to 1000, default 100' },
  cursor: { description: 'nextCursor of the page before' },
} as const;

const limitDefault = 100;
const limitMax = 1000;
const timePattern = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$/;

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
    summary: 'Search the record',
    query: parameters,
    success: { status: 200, description: '{items, nextCursor}' },
    problems: ['malformed_request', 'audit_unavailable'],
    audits: ['audit_read'],
    async handler(request, response) {
      const caller = callerOf(response);
      const { limit, order, from, to, type, effect, ...filters } = readQuery(
        request,
        Object.keys(parameters) as (keyof typeof parameters)[],
      );
      const query: EventQuery = {
        tenant: hasScope(caller, 'admin') ? null : caller.principal.tenant,
        ...filters,
        ...(type === undefined ? {} : { type: readChoice('type', type, parameters.type.enum) }),
        ...(effect === undefined ? {} : { effect: readChoice('effect', effect, parameters.effect.enum) }),
        ...(from === undefined ? {} : { from: readTime('from', from) }),
        ...(to === undefined ? {} : { to: readTime('to', to) }),
        limit: limit === undefined ? limitDefault : readLimit(limit),
        order: order === undefined ? 'desc' : readChoice('order', order, parameters.order.enum),
      };
      await options.onRead(caller, 'events');
      try {
        response.json(options.record.listEvents(query));
      } catch (error) {
        if (error instanceof InvalidCursor)
          throw invalidQuery({ pointer: '?cursor', message: 'is not a cursor of this list' });
        throw error;
      }
    },
  };
}

function readChoice<const T extends string>(name: string, value: string, choices: readonly T[]): T {
  const choice = choices.find((candidate) => candidate === value);
  if (choice === undefined)
    throw invalidQuery({ pointer: `?${name}`, message: `must be one of ${choices.join(', ')}` });
  return choice;
}

function readTime(name: string, value: string): string {
  const time = timePattern.test(value) ? new Date(value) : new Date(Number.NaN);
  if (Number.isNaN(time.getTime())) {
    throw invalidQuery({
      pointer: `?${name}`,
      message: 'must be an RFC 3339 time such as 2026-01-31T12:00:00Z',
    });
  }
  return time.toISOString();
}

function readLimit(value: string): number {
  const limit = Number(value);
  if (!/^\d{1,4}$/.test(value) || limit < 1 || limit > limitMax) {
    throw invalidQuery({ pointer: '?limit', message: `must be a whole number from 1 to ${limitMax}` });
  }
  return limit;
}
