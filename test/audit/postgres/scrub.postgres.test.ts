import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { BatchQueue } from '../../../src/audit/postgres/batch-queue.ts';
import { PostgresCommitter } from '../../../src/audit/postgres/committer.ts';
import { openPostgresRecord } from '../../../src/audit/postgres/open-postgres-record.ts';
import { prepareScrub } from '../../../src/audit/postgres/scrub.ts';
import { RecordUnavailable } from '../../../src/audit/record.ts';
import type { RecordStore } from '../../../src/audit/record.ts';
import { draft, intent, sources } from '../../contract/record-fixtures.ts';
import { PostgresServer } from '../../support/postgres-server.ts';

let server: PostgresServer;
beforeAll(async () => {
  server = await PostgresServer.start({ settings: { max_prepared_transactions: 2 } });
});
afterAll(() => server[Symbol.asyncDispose]());

const marker = 'zq9marker';

async function writeAndErase(record: RecordStore, whileItIsThere: () => Promise<void>): Promise<void> {
  const event = draft('intent', { callId: 'call_1', content: { args: { note: `a ${marker} b` } } });
  await record.write(intent('call_1', { events: [event] }));
  await whileItIsThere();
  const { places, callIds, calls, sessionIds } = await record.planErasure({ callId: 'call_1' }, 10);
  await record.write({
    events: [draft('erased', { callId: 'call_1' })],
    calls,
    clearing: { places, callIds, calls: 'emptied', sessionIds },
  });
}

async function scrub(url: string): Promise<void> {
  await (
    await prepareScrub(url, { olderMsMax: 50 })
  )();
}

/** A session of a stranger; ended with the test. */
async function stranger(url: string) {
  const client = new pg.Client({ connectionString: url, application_name: 'nightly dump' });
  await client.connect();
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.end() });
}

test('what an older snapshot still sees is not called scrubbed; it is once that has ended', async () => {
  const url = await server.createDatabase();
  await using record = await openPostgresRecord({ ...sources(), url });
  await using reader = await stranger(url);
  await writeAndErase(record, async () => {
    await reader.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    await reader.query('SELECT 1 FROM audit_chain');
  });
  await expect(scrub(url)).rejects.toThrow(RecordUnavailable);
  await expect(scrub(url)).rejects.toThrow(/keeps what was cleared for the session \d+ \(nightly dump\)/);
  expect(await record.scrubDue()).toBe('now');
  expect(await server.holds(marker)).toBe(true);
  await reader.query('COMMIT');
  await record.scrub();
  expect(await record.scrubDue()).toBe('no');
  expect(await server.holds(marker)).toBe(false);
});

test('a transaction that is prepared, or writes in another database, is waited for as well', async () => {
  const url = await server.createDatabase();
  await using record = await openPostgresRecord({ ...sources(), url });
  await using elsewhere = await stranger(await server.createDatabase());
  await using prepared = await stranger(url);
  await writeAndErase(record, async () => {
    await elsewhere.query('BEGIN');
    await elsewhere.query('CREATE TABLE slow (n integer)');
    await prepared.query('BEGIN');
    await prepared.query('CREATE TABLE slow (n integer)');
    await prepared.query(`PREPARE TRANSACTION 'two-phase'`);
  });
  await expect(scrub(url)).rejects.toThrow(
    /the session \d+ \(nightly dump\), the prepared transaction two-phase/,
  );
  await elsewhere.query('COMMIT');
  await expect(scrub(url)).rejects.toThrow('for the prepared transaction two-phase; it goes once');
  await prepared.query(`ROLLBACK PREPARED 'two-phase'`);
  await record.scrub();
  expect(await server.holds(marker)).toBe(false);
});

test('a table that takes longer than any other statement may is rewritten all the same', async () => {
  const url = await server.createDatabase();
  await (await openPostgresRecord({ ...sources(), url }))[Symbol.asyncDispose]();
  await using reader = await stranger(url);
  const scrubbing = (await prepareScrub(url, { limits: { serverMs: 100, clientMs: 200 } }))();
  await expect(lockedOut(reader, url, scrubbing)).resolves.toBeUndefined();
});

test('a writer says that it lives while its tables are rewritten', async () => {
  const url = await server.createDatabase();
  await (await openPostgresRecord({ ...sources(), url }))[Symbol.asyncDispose]();
  const committer = new PostgresCommitter({
    url,
    writer: 'node-a/api-1',
    home: 'node-a/api-1',
    countsAlone: true,
  });
  await committer.open();
  await using queue = new BatchQueue(committer, () => prepareScrub(url), 20);
  await using reader = await stranger(url);
  await reader.query('BEGIN');
  await reader.query('LOCK TABLE audit_words IN ACCESS SHARE MODE');
  const scrubbing = queue.scrub();
  await until(url, `SELECT 1 FROM pg_stat_activity WHERE query LIKE 'VACUUM%' AND wait_event_type = 'Lock'`);
  const [before] = await server.asSuper('SELECT seen_at::text FROM writers', url);
  await until(url, `SELECT 1 FROM writers WHERE seen_at > '${String(before?.['seen_at'])}'`);
  await reader.query('COMMIT');
  await expect(scrubbing).resolves.toBeUndefined();
});

/** Keeps a table from being rewritten for longer than its limits, then lets it. */
async function lockedOut(reader: pg.Client, url: string, scrubbing: Promise<void>): Promise<void> {
  await reader.query('BEGIN');
  await reader.query('LOCK TABLE audit_words IN ACCESS SHARE MODE');
  await Promise.race([
    until(
      url,
      `SELECT 1 FROM pg_stat_activity WHERE query LIKE 'VACUUM%' AND wait_event_type = 'Lock'
         AND clock_timestamp() - query_start > interval '400 ms'`,
    ),
    scrubbing,
  ]);
  await reader.query('COMMIT');
  await scrubbing;
}

/** Asks the server until it finds a row. */
async function until(url: string, question: string): Promise<void> {
  while ((await server.asSuper(question, url)).length === 0);
}
