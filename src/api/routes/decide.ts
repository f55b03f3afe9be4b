import type { CallContext, CallRequest } from '../../calls/call-context.ts';
import { decideOnly } from '../../calls/decide-only.ts';
import { isRefusal } from '../../calls/refusal.ts';
import type { JsonObject } from '../../model/json.ts';
import type { Principal } from '../../model/principal.ts';
import { callerOf, hasScope } from '../authenticate.ts';
import { Problem, problemOf } from '../problem.ts';
import type { BodyParser } from '../read-body.ts';
import type { Route } from '../route.ts';

interface DecisionRequest extends Pick<CallRequest, 'tool' | 'args'>, Partial<Pick<CallRequest, 'limits'>> {
  readonly session?: string;
  readonly principal?: Omit<Principal, 'attributes'> & { readonly attributes?: JsonObject };
}

/** `POST /v1/decisions`: what policy would say and why. Runs nothing, consumes nothing. */
export function decideRoute(context: CallContext, bodies: BodyParser): Route {
  return {
    method: 'post',
    path: '/v1/decisions',
    scope: 'call',
    operationId: 'decide',
    summary: 'Ask what policy would decide',
    body: 'DecisionRequest',
    success: {
      status: 200,
      schema: 'Decision',
      description:
        'The decision; `nearest` where a denial comes from argument bounds, `trace` with the scope policy.',
    },
    problems: [
      'malformed_request',
      'unsupported_media_type',
      'payload_too_large',
      'insufficient_scope',
      'not_found',
      'unknown_tool',
      'session_image_mismatch',
      'session_ended',
      'invalid_arguments',
      'limit_exceeds_policy',
    ],
    audits: [],
    async handler(request, response) {
      const caller = callerOf(response);
      const asked = options(bodies.parse(request, 'DecisionRequest') as DecisionRequest);
      const maySeeAll = hasScope(caller, 'policy');
      if (asked.principal !== null && !maySeeAll) {
        throw new Problem(
          'insufficient_scope',
          'Asking for another principal needs a key with the scope "policy".',
          { scope: 'policy' },
        );
      }
      const decision = await decideOnly(
        context,
        { ...caller, principal: asked.principal ?? caller.principal },
        asked,
      );
      if (isRefusal(decision)) throw problemOf(decision, null);
      const { trace, ...shown } = decision;
      response.json(maySeeAll ? { ...shown, trace } : shown);
    },
  };
}

function options({ tool, args, limits = {}, session, principal }: DecisionRequest) {
  return {
    tool,
    args,
    limits,
    session: session ?? null,
    principal: principal === undefined ? null : { attributes: {}, ...principal },
  };
}
