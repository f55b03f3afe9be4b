/** The `sequences` of test/cases/policy/quota-units.yaml: real decisions, ledger and record; what runs is said there. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { openSqliteRecord } from '../../src/audit/sqlite/open-sqlite-record.ts';
import type { StoredEvent } from '../../src/audit/record.ts';
import { PayloadSeal } from '../../src/calls/approvals/payload-seal.ts';
import { WaitingRoom } from '../../src/calls/approvals/waiting-room.ts';
import type { CallContext } from '../../src/calls/call-context.ts';
import { closeOpenCalls } from '../../src/calls/close-open-calls.ts';
import { executeCall } from '../../src/calls/execute-call.ts';
import { OutcomeWriter } from '../../src/calls/outcome-writer.ts';
import { RunningCalls } from '../../src/calls/running-calls.ts';
import { LiveSessions } from '../../src/calls/sessions/live-sessions.ts';
import { ownSessions } from '../../src/calls/sessions/session-table.ts';
import { Slots } from '../../src/calls/slots.ts';
import { fileMemoryBytes } from '../../src/calls/uploads/named-files.ts';
import { TenantRoom } from '../../src/calls/uploads/tenant-room.ts';
import { Lost, NotStarted } from '../../src/execution/executor.ts';
import type { ExecutionFrame } from '../../src/execution/executor.ts';
import type { JsonObject } from '../../src/model/json.ts';
import type { RequestLimits } from '../../src/model/limits.ts';
import { QuotaLedger } from '../../src/policy/quotas/quota-ledger.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { SetClock } from '../contract/record-fixtures.ts';
import { compileText } from '../support/policy-directory.ts';
import { testBoundary } from '../support/test-boundary.ts';

interface CallCase {
  readonly args?: JsonObject;
  readonly limits?: RequestLimits;
  readonly afterMs?: number;
  readonly uses?:
    | {
        readonly cpuMs?: number;
        readonly wallMs?: number;
        readonly outputBytes?: number;
        readonly artifactBytes?: number;
      }
    | 'lost'
    | 'nothing';
  /** The status of the call, or the code of the refusal. */
  readonly answer: string;
  readonly detail?: string;
  /** The events that this call leaves. */
  readonly audit: readonly Partial<StoredEvent>[];
}

const { documents, sequences } = parse(readFileSync('test/cases/policy/quota-units.yaml', 'utf8')) as {
  readonly documents: string;
  readonly sequences: readonly {
    readonly name: string;
    readonly roles: readonly string[];
    readonly calls: readonly CallCase[];
  }[];
};

const logger = { warn: () => {}, error: () => {} };

async function* run(uses: CallCase['uses'] = {}): AsyncGenerator<ExecutionFrame> {
  if (uses === 'nothing') throw new NotStarted('runtime_unavailable', 'none is there');
  yield { type: 'started', runtime: { kind: 'isolate', confinement: 'none', image: null, warm: true } };
  if (uses === 'lost') throw new Lost('it went away');
  yield { type: 'result', data: Buffer.from('null') };
  const { artifactBytes = 0, ...used } = uses;
  if (artifactBytes > 0) yield { type: 'artifact', name: 'a', data: Buffer.alloc(artifactBytes) };
  yield { type: 'usage', cpuMs: 0, wallMs: 0, outputBytes: 0, memoryPeakBytes: 0, truncated: [], ...used };
  yield { type: 'exit', reason: 'completed', error: null };
}

interface Harness extends AsyncDisposable {
  readonly context: CallContext;
  readonly ledger: QuotaLedger;
  readonly clock: SetClock;
  call(one: CallCase, roles: readonly string[]): Promise<{ answer: string; detail: string | undefined }>;
  /** Events since the last time that this was asked. */
  newEvents(): Promise<readonly StoredEvent[]>;
}

