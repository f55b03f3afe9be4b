import type { Caller } from '../../model/principal.ts';
import type { CallAnswer, CallRequest } from '../../calls/call-context.ts';
import { callerOf } from '../authenticate.ts';
import { Problem, problemOf } from '../problem.ts';
import type { BodyParser } from '../read-body.ts';
import type { Route } from '../route.ts';

const idempotencyKeyPattern = /^[\x21-\x7e]{1,255}$/;

export interface CreateCallOptions {
  readonly bodies: BodyParser;
  readonly executeCall: (caller: Caller, request: CallRequest) => Promise<CallAnswer>;
}

/** `POST /v1/calls`: runs a tool and answers with what became of it. */
export function createCallRoute(options: CreateCallOptions): Route {
  return {
    method: 'post',
    path: '/v1/calls',
    scope: 'call',
    summary: 'Run a tool',
    body: 'CallRequest',
    success: { status: 200, description: 'The call ran; `status` says how it ended.' },
    problems: [
      'malformed_request',
      'unsupported_media_type',
      'policy_denied',
      'unknown_tool',
      'idempotency_in_flight',
      'payload_too_large',
      'invalid_arguments',
      'arguments_blocked',
      'limit_exceeds_policy',
      'idempotency_mismatch',
      'quota_exceeded',
      'quota_unavailable',
      'runtime_unavailable',
      'audit_unavailable',
      'overloaded',
      'draining',
    ],
    audits: ['intent', 'outcome', 'not_started', 'denied', 'invalid', 'quota_exceeded'],
    async handler(request, response) {
      const body = options.bodies.parse(request, 'CallRequest') as Pick<CallRequest, 'tool' | 'args'> &
        Partial<CallRequest>;
      const idempotencyKey = request.get('idempotency-key') ?? null;
      if (idempotencyKey !== null && !idempotencyKeyPattern.test(idempotencyKey)) {
        throw new Problem(
          'malformed_request',
          'Idempotency-Key must have 1 to 255 visible ASCII characters.',
          { errors: [] },
        );
      }
      const answer = await options.executeCall(callerOf(response), {
        tool: body.tool,
        args: body.args,
        limits: body.limits ?? {},
        labels: body.labels ?? {},
        idempotencyKey,
      });
      if (answer.kind === 'refused') throw problemOf(answer.refusal, answer.callId);
      if (answer.isReplay) response.set('Idempotent-Replayed', 'true');
      response.set('Location', `/v1/calls/${answer.call.id}`).json(answer.call);
    },
  };
}
