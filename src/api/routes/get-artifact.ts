import type { RecordStore } from '../../audit/record.ts';
import type { Caller } from '../../model/principal.ts';
import { callerOf } from '../authenticate.ts';
import { maySee } from '../may-see.ts';
import { Problem } from '../problem.ts';
import { readQuery } from '../query.ts';
import type { Route } from '../route.ts';
import { imageMediaTypes, sendUntrusted } from '../send-untrusted.ts';
import type { Transfers } from '../transfers.ts';

export interface GetArtifactOptions {
  readonly transfers: Transfers;
  readonly record: Pick<RecordStore, 'getArtifact'>;
  readonly onRead: (caller: Caller, artifactId: string, callId: string) => Promise<void>;
}

/** `GET /v1/artifacts/{id}`: bytes that a tool wrote. Hostile content: no sniffing, no scripts, download unless it is a checked image. */
export function getArtifactRoute(options: GetArtifactOptions): Route {
  return {
    method: 'get',
    path: '/v1/artifacts/:id',
    scope: 'call',
    operationId: 'getArtifact',
    summary: 'Download an artifact',
    success: {
      status: 200,
      description: 'The bytes.',
      mediaType: 'application/octet-stream',
      otherMediaTypes: imageMediaTypes,
    },
    problems: ['malformed_request', 'not_found', 'audit_unavailable', 'overloaded'],
    audits: ['artifact_read'],
    async handler(request, response) {
      readQuery(request, []);
      const caller = callerOf(response);
      options.transfers.admit(response);
      const artifact = await options.record.getArtifact(String(request.params['id']));
      if (artifact === null || !maySee(caller, artifact)) {
        throw new Problem(
          'not_found',
          'There is no such artifact, it has expired, or it is not yours to see.',
        );
      }
      await options.onRead(caller, artifact.id, artifact.callId);
      sendUntrusted(response, artifact, options.transfers);
    },
  };
}
