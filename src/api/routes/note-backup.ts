import type { RecordStore } from '../../audit/record.ts';
import { actor } from '../../calls/key-ring.ts';
import { callerOf } from '../authenticate.ts';
import type { BodyParser } from '../read-body.ts';
import type { Route } from '../route.ts';

export interface NoteBackupOptions {
  readonly record: Pick<RecordStore, 'write'>;
  readonly bodies: BodyParser;
  readonly redactText: (text: string) => string;
}

/** `POST /v1/audit/backups`: says before a copy is made that it is made, so that erasures can name it. */
export function noteBackupRoute({ record, bodies, redactText }: NoteBackupOptions): Route {
  return {
    method: 'post',
    path: '/v1/audit/backups',
    scope: 'admin',
    operationId: 'noteBackup',
    summary: 'Note a back-up of the record',
    body: 'BackupRequest',
    success: { status: 201, schema: 'Backup', description: '{id, name}: id of the event.' },
    problems: ['malformed_request', 'unsupported_media_type', 'payload_too_large', 'audit_unavailable'],
    audits: ['backup'],
    async handler(request, response) {
      const caller = callerOf(response);
      const name = redactText((bodies.parse(request, 'BackupRequest') as { name: string }).name);
      const receipt = await record.write({
        events: [{ type: 'backup', ...actor(caller), tenant: caller.principal.tenant, details: { name } }],
      });
      response.status(201).json({ id: receipt.events()[0]?.id ?? null, name });
    },
  };
}
