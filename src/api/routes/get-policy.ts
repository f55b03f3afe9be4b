import type { Pin } from '../../audit/record.ts';
import type { ActivePolicy } from '../../calls/policy/active-policy.ts';
import type { FilesState } from '../../calls/policy/policy-state.ts';
import { readQuery } from '../query.ts';
import type { Route } from '../route.ts';

/** Mistakes of the policy files that one answer names. */
export const problemsShownMax = 100;

/** `GET /v1/policy`: the revision that decides now, what it holds, and how the policy files stand to it. */
export function getPolicyRoute(policy: Pick<ActivePolicy, 'revision' | 'state'>): Route {
  return {
    method: 'get',
    path: '/v1/policy',
    scope: 'policy',
    operationId: 'getPolicy',
    summary: 'Show the active policy revision',
    success: {
      status: 200,
      schema: 'Policy',
      description:
        'The revision, since when and by what; its tools, policies, images and boundary profiles by name; `pin`; `files`: active, pinned, rejected with every mistake, or waiting.',
    },
    problems: ['malformed_request'],
    audits: [],
    handler(request, response) {
      readQuery(request, []);
      const { revision: active, state } = policy;
      response.json({
        revision: active.id,
        activatedAt: new Date(state.activatedAtMs).toISOString(),
        trigger: state.trigger,
        pin: state.pin === null ? null : pinView(state.pin),
        files: filesView(state.files),
        tools: [...active.tools.values()].map(({ name, digest, runtime }) => ({
          name,
          digest,
          runtime: runtime.kind,
        })),
        policies: active.policies,
        images: [...active.images.keys()],
        boundaries: [...active.boundaries.keys()],
      });
    },
  };
}

function pinView({ principal, reason, atMs }: Pin): object {
  return { principal, reason, at: new Date(atMs).toISOString() };
}

function filesView(files: FilesState): object {
  const { kind, ...rest } = files;
  if (files.kind !== 'rejected') return { state: kind, ...rest };
  return {
    state: kind,
    problems: files.problems.slice(0, problemsShownMax),
    problemCount: files.problems.length,
  };
}
