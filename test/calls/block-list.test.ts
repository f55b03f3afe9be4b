/** The kill switch over a real record and a clock that the test moves. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { RecordUnavailable } from '../../src/audit/record.ts';
import type { RecordStore } from '../../src/audit/record.ts';
import { openSqliteRecord } from '../../src/audit/sqlite/open-sqlite-record.ts';
import { BlockList } from '../../src/calls/block-list.ts';
import type { NewBlock } from '../../src/calls/block-list.ts';
import type { Caller, Principal } from '../../src/model/principal.ts';
import { isBlocking } from '../../src/policy/blocks.ts';
import { SetClock, startMs } from '../contract/record-fixtures.ts';

const home = mkdtempSync(join(tmpdir(), 'sallyport-blocks-'));
afterAll(() => rmSync(home, { recursive: true }));

const ana: Principal = { id: 'ana', tenant: 'acme', roles: [], attributes: {} };
const bob: Principal = { id: 'bob', tenant: 'other', roles: [], attributes: {} };
const ops: Caller = {
  principal: { id: 'ops', tenant: 'default', roles: [], attributes: {} },
  keyId: 'k',
  scopes: new Set(['policy']),
  address: '127.0.0.1',
  requestId: 'req_1',
  traceId: null,
};
const wanted: NewBlock = { tool: 'stripe_*', reason: 'INC-481', expiresInMs: 60_000 };

function open(name: string, clock: SetClock) {
  let ids = 0;
  const newId = (prefix: string): string => `${prefix}_${name}${(ids += 1)}`;
  const record = openSqliteRecord({ dataDir: join(home, name), writer: 'test', clock, newId, randomBytes });
  const redactText = (text: string): string => text.replace('hunter2', '[REDACTED]');
  const listOn = (store: RecordStore): Promise<BlockList> =>
    BlockList.open({ record: store, clock, newId, redactText });
  return { record, listOn };
}

test('a block means the calls that fit all that it names', () => {
  const block = { id: 'blk_1', reason: '', createdAtMs: 0, createdBy: 'ops', expiresAtMs: 10 };
  const means = (tool: string, principal: string | null, tenant: string | null, who = ana) =>
    isBlocking({ ...block, tool, principal, tenant }, who, 'stripe_refund', 9);
  expect(means('stripe_*', null, null)).toBe(true);
  expect(means('stripe_refund', 'ana', 'acme')).toBe(true);
  expect(means('stripe', null, null)).toBe(false);
  expect(means('*', 'ana', null, bob)).toBe(false);
  expect(means('*', 'ana', 'other')).toBe(false);
  expect(means('*', null, 'acme', bob)).toBe(false);
});

test('it is in force at once, on the record, and ends with its time', async () => {
  const clock = new SetClock();
  const { record, listOn } = open('expiry', clock);
  await using _record = record;
  const blocks = await listOn(record);
  expect(blocks.find(ana, 'stripe_refund')).toBeNull();
  const added = blocks.add(ops, { ...wanted, reason: 'password hunter2' });
  expect(blocks.find(ana, 'stripe_refund')).toMatchObject({ reason: 'password [REDACTED]' });
  await added;
  const { items } = await record.listEvents({ tenant: null, type: 'block_added', limit: 10, order: 'asc' });
  expect(items).toMatchObject([
    {
      principal: 'ops',
      details: {
        tool: 'stripe_*',
        blockedPrincipal: null,
        blockedTenant: null,
        reason: 'password [REDACTED]',
        expiresAt: '2026-01-02T03:05:05.000Z',
      },
    },
  ]);
  clock.set(startMs + 59_999);
  expect(blocks.find(ana, 'stripe_refund')).not.toBeNull();
  clock.set(startMs + 60_000);
  expect(blocks.find(ana, 'stripe_refund')).toBeNull();
  expect(blocks.list()).toEqual([]);
});

test('it outlives a restart, and so does its removal', async () => {
  const clock = new SetClock();
  const first = open('restart', clock);
  const kept = await (
    await first.listOn(first.record)
  ).add(ops, { ...wanted, principal: 'ana', tenant: 'acme' });
  await first.record[Symbol.asyncDispose]();
  const second = open('restart', clock);
  const blocks = await second.listOn(second.record);
  expect(blocks.list()).toEqual([kept]);
  expect(await blocks.remove(ops, kept?.id ?? '')).toBe(true);
  expect(blocks.find(ana, 'stripe_refund')).toBeNull();
  expect(await blocks.remove(ops, kept?.id ?? '')).toBe(false);
  await second.record[Symbol.asyncDispose]();
  const third = open('restart', clock);
  await using _record = third.record;
  expect((await third.listOn(third.record)).list()).toEqual([]);
});

test('what cannot be recorded is not changed', async () => {
  const { record, listOn } = open('unrecorded', new SetClock());
  await using _record = record;
  const blocks = await listOn(record);
  const block = await blocks.add(ops, wanted);
  record.write = () => Promise.reject(new RecordUnavailable('full'));
  await expect(blocks.add(ops, { ...wanted, tool: 'other' })).rejects.toThrow(RecordUnavailable);
  await expect(blocks.remove(ops, block?.id ?? '')).rejects.toThrow(RecordUnavailable);
  expect(blocks.list()).toEqual([block]);
});

test('there may be a thousand', async () => {
  const { record, listOn } = open('many', new SetClock());
  await using _record = record;
  const blocks = await listOn(record);
  await Promise.all(Array.from({ length: 1000 }, () => blocks.add(ops, wanted)));
  expect(await blocks.add(ops, wanted)).toBeNull();
});
