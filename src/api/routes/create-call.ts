import type { Caller } from '../../model/principal.ts';
import type { CallAnswer, CallRequest } from '../../calls/call-context.ts';
import { feedStart } from '../../calls/call-feed.ts';
import { idempotencyKeyPattern } from '../../calls/idempotency.ts';
import { withPrints } from '../../calls/current-call.ts';
import type { CallSources } from '../../calls/current-call.ts';
import type { CallRun, DetachedCalls } from '../../calls/detached-calls.ts';
import { isOpen } from '../../model/call.ts';
import { callerOf } from '../authenticate.ts';
import { readView, viewParameter } from '../call-view.ts';
import type { CallFollower } from '../follow-call.ts';
import { readPrefer } from '../prefer.ts';
import { Problem, problemOf } from '../problem.ts';
import type { BodyParser } from '../read-body.ts';
import type { Route } from '../route.ts';

export interface CreateCallOptions {
  readonly bodies: BodyParser;
  readonly executeCall: (
    caller: Caller,
    request: CallRequest,
    observer?: Parameters<CallRun>[0],
  ) => Promise<CallAnswer>;
  readonly detached: DetachedCalls;
  readonly follower: CallFollower;
  readonly prints: CallSources['prints'];
  /** 128 random bits as text. */
  readonly newMark: () => string;
}

/** `POST /v1/calls`: runs a tool and answers with what became of it. */
export function createCallRoute(options: CreateCallOptions): Route {
  return {
    method: 'post',
    path: '/v1/calls',
    scope: 'call',
    operationId: 'createCall',
    summary: 'Run a tool',
    body: 'CallRequest',
    query: viewParameter,
    headers: {
      'Idempotency-Key': { description: 'Runs at most once under this key, for 24 hours.', charsMax: 255 },
      Prefer: {
        description: 'RFC 7240: `respond-async` answers once the call runs, `wait=SECONDS` after that time.',
        charsMax: 1024,
      },
    },
    success: {
      status: 200,
      schema: 'Call',
      description: 'The call ran; `status` says how it ended.',
      accepted:
        'The call waits for a person (`pending_approval`), or waits for its turn (`queued`) or runs on (`running`) as `Prefer` asked; `Location` says where to ask for it.',
      otherMediaTypes: ['text/event-stream'],
    },
    problems: [
      'malformed_request',
      'unsupported_media_type',
      'policy_denied',
      'not_found',
      'unknown_tool',
      'session_busy',
      'session_image_mismatch',
      'session_ended',
      'idempotency_in_flight',
      'payload_too_large',
      'invalid_arguments',
      'arguments_blocked',
      'limit_exceeds_policy',
      'idempotency_mismatch',
      'idempotency_erased',
      'quota_exceeded',
      'quota_unavailable',
      'runtime_unavailable',
      'audit_unavailable',
      'overloaded',
      'draining',
    ],
    audits: [
      'queued',
      'intent',
      'outcome',
      'not_started',
      'approval_requested',
      'denied',
      'invalid',
      'quota_exceeded',
    ],
    async handler(request, response) {
      const show = readView(request, options.newMark);
      const body = options.bodies.parse(request, 'CallRequest') as Pick<CallRequest, 'tool' | 'args'> &
        Partial<CallRequest>;
      const idempotencyKey = request.get('idempotency-key') ?? null;
      if (idempotencyKey !== null && !idempotencyKeyPattern.test(idempotencyKey)) {
        const message = 'must have 1 to 255 visible ASCII characters';
        throw new Problem('malformed_request', `Idempotency-Key ${message}.`, {
          errors: [{ pointer: 'Idempotency-Key', message }],
        });
      }
      const caller = callerOf(response);
      const wanted = {
        tool: body.tool,
        args: body.args,
        limits: body.limits ?? {},
        labels: body.labels ?? {},
        idempotencyKey,
        session: body.session ?? null,
      };
      const preference = readPrefer(request.get('prefer'));
      const asEvents = request.accepts(['application/json', 'text/event-stream']) === 'text/event-stream';
      const waitMs = asEvents ? 0 : preference.waitMs;
      const answer =
        waitMs === null
          ? await options.executeCall(caller, wanted)
          : await options.detached.answerWithin(waitMs, (observer) =>
              options.executeCall(caller, wanted, observer),
            );
      if (answer.kind === 'refused') throw problemOf(answer.refusal, answer.callId);
      const { call } = answer;
      if (answer.isReplay) response.set('Idempotent-Replayed', 'true');
      response.set('Location', `/v1/calls/${call.id}`);
      if (asEvents) {
        try {
          return await options.follower.follow(response, { callId: call.id, caller, position: feedStart });
        } catch (error) {
          // It has begun: that there is no room for a stream is no refusal. The call is the answer, as it stands.
          if (!(error instanceof Problem) || response.headersSent) throw error;
        }
      }
      if (preference.applied !== null) response.set('Preference-Applied', preference.applied);
      response.status(isOpen(call) ? 202 : 200).json(show(await withPrints(options.prints, call)));
    },
  };
}
