import type { ErasureDesk, WantedErasure } from '../../calls/upkeep/erasure-desk.ts';
import { callerOf } from '../authenticate.ts';
import { Problem } from '../problem.ts';
import type { BodyParser } from '../read-body.ts';
import type { Route } from '../route.ts';

/** `POST /v1/audit/erasures`: takes the content out of calls; the chain stays and verifies. */
export function eraseRoute(desk: ErasureDesk, bodies: BodyParser): Route {
  return {
    method: 'post',
    path: '/v1/audit/erasures',
    scope: 'admin',
    operationId: 'eraseContent',
    summary: 'Erase content from the record',
    body: 'ErasureRequest',
    success: {
      status: 200,
      schema: 'Erasure',
      description:
        '{id, calls, events, remaining, scrubbed, scrubDelay, backups}: durable, and gone from every answer. `scrubbed`: from the bytes of the files as well; else `scrubDelay` says what that waits for, and the server tries again.',
    },
    problems: [
      'malformed_request',
      'unsupported_media_type',
      'payload_too_large',
      'not_found',
      'erasure_refused',
      'audit_unavailable',
    ],
    audits: ['erased', 'erasure_refused'],
    async handler(request, response) {
      const wanted = bodies.parse(request, 'ErasureRequest') as WantedErasure;
      const done = await desk.erase(callerOf(response), wanted);
      if (done === null) throw new Problem('not_found', 'Nothing that can be erased fits the selection.');
      if (done.kind === 'refused') throw new Problem('erasure_refused', done.detail, { why: done.why });
      const { kind: _kind, ...answer } = done;
      response.json(answer);
    },
  };
}
