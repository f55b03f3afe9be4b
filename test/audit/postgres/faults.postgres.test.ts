import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openPostgresRecord } from '../../../src/audit/postgres/open-postgres-record.ts';
import { RecordUnavailable } from '../../../src/audit/record.ts';
import type { RecordStore } from '../../../src/audit/record.ts';
import { CuttingProxy } from '../../support/cutting-proxy.ts';
import { PostgresServer } from '../../support/postgres-server.ts';
import { intent, outcome, sources } from '../../contract/record-fixtures.ts';

let server: PostgresServer;
beforeAll(async () => {
  server = await PostgresServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());

/** Ids of calls whose intent is stored, in the order of the chain. */
async function storedCalls(record: RecordStore): Promise<readonly (string | null)[]> {
  const { items } = await record.listEvents({ tenant: null, type: 'intent', limit: 1_000, order: 'asc' });
  return items.map(({ callId }) => callId);
}

async function isWritten(record: RecordStore, callId: string): Promise<boolean> {
  try {
    await record.write(intent(callId));
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(RecordUnavailable);
    return false;
  }
}

test.each([true, false])(
  'a connection that is cut at any step of a write loses nothing and doubles nothing (the server got that step: %s)',
  async (isForwarded) => {
    const url = await server.createDatabase();
    await using proxy = await CuttingProxy.start(server.port);
    const through = url.replace(`:${server.port}/`, `:${proxy.port}/`);
    await using record = await openPostgresRecord({ ...sources(), url: through });
    // Days get their partition with the first event, and that is another number of steps.
    await record.write(intent('call_first'));
    const acknowledged = ['call_first'];
    for (let piece = 1; ; piece += 1) {
      const callId = `call_${String(piece).padStart(3, '0')}`;
      proxy.arm({ piece, isForwarded });
      const isAcknowledged = await isWritten(record, callId);
      if (isAcknowledged) acknowledged.push(callId);
      // The steps of one write are through.
      if (!proxy.disarm()) break;
      expect(piece).toBeLessThan(50);
    }
    expect(acknowledged.length).toBeGreaterThan(1);
    expect(await storedCalls(record)).toEqual(acknowledged);
    expect(await record.verify()).toMatchObject({ valid: true, problems: [] });
  },
);

test('sessions that are ended from outside while many write lose nothing and double nothing', async () => {
  const url = await server.createDatabase();
  await using record = await openPostgresRecord({ ...sources(), url });
  const acknowledged: string[] = [];
  let number = 0;
  const over = new AbortController();
  let next = Promise.withResolvers<void>();
  const write = async (): Promise<void> => {
    while (!over.signal.aborted) {
      const callId = `call_${String((number += 1)).padStart(5, '0')}`;
      if (!(await isWritten(record, callId))) continue;
      acknowledged.push(callId);
      next.resolve();
    }
  };
  const writing = Promise.all(Array.from({ length: 4 }, write));
  for (let round = 0; round < 8; round += 1) {
    await server.asSuper(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'sallyport'`,
      url,
    );
    // Each round hits a record that works again.
    next = Promise.withResolvers();
    await next.promise;
  }
  over.abort();
  await writing;
  const stored = await storedCalls(record);
  expect(new Set(stored)).toEqual(new Set(acknowledged));
  expect(stored).toHaveLength(acknowledged.length);
  expect(await record.verify()).toMatchObject({ valid: true, problems: [] });
});

test('a database that is stopped as by a crash keeps what it acknowledged; writes go on when it is back', async () => {
  const url = await server.createDatabase();
  await using record = await openPostgresRecord({ ...sources(), url });
  const ids = Array.from({ length: 50 }, (_, index) => `call_${String(index).padStart(3, '0')}`);
  const written = ids.map((id) => isWritten(record, id));
  await written[0];
  await server.down();
  expect(await isWritten(record, 'call_down')).toBe(false);
  await expect(record.getCall('call_000')).rejects.toThrow(RecordUnavailable);
  expect(await record.health()).toMatchObject({ state: 'down' });
  await server.up();
  expect(await record.health()).toMatchObject({ state: 'ok' });
  const answers = await Promise.all(written);
  const acknowledged = ids.filter((_, index) => answers[index]);
  expect(acknowledged.length).toBeGreaterThan(0);
  expect(await storedCalls(record)).toEqual(acknowledged);
  await record.write(outcome('call_000'));
  expect(await record.verify()).toMatchObject({ valid: true, problems: [] });
});

test.each([
  ['lock_timeout', 'another session holds a lock'],
  ['statement_timeout', 'PostgreSQL was too slow'],
])('a write that waits longer than %s is refused, and the next one is not', async (limit, message) => {
  const url = await server.createDatabase();
  // The schema is made without it.
  await (await openPostgresRecord({ ...sources(), url }))[Symbol.asyncDispose]();
  await using record = await openPostgresRecord({ ...sources(), url: `${url}?${limit}=1000` });
  await record.write(intent('call_1'));
  const holder = new pg.Client({ connectionString: url });
  await holder.connect();
  await holder.query('BEGIN; LOCK TABLE record_tail');
  await expect(record.write(intent('call_2'))).rejects.toThrow(message);
  expect(await record.health()).toMatchObject({ state: 'down' });
  await holder.end();
  await record.write(intent('call_3'));
  expect(await record.health()).toMatchObject({ state: 'ok' });
  expect(await storedCalls(record)).toEqual(['call_1', 'call_3']);
});
