import type { RecordStore } from '../../audit/record.ts';
import { callerOf } from '../authenticate.ts';
import { maySee } from '../may-see.ts';
import { Problem } from '../problem.ts';
import { readQuery } from '../query.ts';
import type { Route } from '../route.ts';

/** `GET /v1/calls/{id}`: the current representation of a call. */
export function getCallRoute(record: Pick<RecordStore, 'getCall'>): Route {
  return {
    method: 'get',
    path: '/v1/calls/:id',
    scope: 'call',
    summary: 'Show a call',
    success: { status: 200, description: 'The call as it stands now.' },
    problems: ['malformed_request', 'not_found'],
    audits: [],
    handler(request, response) {
      readQuery(request, []);
      const stored = record.getCall(String(request.params['id']));
      if (stored === null || !maySee(callerOf(response), stored)) {
        throw new Problem('not_found', 'There is no such call, or it is not yours to see.');
      }
      response.json(stored.call);
    },
  };
}
