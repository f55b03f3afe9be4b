import type { Request } from 'express';
import { isRefusal } from '../../calls/refusal.ts';
import type { SessionFiles } from '../../calls/sessions/session-files.ts';
import { callerOf } from '../authenticate.ts';
import { problemOf } from '../problem.ts';
import type { ProblemCode } from '../problem.ts';
import { readQuery } from '../query.ts';
import { readRawBody } from '../read-body.ts';
import type { Route } from '../route.ts';
import { imageMediaTypes, sendUntrusted } from '../send-untrusted.ts';
import type { Transfers } from '../transfers.ts';

const filePath = '/v1/sessions/:id/files/*path';

const problems: readonly ProblemCode[] = [
  'malformed_request',
  'policy_denied',
  'not_found',
  'session_busy',
  'file_conflict',
  'session_ended',
  'payload_too_large',
  'invalid_arguments',
  'runtime_unavailable',
  'audit_unavailable',
];

/** `GET /v1/sessions/{id}/files`: what lies under /work. */
export function listFilesRoute(files: SessionFiles): Route {
  return {
    method: 'get',
    path: '/v1/sessions/:id/files',
    scope: 'call',
    operationId: 'listSessionFiles',
    summary: 'List the files of a session',
    query: { prefix: { description: 'Only those whose path begins like this.' } },
    success: { status: 200, schema: 'SessionFileList', description: '{items, nextCursor, dropped}' },
    problems: [...problems, 'content_withheld'],
    audits: ['file_read', 'denied'],
    async handler(request, response) {
      const { prefix = '' } = readQuery(request, ['prefix']);
      const answer = await files.list(callerOf(response), String(request.params['id']), prefix);
      if (isRefusal(answer)) throw problemOf(answer, null);
      const items = answer.files.map(({ path, sizeBytes, modifiedAtMs }) => ({
        path,
        sizeBytes,
        modifiedAt: timeOf(modifiedAtMs),
      }));
      response.json({ items, nextCursor: null, dropped: answer.dropped });
    },
  };
}

/** `PUT /v1/sessions/{id}/files/{path}`: writes a file whole; what was there is replaced. */
export function putFileRoute(files: SessionFiles): Route {
  return {
    method: 'put',
    path: filePath,
    scope: 'call',
    operationId: 'putSessionFile',
    summary: 'Put a file into a session',
    rawBody: 'The bytes of the file.',
    success: { status: 200, schema: 'WrittenFile', description: '{path, sizeBytes, sha256}' },
    problems: [...problems, 'unsupported_media_type', 'arguments_blocked'],
    audits: ['file_written', 'denied'],
    async handler(request, response) {
      readQuery(request, []);
      const path = pathOf(request);
      const read = (): Promise<Uint8Array> => readRawBody(request, response, files.fileBytesMax);
      const answer = await files.put(callerOf(response), String(request.params['id']), path, read);
      if (isRefusal(answer)) throw problemOf(answer, null);
      response.json(answer);
    },
  };
}

/** `GET /v1/sessions/{id}/files/{path}`: bytes that hostile code may have written, as the boundary lets them out. */
export function getFileRoute(files: SessionFiles, transfers: Transfers): Route {
  return {
    method: 'get',
    path: filePath,
    scope: 'call',
    operationId: 'readSessionFile',
    summary: 'Read a file of a session',
    success: {
      status: 200,
      description: 'The bytes; the header Sallyport-Boundary says what the filter made of them.',
      mediaType: 'application/octet-stream',
      otherMediaTypes: imageMediaTypes,
    },
    problems: [...problems, 'content_withheld', 'overloaded'],
    audits: ['file_read', 'denied'],
    async handler(request, response) {
      readQuery(request, []);
      transfers.admit(response);
      const path = pathOf(request);
      const answer = await files.get(callerOf(response), String(request.params['id']), path);
      if (isRefusal(answer)) throw problemOf(answer, null);
      response.set('Sallyport-Boundary', answer.boundary.verdict);
      sendUntrusted(
        response,
        { name: answer.name, mediaType: answer.mediaType, data: answer.data },
        transfers,
      );
    },
  };
}

/** `DELETE /v1/sessions/{id}/files/{path}`: removes a file, or a link itself. */
export function removeFileRoute(files: SessionFiles): Route {
  return {
    method: 'delete',
    path: filePath,
    scope: 'call',
    operationId: 'removeSessionFile',
    summary: 'Remove a file from a session',
    success: { status: 204, description: 'It is gone.' },
    problems,
    audits: ['file_written', 'denied'],
    async handler(request, response) {
      readQuery(request, []);
      const id = String(request.params['id']);
      const refusal = await files.remove(callerOf(response), id, pathOf(request));
      if (refusal !== null) throw problemOf(refusal, null);
      response.status(204).end();
    },
  };
}

function pathOf(request: Request): string {
  const path: unknown = (request.params as Readonly<Record<string, unknown>>)['path'];
  return Array.isArray(path) ? path.join('/') : String(path);
}

/** Times come out of the container: what is no time there is none here. */
function timeOf(ms: number): string | null {
  const time = new Date(ms);
  return Number.isNaN(time.getTime()) || time.getFullYear() > 9999 || time.getFullYear() < 0
    ? null
    : time.toISOString();
}