async function startHarness(): Promise<Harness> {
  const dataDir = mkdtempSync(join(tmpdir(), 'quota-cases-'));
  const clock = new SetClock();
  let ids = 0;
  const newId = (prefix: string): string => `${prefix}_${(ids += 1)}`;
  const record = openSqliteRecord({ dataDir, writer: 'test', clock, newId, randomBytes });
  const outcomes = new OutcomeWriter({ record, logger });
  const revision = await compileText(documents);
  let uses: CallCase['uses'];
  const ledger = new QuotaLedger();
  const context: CallContext = {
    tracing: null,
    revision: () => revision,
    quotas: ledger,
    blocks: { find: () => null },
    ...testBoundary(),
    executor: { run: () => run(uses), [Symbol.asyncDispose]: async () => {} },
    record,
    outcomes,
    slots: new Slots({ runningMax: 1, waitingMax: 0 }),
    followedSlots: new Slots({ runningMax: 1, waitingMax: 0 }),
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
  };
  let seen = 0;
  return {
    context,
    ledger,
    clock,
    async call(one, roles) {
      clock.advance(one.afterMs ?? 0);
      uses = one.uses;
      const answer = await executeCall(
        context,
        {
          principal: { id: 'ana', tenant: 'default', roles, attributes: {} },
          keyId: 'k',
          scopes: new Set(['call']),
          address: '127.0.0.1',
          requestId: 'req_1',
          traceId: null,
        },
        {
          tool: 'pay',
          args: { code: 'x', ...one.args },
          limits: one.limits ?? {},
          labels: {},
          idempotencyKey: null,
          session: null,
        },
      );
      if (answer.kind === 'call') return { answer: answer.call.status, detail: undefined };
      return { answer: answer.refusal.code, detail: answer.refusal.detail };
    },
    async newEvents() {
      const { items } = await record.listEvents({ tenant: null, limit: 1_000, order: 'asc' });
      const events = items.slice(seen);
      seen += events.length;
      return events;
    },
    async [Symbol.asyncDispose]() {
      await outcomes[Symbol.asyncDispose]();
      await record[Symbol.asyncDispose]();
      rmSync(dataDir, { recursive: true });
    },
  };
}

test.each(sequences)('$name', async ({ roles, calls }) => {
  await using harness = await startHarness();
  for (const one of calls) {
    const { answer, detail } = await harness.call(one, roles);
    expect(answer).toBe(one.answer);
    if (one.detail !== undefined) expect(detail).toBe(one.detail);
    expect(await harness.newEvents()).toMatchObject(one.audit);
    expect(harness.context.quotas.openLeases).toBe(0);
  }
});

test('the record rebuilds the same counters, settled amounts and withdrawn calls included', async () => {
  await using harness = await startHarness();
  const roles = ['cpu', 'amount'];
  const cents = (amount: number, uses: NonNullable<CallCase['uses']>): CallCase => {
    return { args: { cents: amount }, uses, answer: '', audit: [] };
  };
  await harness.call(cents(100, { cpuMs: 700 }), roles);
  await harness.call(cents(400, 'nothing'), roles);
  await harness.call(cents(150, { cpuMs: 300 }), roles);
  const ledger = new QuotaLedger();
  await ledger.replay(harness.context.record.quotaUseSince(0));
  const states = [...ledger.counters()];
  expect(states).toEqual([...harness.ledger.counters()]);
  expect(states.map(({ key, buckets }) => [key, buckets[0]?.count])).toEqual([
    ['amount/amount/q/one', 250],
    ['cpu_ms/cpu/q/ana', 1_000_000],
  ]);
});

test('calls that a crash cut off count in full after the start', async () => {
  await using harness = await startHarness();
  const { record } = harness.context;
  await harness.call({ answer: '', audit: [] }, ['cpu']);
  const intent = (await harness.newEvents()).find(({ type }) => type === 'intent');
  const stored = await record.getCall(intent?.callId ?? '');
  if (intent === undefined || stored === null) throw new Error('no intent');
  const call = { ...stored.call, id: 'call_cut', status: 'running' } as const;
  await record.write({
    events: [{ type: 'intent', callId: 'call_cut', quotas: intent.quotas }],
    calls: [{ ...stored, call }],
  });
  expect(await closeOpenCalls(record, harness.clock)).toBe(1);
  expect((await harness.newEvents()).at(-1)).toMatchObject({
    type: 'outcome',
    status: 'unknown',
    quotas: [{ unit: 'cpu_ms', amount: 2000, used: 2000 }],
  });
});
