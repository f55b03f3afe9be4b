import type { RecordStore } from '../../audit/record.ts';
import type { Call } from '../../model/call.ts';
import { callerOf } from '../authenticate.ts';
import { readView, viewParameter } from '../call-view.ts';
import { maySee } from '../may-see.ts';
import { Problem } from '../problem.ts';
import type { Route } from '../route.ts';

export interface GetCallOptions {
  readonly record: Pick<RecordStore, 'getCall'>;
  /** The call as it stands; null when it is no longer there. */
  readonly current: (callId: string) => Promise<Call | null>;
  /** 128 random bits as text. */
  readonly newMark: () => string;
}

/** `GET /v1/calls/{id}`: the current representation of a call. */
export function getCallRoute({ record, current, newMark }: GetCallOptions): Route {
  return {
    method: 'get',
    path: '/v1/calls/:id',
    scope: 'call',
    operationId: 'getCall',
    summary: 'Show a call',
    query: viewParameter,
    success: { status: 200, schema: 'Call', description: 'The call as it stands now.' },
    problems: ['malformed_request', 'not_found'],
    audits: [],
    async handler(request, response) {
      const show = readView(request, newMark);
      const stored = await record.getCall(String(request.params['id']));
      if (stored === null || !maySee(callerOf(response), stored)) {
        throw new Problem('not_found', 'There is no such call, or it is not yours to see.');
      }
      response.json(show((await current(stored.call.id)) ?? stored.call));
    },
  };
}
