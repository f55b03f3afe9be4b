import type { RecordStore, StoredCall } from '../../audit/record.ts';
import type { Cancellation } from '../../calls/cancel-call.ts';
import type { Caller } from '../../model/principal.ts';
import { callerOf, hasScope } from '../authenticate.ts';
import { maySee } from '../may-see.ts';
import { Problem } from '../problem.ts';
import { readQuery } from '../query.ts';
import type { Route } from '../route.ts';

export interface CancelCallOptions {
  readonly record: Pick<RecordStore, 'getCall'>;
  readonly cancel: (caller: Caller, stored: StoredCall) => Promise<Cancellation>;
}

/** `DELETE /v1/calls/{id}`: one's own call, or any with `admin`. To see a call is not yet to end it. */
export function cancelCallRoute({ record, cancel }: CancelCallOptions): Route {
  return {
    method: 'delete',
    path: '/v1/calls/:id',
    scope: 'call',
    operationId: 'cancelCall',
    summary: 'Cancel a call',
    success: {
      status: 200,
      schema: 'Call',
      description: 'It waited for approval, and will not run.',
      accepted: 'It runs, and is being ended; unless it ends first, it ends as `cancelled`.',
    },
    problems: ['malformed_request', 'not_found', 'conflict', 'audit_unavailable'],
    audits: ['call_cancelled'],
    async handler(request, response) {
      readQuery(request, []);
      const caller = callerOf(response);
      const stored = await record.getCall(String(request.params['id']));
      const isOwn = stored?.principal === caller.principal.id || hasScope(caller, 'admin');
      if (stored === null || !maySee(caller, stored) || !isOwn)
        throw new Problem('not_found', 'There is no such call, or it is not yours to cancel.');
      const { kind, call } = await cancel(caller, stored);
      if (kind === 'ended' && call.status !== 'cancelled')
        throw new Problem('conflict', `The call has ended: ${call.status}.`, { callId: call.id });
      response
        .status(kind === 'ending' ? 202 : 200)
        .set('Location', `/v1/calls/${call.id}`)
        .json(call);
    },
  };
}
