import { pageCallsMax } from '../../audit/call-listing.ts';
import type { CallQuery } from '../../audit/call-listing.ts';
import { InvalidCursor } from '../../audit/record.ts';
import type { RecordStore } from '../../audit/record.ts';
import { withPrints } from '../../calls/current-call.ts';
import type { CallSources } from '../../calls/current-call.ts';
import { callStatuses } from '../../model/call.ts';
import type { Caller } from '../../model/principal.ts';
import { callerOf, hasScope } from '../authenticate.ts';
import {
  labelParameter,
  ownTenant,
  readChoice,
  readId,
  readLabel,
  readTime,
  sessionParameter,
} from '../event-filter.ts';
import { maySee } from '../may-see.ts';
import { invalidQuery, readLimit, readQuery } from '../query.ts';
import type { Route } from '../route.ts';

const parameters = {
  status: { description: 'As they stand now', enum: callStatuses },
  tool: { description: 'Tool name' },
  principal: { description: 'Whose; others than your own need the scope audit or admin' },
  tenant: { description: 'One tenant; another than your own needs the scope admin' },
  session: sessionParameter,
  label: labelParameter,
  from: { description: 'RFC 3339 time of creation, inclusive' },
  to: { description: 'RFC 3339 time of creation, exclusive' },
  limit: { description: `1 to ${pageCallsMax}, default 50` },
  cursor: { description: 'nextCursor of the page before' },
} as const;

const limitDefault = 50;

export interface ListCallsOptions extends Pick<CallSources, 'prints'> {
  readonly record: Pick<RecordStore, 'listCalls'>;
}

/** `GET /v1/calls`: one's own calls, the tenant's with `audit`, all with `admin`; newest first, page by page. */
export function listCallsRoute({ record, prints }: ListCallsOptions): Route {
  return {
    method: 'get',
    path: '/v1/calls',
    scope: 'call',
    operationId: 'listCalls',
    summary: 'List calls',
    query: parameters,
    success: {
      status: 200,
      schema: 'CallPage',
      description:
        'Newest first, each as `GET /v1/calls/{id}` shows it. A page ends early where it grows large or was looked for long, also empty: as long as there is a `nextCursor` there is more.',
    },
    problems: ['malformed_request', 'audit_unavailable'],
    audits: [],
    async handler(request, response) {
      const caller = callerOf(response);
      const query = readCallQuery(
        caller,
        readQuery(request, Object.keys(parameters) as (keyof typeof parameters)[]),
      );
      if (query === null) {
        response.json({ items: [], nextCursor: null });
        return;
      }
      try {
        const { items, nextCursor } = await record.listCalls(query);
        const seen = items.filter((stored) => maySee(caller, stored));
        const shown = await Promise.all(seen.map(({ call }) => withPrints(prints, call)));
        response.json({ items: shown, nextCursor });
      } catch (error) {
        if (error instanceof InvalidCursor)
          throw invalidQuery({ pointer: '?cursor', message: 'is not a cursor of this list' });
        throw error;
      }
    },
  };
}

/** Null where nothing of what is asked for is the caller's to see. Throws `malformed_request`. */
function readCallQuery(
  caller: Caller,
  {
    status,
    principal,
    tenant,
    session,
    label,
    from,
    to,
    limit,
    ...rest
  }: Partial<Record<keyof typeof parameters, string>>,
): CallQuery | null {
  const seesTenant = hasScope(caller, 'admin') || hasScope(caller, 'audit');
  const { id } = caller.principal;
  const query: CallQuery = {
    tenant: hasScope(caller, 'admin') ? (tenant ?? null) : ownTenant(caller, tenant),
    principal: seesTenant ? (principal ?? null) : id,
    ...rest,
    ...(status === undefined ? {} : { status: readChoice('status', status, callStatuses) }),
    ...(session === undefined ? {} : { session: readId('session', session, 'ses') }),
    ...(label === undefined ? {} : { label: readLabel(label) }),
    ...(from === undefined ? {} : { from: readTime('from', from) }),
    ...(to === undefined ? {} : { to: readTime('to', to) }),
    limit: limit === undefined ? limitDefault : readLimit(limit, pageCallsMax),
  };
  return seesTenant || principal === undefined || principal === id ? query : null;
}
