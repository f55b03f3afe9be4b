import { afterAll, beforeAll, expect, test } from 'vitest';
import { openPostgresRecord } from '../../../src/audit/postgres/open-postgres-record.ts';
import type { News } from '../../../src/audit/postgres/news.ts';
import type { PostgresRecordOptions } from '../../../src/audit/postgres/open-postgres-record.ts';
import { CallEnded, IdempotencyTaken, RecordUnavailable } from '../../../src/audit/record.ts';
import type { RecordStore } from '../../../src/audit/record.ts';
import { closeOpenCalls } from '../../../src/calls/close-open-calls.ts';
import { MigratedDatabases } from '../../support/migrated-databases.ts';
import { PostgresServer } from '../../support/postgres-server.ts';
import { intent, outcome, request, settle, SetClock, sources } from '../../contract/record-fixtures.ts';

let server: PostgresServer;
let databases: MigratedDatabases;
beforeAll(async () => {
  server = await PostgresServer.start();
  databases = await MigratedDatabases.on(server);
});
afterAll(() => server[Symbol.asyncDispose]());

let ids = 0;
function open(url: string, node: string, more: Partial<PostgresRecordOptions> = {}): Promise<RecordStore> {
  const given = sources(new SetClock(), (ids += 100_000));
  return openPostgresRecord({ ...given, url, writer: `${node}/api-1`, sharesQuotas: true, ...more });
}

async function silence(url: string, node: string): Promise<void> {
  await server.asSuper(
    `UPDATE writers SET seen_at = now() - interval '2 minutes' WHERE writer = '${node}/api-1'`,
    url,
  );
}

test('two nodes write one record, each its own chain, and both verify', async () => {
  const url = await databases.create();
  await using a = await open(url, 'a');
  await using b = await open(url, 'b');
  await Promise.all(
    Array.from({ length: 100 }, (_, index) => (index % 2 === 0 ? a : b).write(intent(`call_${index}`))),
  );
  const report = await a.verify();
  expect(report).toMatchObject({ valid: true, events: 100, problems: [] });
  expect(new Map(report.writers.map(({ writer, events }) => [writer, events]))).toEqual(
    new Map([
      ['a/api-1', 50],
      ['b/api-1', 50],
    ]),
  );
  const page = await b.listEvents({ tenant: null, limit: 1_000, order: 'asc' });
  expect(new Set(page.items.map(({ callId }) => callId)).size).toBe(100);
});

test.each(["''", "'x'", "'null'", '\'{"cancelled":5,"calls":7}\''])(
  'what a stranger notifies ends nobody: %s',
  async (payload) => {
    const url = await databases.create();
    const heard = Promise.withResolvers<News>();
    let isStarted = false;
    await using a = await open(url, 'a', {
      onNews: (news) => {
        if (isStarted && news.calls !== null) heard.resolve(news);
      },
    });
    isStarted = true;
    await server.asSuper(`NOTIFY sallyport, ${payload}`, url);
    expect(await heard.promise).toEqual({ calls: [], cancelled: [], haveBlocksChanged: false });
    await a.write(intent('call_1'));
  },
);

test('writes that come with a scrub are written after it', async () => {
  const url = await databases.create();
  await using a = await open(url, 'a');
  // A run that has just begun, and a scrub in the same turn: each must not wait for the other.
  const first = a.write(intent('call_1'));
  const scrubbed = a.scrub();
  const second = a.write(intent('call_2'));
  await Promise.all([first, scrubbed, second]);
  expect(await a.verify()).toMatchObject({ valid: true, events: 2 });
});

