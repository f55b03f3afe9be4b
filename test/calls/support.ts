/** What the tests of the path share: everything real but the executor. */
import { mkdtempSync, rmSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { ApiKey, RecordStore } from '../../src/audit/record.ts';
import { openSqliteRecord } from '../../src/audit/sqlite/open-sqlite-record.ts';
import { PayloadSeal } from '../../src/calls/approvals/payload-seal.ts';
import { WaitingRoom } from '../../src/calls/approvals/waiting-room.ts';
import type { CallContext } from '../../src/calls/call-context.ts';
import { OutcomeWriter } from '../../src/calls/outcome-writer.ts';
import { RunningCalls } from '../../src/calls/running-calls.ts';
import { LiveSessions } from '../../src/calls/sessions/live-sessions.ts';
import { ownSessions } from '../../src/calls/sessions/session-table.ts';
import { Slots } from '../../src/calls/slots.ts';
import { fileMemoryBytes } from '../../src/calls/uploads/named-files.ts';
import { TenantRoom } from '../../src/calls/uploads/tenant-room.ts';
import type { ExecutionFrame } from '../../src/execution/executor.ts';
import type { Caller } from '../../src/model/principal.ts';
import { QuotaLedger } from '../../src/policy/quotas/quota-ledger.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { compileText, policyText } from '../support/policy-directory.ts';
import { testBoundary } from '../support/test-boundary.ts';

export const clock = { now: () => Date.now() };
export const logger = { warn: () => {}, error: () => {} };
export const caller: Caller = {
  principal: { id: 'ana', tenant: 'default', roles: [], attributes: {} },
  keyId: 'k',
  scopes: new Set(['call']),
  address: '127.0.0.1',
  requestId: 'req_1',
  traceId: null,
};
const key: ApiKey = {
  id: caller.keyId,
  principal: caller.principal.id,
  tenant: caller.principal.tenant,
  roles: [],
  attributes: {},
  scopes: ['call'],
  secretHash: '',
  createdAtMs: 0,
  expiresAtMs: null,
  revokedAtMs: null,
};
export const request = {
  tool: 'example',
  args: { code: 'x' },
  limits: {},
  labels: {},
  idempotencyKey: null,
  session: null,
};

async function* runToTheEnd(): AsyncGenerator<ExecutionFrame> {
  yield { type: 'started', runtime: { kind: 'isolate', confinement: 'none', image: null, warm: true } };
  yield { type: 'result', data: Buffer.from('"secret result"') };
  yield { type: 'exit', reason: 'completed', error: null };
}

export interface Prepared {
  readonly context: CallContext;
  readonly record: RecordStore;
}

/** Everything real but the executor; one call runs at a time, two may wait. */
export async function withContext(
  change: (record: RecordStore) => Partial<CallContext> | Promise<Partial<CallContext>>,
  use: (prepared: Prepared) => Promise<void>,
): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'execute-call-'));
  let ids = 0;
  const newId = (prefix: string): string => `${prefix}_${(ids += 1)}`;
  await using record = openSqliteRecord({ dataDir, writer: 'test', clock, newId, randomBytes });
  await using outcomes = new OutcomeWriter({ record, logger });
  const revision = await compileText(policyText('    - {name: all, effect: allow, tools: [example]}\n'));
  const context: CallContext = {
    tracing: null,
    revision: () => revision,
    quotas: new QuotaLedger(),
    blocks: { find: () => null },
    ...testBoundary(),
    executor: { run: runToTheEnd, [Symbol.asyncDispose]: async () => {} },
    record,
    outcomes,
    slots: new Slots({ runningMax: 1, waitingMax: 2 }),
    followedSlots: new Slots({ runningMax: 1, waitingMax: 2 }),
    largeIntents: new Slots({ runningMax: 1, waitingMax: 64 }),
    metrics: createMetrics(),
    clock,
    newId,
    fingerprint: (body) => body,
    hasDiskReserve: () => true,
    running: new RunningCalls(),
    sessions: new LiveSessions({ record, clock, registry: ownSessions() }),
    fileMemory: new TenantRoom(fileMemoryBytes),
    followedMemory: new TenantRoom(fileMemoryBytes),
    approvals: {
      seal: new PayloadSeal(randomBytes(32), randomBytes),
      waitingRoom: new WaitingRoom(record),
      announce: () => {},
    },
    logger,
    ...(await change(record)),
  };
  await record.write({ events: [], keys: [key] });
  await use({ context, record });
  expect([
    context.slots.runningCount + context.followedSlots.runningCount,
    context.quotas.openLeases,
  ]).toEqual([0, 0]);
  rmSync(dataDir, { recursive: true });
}

/** The same record, but for some of what it does. */
export function recordWith(record: RecordStore, changed: Partial<RecordStore>): RecordStore {
  return new Proxy(record, {
    get: (target, name) => {
      if (name in changed) return Reflect.get(changed, name) as unknown;
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

export async function eventsOf(record: RecordStore, type: string) {
  return (await record.listEvents({ tenant: null, type, limit: 10, order: 'asc' })).items;
}
