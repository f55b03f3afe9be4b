import type { ActivePolicy } from '../../calls/policy/active-policy.ts';
import type { PolicyChange } from '../../calls/policy/policy-state.ts';
import { callerOf } from '../authenticate.ts';
import { Problem } from '../problem.ts';
import { readQuery } from '../query.ts';
import type { BodyParser } from '../read-body.ts';
import type { Route } from '../route.ts';
import { problemsShownMax } from './get-policy.ts';

const audits = ['policy_activated', 'policy_rejected'] as const;

/** `POST /v1/policy/reload`: takes up the policy files as they are now, without waiting for them to be looked at. */
export function reloadPolicyRoute(policy: Pick<ActivePolicy, 'reload'>): Route {
  return {
    method: 'post',
    path: '/v1/policy/reload',
    scope: 'policy',
    operationId: 'reloadPolicy',
    summary: 'Take up the policy files now',
    success: {
      status: 200,
      schema: 'PolicyChange',
      description:
        '`outcome`: activated, unchanged, pinned (an older revision decides until it is unpinned) or waiting (`reason`; it is tried again).',
    },
    problems: ['malformed_request', 'policy_invalid', 'audit_unavailable'],
    audits,
    async handler(request, response) {
      readQuery(request, []);
      response.json(answerOf(await policy.reload('api', callerOf(response))));
    },
  };
}

/** `POST /v1/policy/activate`: goes back to a revision that was active, whatever the files say, until `unpin`. */
export function activatePolicyRoute(policy: Pick<ActivePolicy, 'activate'>, bodies: BodyParser): Route {
  return {
    method: 'post',
    path: '/v1/policy/activate',
    scope: 'policy',
    operationId: 'activatePolicy',
    summary: 'Roll back to a policy revision and pin it',
    body: 'ActivateRequest',
    success: {
      status: 200,
      schema: 'PolicyChange',
      description: '{outcome: "activated", revision, previous}',
    },
    problems: [
      'malformed_request',
      'unsupported_media_type',
      'payload_too_large',
      'not_found',
      'conflict',
      'policy_invalid',
      'audit_unavailable',
    ],
    audits,
    async handler(request, response) {
      const { revision, reason } = bodies.parse(request, 'ActivateRequest') as {
        readonly revision: string;
        readonly reason: string;
      };
      const change = await policy.activate(revision, reason, callerOf(response));
      if (change.outcome === 'waiting')
        throw new Problem('conflict', `Nothing was changed: ${change.reason}.`);
      response.json(answerOf(change));
    },
  };
}

/** `POST /v1/policy/unpin`: the policy files decide again. */
export function unpinPolicyRoute(policy: Pick<ActivePolicy, 'unpin'>, bodies: BodyParser): Route {
  return {
    method: 'post',
    path: '/v1/policy/unpin',
    scope: 'policy',
    operationId: 'unpinPolicy',
    summary: 'Let the policy files decide again',
    body: 'UnpinRequest',
    success: { status: 200, schema: 'PolicyChange', description: '`outcome` as for reload.' },
    problems: [
      'malformed_request',
      'unsupported_media_type',
      'payload_too_large',
      'conflict',
      'policy_invalid',
      'audit_unavailable',
    ],
    audits,
    async handler(request, response) {
      const { reason } = bodies.parse(request, 'UnpinRequest') as { readonly reason: string };
      response.json(answerOf(await policy.unpin(reason, callerOf(response))));
    },
  };
}

/** A change that was made, or the problem to answer with. */
function answerOf(change: PolicyChange): object {
  switch (change.outcome) {
    case 'rejected': {
      const count = change.problems.length;
      const [first] = change.problems;
      const detail = `${count === 1 ? 'A mistake' : `${count} mistakes`}, the first at ${first?.file}:${first?.line}:${first?.column}: ${first?.message}. What decided before still does.`;
      throw new Problem('policy_invalid', detail, { problems: change.problems.slice(0, problemsShownMax) });
    }
    case 'unknown':
      throw new Problem(
        'not_found',
        'No such revision was active here. GET /v1/policy/revisions lists them.',
      );
    case 'not_pinned':
      throw new Problem('conflict', 'No revision is pinned: the policy files decide.');
    default:
      return change;
  }
}
