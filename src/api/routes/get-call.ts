import { currentCall } from '../../calls/current-call.ts';
import type { CallSources } from '../../calls/current-call.ts';
import { callerOf } from '../authenticate.ts';
import { maySee } from '../may-see.ts';
import { Problem } from '../problem.ts';
import { readQuery } from '../query.ts';
import type { Route } from '../route.ts';

/** `GET /v1/calls/{id}`: the current representation of a call. */
export function getCallRoute(sources: CallSources): Route {
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
      const stored = sources.record.getCall(String(request.params['id']));
      if (stored === null || !maySee(callerOf(response), stored)) {
        throw new Problem('not_found', 'There is no such call, or it is not yours to see.');
      }
      response.json(currentCall(sources, stored.call.id));
    },
  };
}
