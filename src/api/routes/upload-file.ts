import { isRefusal } from '../../calls/refusal.ts';
import type { UploadDesk } from '../../calls/uploads/upload-desk.ts';
import { callerOf } from '../authenticate.ts';
import { problemOf } from '../problem.ts';
import { readQuery } from '../query.ts';
import { readRawBody } from '../read-body.ts';
import type { Route } from '../route.ts';

/** `POST /v1/files`: bytes that calls of the same principal name as `args.files[].file`, for 24 hours. */
export function uploadFileRoute(uploads: UploadDesk): Route {
  return {
    method: 'post',
    path: '/v1/files',
    scope: 'call',
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
      'quota_exceeded',
      'overloaded',
      'audit_unavailable',
    ],
    audits: ['file_written', 'quota_exceeded'],
    async handler(request, response) {
      readQuery(request, []);
      const answer = await uploads.upload(callerOf(response), () =>
        readRawBody(request, response, uploads.fileBytesMax),
      );
      if (isRefusal(answer)) throw problemOf(answer, null);
      const { id, sizeBytes, sha256, expiresAtMs } = answer;
      response.status(201).json({ id, sizeBytes, sha256, expiresAt: new Date(expiresAtMs).toISOString() });
    },
  };
}
