import type { FileFacts } from '../../audit/uploaded-files.ts';
import { isRefusal } from '../../calls/refusal.ts';
import type { OwnFiles } from '../../calls/uploads/own-files.ts';
import type { UploadDesk } from '../../calls/uploads/upload-desk.ts';
import { readId } from '../event-filter.ts';
import { callerOf } from '../authenticate.ts';
import { problemOf } from '../problem.ts';
import { readLimit, readQuery } from '../query.ts';
import { readRawBody } from '../read-body.ts';
import type { Route } from '../route.ts';
import { sendUntrusted } from '../send-untrusted.ts';
import type { Transfers } from '../transfers.ts';

const limitDefault = 50;
const limitMax = 100;

/** `POST /v1/files`: bytes that calls of the same principal name as `args.files[].file`, for 24 hours. */
export function uploadFileRoute(uploads: UploadDesk): Route {
  return {
    method: 'post',
    path: '/v1/files',
    scope: 'call',
    operationId: 'uploadFile',
    summary: 'Upload a file for calls',
    rawBody: 'The bytes of the file.',
    success: {
      status: 201,
      schema: 'UploadedFile',
      description: '{id, sizeBytes, sha256, expiresAt}: the id goes into `args.files[].file`.',
    },
    problems: [
      'malformed_request',
      'unsupported_media_type',
      'payload_too_large',
      'policy_denied',
      'quota_exceeded',
      'overloaded',
      'audit_unavailable',
    ],
    audits: ['file_written', 'denied', 'quota_exceeded'],
    async handler(request, response) {
      readQuery(request, []);
      const answer = await uploads.upload(callerOf(response), () =>
        readRawBody(request, response, uploads.fileBytesMax),
      );
      if (isRefusal(answer)) throw problemOf(answer, null);
      response.status(201).set('Location', `/v1/files/${answer.id}`).json(fileView(answer));
    },
  };
}

/** `GET /v1/files`: one's own that have not expired, newest first. */
export function listUploadedFilesRoute(files: OwnFiles): Route {
  return {
    method: 'get',
    path: '/v1/files',
    scope: 'call',
    operationId: 'listUploadedFiles',
    summary: 'List your uploaded files',
    query: {
      limit: { description: `1 to ${limitMax}, default ${limitDefault}` },
      cursor: { description: 'From `nextCursor` of the page before.' },
    },
    success: { status: 200, schema: 'UploadedFilePage', description: '{items, nextCursor}' },
    problems: ['malformed_request', 'audit_unavailable'],
    audits: [],
    async handler(request, response) {
      const { limit: asked, cursor } = readQuery(request, ['limit', 'cursor']);
      const limit = asked === undefined ? limitDefault : readLimit(asked, limitMax);
      const page = {
        limit: limit + 1,
        ...(cursor === undefined ? {} : { before: readId('cursor', cursor, 'file') }),
      };
      const found = await files.list(callerOf(response), page);
      const items = found.slice(0, limit).map(fileView);
      response.json({ items, nextCursor: found.length > limit ? (items.at(-1)?.id ?? null) : null });
    },
  };
}

/** `GET /v1/files/{id}`: what was answered to its upload. */
export function getUploadedFileRoute(files: OwnFiles): Route {
  return {
    method: 'get',
    path: '/v1/files/:id',
    scope: 'call',
    operationId: 'getUploadedFile',
    summary: 'Show an uploaded file',
    success: { status: 200, schema: 'UploadedFile', description: 'As its upload was answered.' },
    problems: ['malformed_request', 'not_found', 'audit_unavailable'],
    audits: [],
    async handler(request, response) {
      readQuery(request, []);
      const file = await files.get(callerOf(response), String(request.params['id']));
      if (isRefusal(file)) throw problemOf(file, null);
      response.json(fileView(file));
    },
  };
}

/** `GET /v1/files/{id}/content`: its bytes, as the boundary lets them out. */
export function readUploadedFileRoute(files: OwnFiles, transfers: Transfers): Route {
  return {
    method: 'get',
    path: '/v1/files/:id/content',
    scope: 'call',
    operationId: 'readUploadedFile',
    summary: 'Read an uploaded file',
    success: {
      status: 200,
      description: 'The bytes; the header Sallyport-Boundary says what the filter made of them.',
      mediaType: 'application/octet-stream',
    },
    problems: [
      'malformed_request',
      'policy_denied',
      'content_withheld',
      'not_found',
      'overloaded',
      'audit_unavailable',
    ],
    audits: ['file_read', 'denied'],
    async handler(request, response) {
      readQuery(request, []);
      transfers.admit(response);
      const answer = await files.read(callerOf(response), String(request.params['id']));
      if (isRefusal(answer)) throw problemOf(answer, null);
      response.set('Sallyport-Boundary', answer.boundary.verdict);
      sendUntrusted(response, answer, transfers);
    },
  };
}

/** `DELETE /v1/files/{id}`: no call can name it any more; one that runs keeps what it has. */
export function removeUploadedFileRoute(files: OwnFiles): Route {
  return {
    method: 'delete',
    path: '/v1/files/:id',
    scope: 'call',
    operationId: 'removeUploadedFile',
    summary: 'Remove an uploaded file',
    success: { status: 204, description: 'It is gone: asked again, it is not found.' },
    problems: ['malformed_request', 'not_found', 'audit_unavailable'],
    audits: ['file_written'],
    async handler(request, response) {
      readQuery(request, []);
      const refusal = await files.remove(callerOf(response), String(request.params['id']));
      if (refusal !== null) throw problemOf(refusal, null);
      response.status(204).end();
    },
  };
}

function fileView({ id, sizeBytes, sha256, expiresAtMs }: FileFacts) {
  return { id, sizeBytes, sha256, expiresAt: new Date(expiresAtMs).toISOString() };
}
