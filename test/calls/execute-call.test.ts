import { mkdtempSync, rmSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import type { RecordStore } from '../../src/audit/record.ts';
import { openSqliteRecord } from '../../src/audit/sqlite/open-sqlite-record.ts';
import { PayloadSeal } from '../../src/calls/approvals/payload-seal.ts';
import { WaitingRoom } from '../../src/calls/approvals/waiting-room.ts';
import { BlockList } from '../../src/calls/block-list.ts';
import type { CallContext } from '../../src/calls/call-context.ts';
import { executeCall } from '../../src/calls/execute-call.ts';
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

const clock = { now: () => Date.now() };
const logger = { warn: () => {}, error: () => {} };
const caller: Caller = {
  principal: { id: 'ana', tenant: 'default', roles: [], attributes: {} },
  keyId: 'k',
  scopes: new Set(['call']),
  address: '127.0.0.1',
  requestId: 'req_1',
  traceId: null,
};
const request = {
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

interface Prepared {
  readonly context: CallContext;
  readonly record: RecordStore;
}

/** Everything real but the executor; one call runs at a time, one may wait. */
async function withContext(
  change: (record: RecordStore) => Partial<CallContext> | Promise<Partial<CallContext>>,
  use: (prepared: Prepared) => Promise<void>,
): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'execute-call-'));
  let ids = 0;
  const newId = (prefix: string): string => `${prefix}_${(ids += 1)}`;
  await using record = openSqliteRecord({ dataDir, writer: 'test', clock, newId, randomBytes });
  const refusesResults = Object.create(record) as RecordStore;
  refusesResults.write = async (write) => {
    if (write.calls?.some(({ call }) => call.result !== null)) throw new TypeError('a mistake of ours');
    return record.write(write);
  };
  await using outcomes = new OutcomeWriter({ record: refusesResults, logger });
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
    slots: new Slots({ runningMax: 1, waitingMax: 1 }),
    largeIntents: new Slots({ runningMax: 1, waitingMax: 64 }),
    metrics: createMetrics(),
    clock,
    newId,
    fingerprint: (body) => body,
    hasDiskReserve: () => true,
    running: new RunningCalls(),
    sessions: new LiveSessions({ record, clock, registry: ownSessions() }),
    fileMemory: new TenantRoom(fileMemoryBytes),
    approvals: {
      seal: new PayloadSeal(randomBytes(32), randomBytes),
      waitingRoom: new WaitingRoom(record),
      announce: () => {},
    },
    logger,
    ...(await change(record)),
  };
  await use({ context, record });
  expect([context.slots.runningCount, context.quotas.openLeases]).toEqual([0, 0]);
  rmSync(dataDir, { recursive: true });
}

async function eventsOf(record: RecordStore, type: string) {
  return (await record.listEvents({ tenant: null, type, limit: 10, order: 'asc' })).items;
}

test('when our own code fails after the run, the call ends as unknown, on the record, without its result', async () => {
  await withContext(
    () => ({}),
    async ({ context, record }) => {
      const answer = await executeCall(context, caller, request);
      expect(answer).toMatchObject({ kind: 'call', call: { status: 'unknown', result: null } });
      expect(JSON.stringify(answer)).not.toContain('secret result');
      expect(await record.openCalls()).toEqual([]);
      expect(await eventsOf(record, 'outcome')).toMatchObject([{ status: 'unknown' }]);
    },
  );
});

test('a call that was allowed and waits for its turn is denied when a block comes meanwhile', async () => {
  const lists: BlockList[] = [];
  const withBlocks = async (record: RecordStore) => {
    const blocks = await BlockList.open({ record, clock, newId: () => 'blk_1', redactText: (text) => text });
    lists.push(blocks);
    return { blocks };
  };
  await withContext(withBlocks, async ({ context, record }) => {
    const first = await context.slots.take('default');
    const waiting = executeCall(context, caller, request);
    await lists[0]?.add(caller, { tool: 'example', reason: 'why', expiresInMs: 60_000 });
    first?.[Symbol.dispose]();
    expect(await waiting).toMatchObject({ kind: 'refused', refusal: { rule: 'block:blk_1' } });
    expect(await eventsOf(record, 'intent')).toEqual([]);
    expect(await eventsOf(record, 'denied')).toMatchObject([{ decision: { rule: 'block:blk_1' } }]);
  });
});

test('large arguments wait for others to be durable before their own are, a call with small ones does not', async () => {
  const written: unknown[] = [];
  const gate = Promise.withResolvers<void>();
  const behindGate = (record: RecordStore): Partial<CallContext> => {
    const write: RecordStore['write'] = async (asked) => {
      const [event] = asked.events;
      if (event?.type !== 'intent') return record.write(asked);
      const { code = '' } = (event.content as { args: { code?: string } }).args;
      written.push(code.length > 5 ? 'large' : code);
      if (code.length > 5) await gate.promise;
      return record.write(asked);
    };
    const gated = new Proxy(record, {
      get: (target, name) => {
        const value: unknown = name === 'write' ? write : Reflect.get(target, name);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    return { record: gated, slots: new Slots({ runningMax: 3, waitingMax: 0 }) };
  };
  await withContext(behindGate, async ({ context }) => {
    const call = (code: string) => executeCall(context, caller, { ...request, args: { code } });
    const large = [1, 2].map(() => call('x'.repeat(70_000)));
    await vi.waitFor(() => expect(context.largeIntents.waitingCount).toBe(1), { interval: 1 });
    await call('small');
    expect(written).toEqual(['large', 'small']);
    gate.resolve();
    await Promise.all(large);
    expect(written).toEqual(['large', 'small', 'large']);
  });
});

test('a call whose large arguments wait for others is denied when a block comes meanwhile', async () => {
  const lists: BlockList[] = [];
  const withBlocks = async (record: RecordStore) => {
    const blocks = await BlockList.open({ record, clock, newId: () => 'blk_1', redactText: (text) => text });
    lists.push(blocks);
    return { blocks };
  };
  await withContext(withBlocks, async ({ context, record }) => {
    const others = await context.largeIntents.take('default');
    const waiting = executeCall(context, caller, { ...request, args: { code: 'x'.repeat(70_000) } });
    await vi.waitFor(() => expect(context.largeIntents.waitingCount).toBe(1), { interval: 1 });
    await lists[0]?.add(caller, { tool: 'example', reason: 'why', expiresInMs: 60_000 });
    others?.[Symbol.dispose]();
    expect(await waiting).toMatchObject({ kind: 'refused', refusal: { rule: 'block:blk_1' } });
    expect(await eventsOf(record, 'intent')).toEqual([]);
    expect(context.largeIntents.runningCount).toBe(0);
  });
});
