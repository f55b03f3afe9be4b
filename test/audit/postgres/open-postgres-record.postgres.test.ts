import { afterAll, beforeAll, expect, test } from 'vitest';
import { openPostgresRecord } from '../../../src/audit/postgres/open-postgres-record.ts';
import { draft, intent, sources } from '../../contract/record-fixtures.ts';
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
  expect(await server.asSuper('SELECT version FROM sallyport_schema', url)).toEqual([{ version: 1 }]);
  for (const record of records) await record[Symbol.asyncDispose]();
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
