import { currentCall } from '../../calls/current-call.ts';
import type { CallSources } from '../../calls/current-call.ts';
import { modelText } from '../../calls/model-text.ts';
import { callerOf } from '../authenticate.ts';
import { maySee } from '../may-see.ts';
import { Problem } from '../problem.ts';
import { readChoice } from '../event-filter.ts';
import { readQuery } from '../query.ts';
import type { Route } from '../route.ts';

const views = ['model'] as const;

/** `GET /v1/calls/{id}`: the current representation of a call. `newMark` gives 128 random bits as text. */
export function getCallRoute(sources: CallSources, newMark: () => string): Route {
  return {
    method: 'get',
    path: '/v1/calls/:id',
    scope: 'call',
    summary: 'Show a call',
    query: {
      view: {
        description: 'model: `modelText` too, what the tool yielded as a model should read it',
        enum: views,
      },
    },
    success: { status: 200, description: 'The call as it stands now.' },
    problems: ['malformed_request', 'not_found'],
    audits: [],
    async handler(request, response) {
      const { view } = readQuery(request, ['view']);
      if (view !== undefined) readChoice('view', view, views);
      const stored = await sources.record.getCall(String(request.params['id']));
      if (stored === null || !maySee(callerOf(response), stored)) {
        throw new Problem('not_found', 'There is no such call, or it is not yours to see.');
      }
      const call = (await currentCall(sources, stored.call.id)) ?? stored.call;
      response.json(view === undefined ? call : { ...call, modelText: modelText(call, newMark()) });
    },
  };
}
