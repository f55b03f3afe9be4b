import type { RecordStore } from '../../audit/record.ts';
import type { Caller } from '../../model/principal.ts';
import { callerOf } from '../authenticate.ts';
import { maySee } from '../may-see.ts';
import { Problem } from '../problem.ts';
import { readQuery } from '../query.ts';
import type { Route } from '../route.ts';

/** Formats that a browser only draws. Everything else is handed over as a download. */
const magicNumbers: Readonly<Record<string, (head: string) => boolean>> = {
  'image/png': (head) => head.startsWith('\u0089PNG\r\n\u001a\n'),
  'image/jpeg': (head) => head.startsWith('\u00ff\u00d8\u00ff'),
  'image/gif': (head) => head.startsWith('GIF87a') || head.startsWith('GIF89a'),
  'image/webp': (head) => head.startsWith('RIFF') && head.slice(8, 12) === 'WEBP',
};

export interface GetArtifactOptions {
  readonly record: Pick<RecordStore, 'getArtifact'>;
  readonly onRead: (caller: Caller, artifactId: string, callId: string) => Promise<void>;
}

/** `GET /v1/artifacts/{id}`: bytes that a tool wrote. Hostile content: no sniffing, no scripts, download unless it is a checked image. */
export function getArtifactRoute(options: GetArtifactOptions): Route {
  return {
    method: 'get',
    path: '/v1/artifacts/:id',
    scope: 'call',
    summary: 'Download an artifact',
    success: { status: 200, description: 'The bytes.', mediaType: 'application/octet-stream' },
    problems: ['malformed_request', 'not_found', 'audit_unavailable'],
    audits: ['artifact_read'],
    async handler(request, response) {
      readQuery(request, []);
      const caller = callerOf(response);
      const artifact = options.record.getArtifact(String(request.params['id']));
      if (artifact === null || !maySee(caller, artifact)) {
        throw new Problem(
          'not_found',
          'There is no such artifact, it has expired, or it is not yours to see.',
        );
      }
      await options.onRead(caller, artifact.id, artifact.callId);
      const data = Buffer.from(artifact.data);
      const isImage = magicNumbers[artifact.mediaType]?.(data.subarray(0, 16).toString('latin1')) ?? false;
      const fileName = encodeURIComponent(artifact.name.split('/').at(-1) ?? 'artifact');
      response
        .set('Content-Type', isImage ? artifact.mediaType : 'application/octet-stream')
        .set('Content-Disposition', isImage ? 'inline' : `attachment; filename*=UTF-8''${fileName}`)
        .set('Content-Security-Policy', "sandbox; default-src 'none'")
        .set('X-Content-Type-Options', 'nosniff')
        .set('Cache-Control', 'private, no-store')
        .send(data);
    },
  };
}