test('of two ends of a call in one batch the second is refused', async () => {
  const url = await databases.create();
  await using a = await open(url, 'a');
  await a.write(intent('call_1'));
  const ends = await Promise.allSettled([a.write(outcome('call_1')), a.write(outcome('call_1'))]);
  expect(ends.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
  const page = await a.listEvents({ tenant: null, limit: 10, order: 'asc' });
  expect(page.items.map(({ type }) => type)).toEqual(['intent', 'outcome']);
});

test('an idempotency key and an approval are taken once, whichever node asks', async () => {
  const url = await databases.create();
  await using a = await open(url, 'a');
  await using b = await open(url, 'b');
  const idempotency = (callId: string) => ({
    idempotency: { principal: 'alice', key: 'k', fingerprint: 'f', callId, expiresAtMs: 9e12 },
  });
  const claims = await Promise.allSettled([
    a.write(intent('call_7', idempotency('call_7'))),
    b.write(intent('call_8', idempotency('call_8'))),
  ]);
  expect(claims.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  expect(claims.find(({ status }) => status === 'rejected')).toMatchObject({
    reason: expect.any(IdempotencyTaken),
  });
  await a.write(request(1));
  const decisions = await Promise.allSettled([
    a.write(settle(1, 'rejected', 'approval_decided')),
    b.write(settle(1, 'approved', 'intent')),
  ]);
  expect(decisions.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
});

test('calls of a node that fell silent are closed by another; what it says of them later is refused', async () => {
  const url = await databases.create();
  await using a = await open(url, 'a');
  await a.write(intent('call_1'));
  {
    await using other = await open(url, 'b');
    expect(await other.openCalls()).toEqual([]);
  }
  await silence(url, 'a');
  await using b = await open(url, 'b');
  expect(await closeOpenCalls(b, new SetClock())).toBe(1);
  expect((await a.getCall('call_1'))?.call.status).toBe('unknown');
  // The first write finds out that it was fenced; nothing of it is there.
  await expect(a.write(intent('call_2'))).rejects.toThrow(RecordUnavailable);
  expect(await b.getCall('call_2')).toBeNull();
  await expect(a.write(outcome('call_1'))).rejects.toThrow(CallEnded);
  expect((await b.getCall('call_1'))?.call.status).toBe('unknown');
  await a.write(intent('call_3'));
  expect(await b.openCalls()).toEqual([]);
  expect(await b.verify()).toMatchObject({ valid: true, problems: [] });
});

test('a name is taken while its process lives, and free at once when it is gone', async () => {
  const url = await databases.create();
  {
    await using _first = await open(url, 'a');
    await expect(open(url, 'a')).rejects.toThrow('Another process writes to this database as a/api-1');
  }
  await using again = await open(url, 'a');
  await again.write(intent('call_1'));
});

test('a name stays taken after its connection broke and was made anew', async () => {
  const url = await server.createDatabase();
  await using a = await open(url, 'a');
  await a.write(intent('call_1'));
  const ended = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'sallyport a/api-1'`;
  expect(await server.asSuper(ended, url)).toHaveLength(1);
  await expect
    .poll(() =>
      a.write(intent('call_2')).then(
        () => true,
        () => false,
      ),
    )
    .toBe(true);
  await expect(open(url, 'a')).rejects.toThrow('Another process writes to this database as a/api-1');
  expect(await a.verify()).toMatchObject({ valid: true });
});

test('nodes that count quotas alone do not share a database', async () => {
  const url = await databases.create();
  await using _first = await open(url, 'a', { sharesQuotas: false });
  await expect(open(url, 'b')).rejects.toThrow('SALLYPORT_REDIS_URL');
  await expect(open(url, 'b', { sharesQuotas: false })).rejects.toThrow('SALLYPORT_REDIS_URL');
});

test('nodes have the same keys, or do not start; a key may be handed over', async () => {
  const url = await databases.create();
  const secret = (fill: number, previous: number | null = null) => ({
    sharedSecrets: [
      {
        name: 'signing.key',
        key: Buffer.alloc(32, fill),
        previous: previous === null ? null : Buffer.alloc(32, previous),
      },
    ],
  });
  await using _a = await open(url, 'a', secret(1));
  await expect(open(url, 'b', secret(2))).rejects.toThrow('signing.key is another one here');
  await using _b = await open(url, 'b', secret(2, 1));
  await using _c = await open(url, 'c', secret(2));
  const [row] = await server.asSuper('SELECT proof FROM shared_secrets', url);
  expect(String(row?.['proof'])).not.toContain(Buffer.alloc(32, 2).toString('hex'));
});

test('a node hears what others changed, and not what it changed itself', async () => {
  const url = await databases.create();
  const heard: News[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const onNews = (news: News): void => {
    heard.push(news);
    if (news.haveBlocksChanged) resolve();
  };
  await using a = await open(url, 'a', { onNews });
  await using b = await open(url, 'b');
  await a.write(intent('call_own'));
  await b.write(intent('call_1'));
  await b.write({ events: [{ type: 'call_cancelled', callId: 'call_1' }] });
  await b.write({ events: [{ type: 'block_removed' }], removedBlocks: ['blk_1'] });
  await promise;
  expect(heard).toEqual([
    { calls: ['call_1'], cancelled: [], haveBlocksChanged: false },
    { calls: [], cancelled: ['call_1'], haveBlocksChanged: false },
    { calls: [], cancelled: [], haveBlocksChanged: true },
  ]);
});
