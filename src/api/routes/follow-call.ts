import type { RecordStore } from '../../audit/record.ts';
import { callerOf } from '../authenticate.ts';
import { readLastEventId } from '../follow-call.ts';
import type { CallFollower } from '../follow-call.ts';
import { maySee } from '../may-see.ts';
import { Problem } from '../problem.ts';
import { readQuery } from '../query.ts';
import type { Route } from '../route.ts';

export interface FollowCallOptions {
  readonly record: Pick<RecordStore, 'getCall'>;
  readonly follower: CallFollower;
}

/** `GET /v1/calls/{id}/events`: what the call prints and yields, as it becomes durable, to its end. */
export function followCallRoute({ record, follower }: FollowCallOptions): Route {
  return {
    method: 'get',
    path: '/v1/calls/:id/events',
    scope: 'call',
    operationId: 'followCall',
    summary: 'Follow a call',
    headers: {
      'Last-Event-ID': { description: 'Id of the last event that arrived: the rest follows.', charsMax: 64 },
    },
    success: {
      status: 200,
      description:
        'Server-sent events `started`, `stdout`, `stderr`, `artifact`, `finished`; the last carries the whole call, and ends the answer.',
      mediaType: 'text/event-stream',
    },
    problems: ['malformed_request', 'not_found', 'overloaded'],
    audits: [],
    async handler(request, response) {
      readQuery(request, []);
      const caller = callerOf(response);
      const stored = await record.getCall(String(request.params['id']));
      if (stored === null || !maySee(caller, stored))
        throw new Problem('not_found', 'There is no such call, or it is not yours to see.');
      const position = readLastEventId(request.get('last-event-id'));
      await follower.follow(response, { callId: stored.call.id, caller, position });
    },
  };
}
