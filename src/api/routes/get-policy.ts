import type { Revision } from '../../policy/revision.ts';
import { readQuery } from '../query.ts';
import type { Route } from '../route.ts';

/** `GET /v1/policy`: the revision that decides now, and what it holds. */
export function getPolicyRoute(revision: () => Revision): Route {
  return {
    method: 'get',
    path: '/v1/policy',
    scope: 'policy',
    summary: 'Show the active policy revision',
    success: {
      status: 200,
      description: 'The revision, its tools, policies, images and boundary profiles by name.',
    },
    problems: ['malformed_request'],
    audits: [],
    handler(request, response) {
      readQuery(request, []);
      const active = revision();
      response.json({
        revision: active.id,
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
