import { isHex } from '../../audit/checkpoints/statement.ts';
import type { RecordStore } from '../../audit/record.ts';
import type { Caller } from '../../model/principal.ts';
import { callerOf } from '../authenticate.ts';
import { flagParameter, invalidQuery, readFlag, readQuery } from '../query.ts';
import type { Route } from '../route.ts';

const parameters = {
  deep: flagParameter('also what is derived from the chain for the search; slow'),
  publicKey: {
    description: 'Ed25519 key that must have signed, in hex; without it the first key of the record is taken',
  },
} as const;

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
    operationId: 'verifyAudit',
    summary: 'Verify the record',
    query: parameters,
    success: {
      status: 200,
      schema: 'VerifyReport',
      description: 'The report; `valid` is false when anything was altered, dropped or reordered.',
    },
    problems: ['malformed_request', 'audit_unavailable'],
    audits: ['audit_read'],
    async handler(request, response) {
      const { publicKey, deep } = readQuery(request, ['publicKey', 'deep']);
      const isDeep = readFlag('deep', deep);
      if (publicKey !== undefined && !isHex(publicKey, 64))
        throw invalidQuery({ pointer: '?publicKey', message: 'must be 64 lower-case hex digits' });
      await options.onRead(callerOf(response), 'verify');
      response.json(
        await options.record.verify({
          ...(publicKey !== undefined && { publicKeys: [publicKey] }),
          ...(isDeep && { deep: true }),
        }),
      );
    },
  };
}
