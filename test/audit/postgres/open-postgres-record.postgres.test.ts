import { afterAll, beforeAll, expect, test } from 'vitest';
import { openSession } from '../../../src/audit/postgres/connection.ts';
import { migrate, schemaVersion } from '../../../src/audit/postgres/migrations.ts';
import { openPostgresRecord } from '../../../src/audit/postgres/open-postgres-record.ts';
import { draft, intent, sources, startMs, storedCall } from '../../contract/record-fixtures.ts';
import { PostgresServer } from '../../support/postgres-server.ts';

let server: PostgresServer;
beforeAll(async () => {
  server = await PostgresServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());

test('nodes that start in one moment on an empty database make one schema', async () => {
  const url = await server.createDatabase();
  const open = (node: string) =>
    openPostgresRecord({ ...sources(), writer: `${node}/api-1`, url, sharesQuotas: true });
  const records = await Promise.all(['a', 'b', 'c'].map(open));
  expect(await server.asSuper('SELECT version FROM sallyport_schema', url)).toEqual([
    { version: schemaVersion },
  ]);
  for (const record of records) await record[Symbol.asyncDispose]();
});

test('calls that the first version left are listed, found by their labels, and written on', async () => {
  const url = await server.createDatabase();
  const session = await openSession(url, 'migrations');
  await migrate(session, 1);
  for (const id of ['call_1', 'call_2']) {
    const body = JSON.stringify(storedCall(id, 'failed', { labels: { team: 'blue' }, result: 'a\u0000b' }));
    await session.query(
      `INSERT INTO calls (id, status, salt, body, stored_at_ms, writer, epoch) VALUES ($1, 'failed', '', $2, $3, 'w', 1)`,
      [id, Buffer.from(body), startMs],
    );
  }
  await session.end();
  await using record = await openPostgresRecord({ ...sources(), url });
  await record.write(intent('call_3'));
  const listed = async (query: object): Promise<readonly string[]> => {
    const owner = { tenant: 'default', principal: 'alice', limit: 10 };
    return (await record.listCalls({ ...owner, ...query })).items.map(({ call }) => call.id);
  };
  expect(await listed({})).toEqual(['call_3', 'call_2', 'call_1']);
  expect(await listed({ label: 'team=blue', status: 'failed' })).toEqual(['call_2', 'call_1']);
});

test('words with a sigma that earlier versions left are found like those of this one, and stay proven', async () => {
  const url = await server.createDatabase();
  {
    await using record = await openPostgresRecord({ ...sources(), url });
    await record.write({ events: [draft('denied', { content: { args: { note: 'ΛΟΓΟΣ. ΛΟΓΟΣx ᾳ' } } })] });
  }
  const earlier = `UPDATE audit_words SET words = array_to_tsvector(array['α', 'λογος', 'λογοσ', 'λογοσx'])`;
  await server.asSuper(earlier, url);
  await server.asSuper('UPDATE sallyport_schema SET version = 4', url);
  await using record = await openPostgresRecord({ ...sources(), url });
  const { items } = await record.listEvents({ tenant: null, limit: 10, order: 'asc', text: 'λόγος' });
  expect(items).toHaveLength(1);
  expect(await record.verify({ deep: true })).toMatchObject({ valid: true, problems: [] });
});

test('a database of a newer version is refused, and left as it is', async () => {
  const url = await server.createDatabase();
  await (await openPostgresRecord({ ...sources(), url }))[Symbol.asyncDispose]();
  await server.asSuper('UPDATE sallyport_schema SET version = 99', url);
  await expect(openPostgresRecord({ ...sources(), url })).rejects.toThrow(
    'The database has schema 99 of a newer version',
  );
  expect(await server.asSuper('SELECT version FROM sallyport_schema', url)).toEqual([{ version: 99 }]);
});

test('erased content is gone from the files of tables and indexes, and the chain verifies', async () => {
  const url = await server.createDatabase();
  await using record = await openPostgresRecord({ ...sources(), url });
  const marker = 'zq9marker';
  const event = draft('intent', {
    callId: 'call_1',
    content: { args: { note: `a ${marker} b` }, labels: { team: marker } },
  });
  await record.write(intent('call_1', { events: [event] }));
  await record.write(intent('call_2'));
  expect(await server.holds(marker)).toBe(true);
  const { places, callIds, calls, sessionIds } = await record.planErasure({ callId: 'call_1' }, 10);
  await record.write({
    events: [draft('erased', { callId: 'call_1' })],
    calls,
    clearing: { places, callIds, calls: 'emptied', sessionIds },
  });
  await record.scrub();
  expect(await server.holds(marker)).toBe(false);
  expect(await record.verify()).toMatchObject({ valid: true, problems: [] });
});
