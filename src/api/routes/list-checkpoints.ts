import { InvalidCursor } from '../../audit/record.ts';
import type { RecordStore } from '../../audit/record.ts';
import type { Caller } from '../../model/principal.ts';
import { callerOf } from '../authenticate.ts';
import { invalidQuery, readQuery } from '../query.ts';
import type { Route } from '../route.ts';

const parameters = { cursor: { description: 'nextCursor of the page before' } } as const;

const pageLimit = 100;

export interface ListCheckpointsOptions {
  readonly record: Pick<RecordStore, 'listEvents'>;
  readonly onRead: (caller: Caller, what: string) => Promise<void>;
}

/**
 * `GET /v1/audit/checkpoints`: signed heads of the chains, newest first, for an auditor's notebook. They belong to no
 * tenant: they say how many events there are, and nothing of what is in them.
 */
export function listCheckpointsRoute(options: ListCheckpointsOptions): Route {
  return {
    method: 'get',
    path: '/v1/audit/checkpoints',
    scope: 'audit',
    operationId: 'listCheckpoints',
    summary: 'Signed checkpoints of the record',
    query: parameters,
    success: {
      status: 200,
      schema: 'CheckpointPage',
      description: '{items: [{statement, signature}], nextCursor}',
    },
    problems: ['malformed_request', 'audit_unavailable'],
    audits: ['audit_read'],
    async handler(request, response) {
      const { cursor } = readQuery(request, ['cursor']);
      await options.onRead(callerOf(response), 'checkpoints');
      try {
        const page = await options.record.listEvents({
          tenant: null,
          type: 'checkpoint',
          order: 'desc',
          limit: pageLimit,
          ...(cursor !== undefined && { cursor }),
        });
        response.json({ items: page.items.map(({ details }) => details), nextCursor: page.nextCursor });
      } catch (error) {
        if (error instanceof InvalidCursor)
          throw invalidQuery({ pointer: '?cursor', message: 'is not a cursor of this list' });
        throw error;
      }
    },
  };
}
