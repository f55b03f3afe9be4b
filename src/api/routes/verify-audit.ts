import type { RecordStore } from '../../audit/record.ts';
import type { Caller } from '../../model/principal.ts';
import { callerOf } from '../authenticate.ts';
import { readQuery } from '../query.ts';
import type { Route } from '../route.ts';

export interface VerifyAuditOptions {
  readonly record: Pick<RecordStore, 'verify'>;
  readonly onRead: (caller: Caller, what: string) => Promise<void>;
}

/** `GET /v1/audit/verify`: walks every chain from its first event and says what it found. */
export function verifyAuditRoute(options: VerifyAuditOptions): Route {
  return {
    method: 'get',
    path: '/v1/audit/verify',
    scope: 'audit',
    summary: 'Verify the record',
    success: {
      status: 200,
      description: 'The report; `valid` is false when anything was altered, dropped or reordered.',
    },
    problems: ['malformed_request', 'audit_unavailable'],
    audits: ['audit_read'],
    async handler(request, response) {
      readQuery(request, []);
      await options.onRead(callerOf(response), 'verify');
      response.json(await options.record.verify());
    },
  };
}
