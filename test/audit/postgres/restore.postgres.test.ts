import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openPostgresRecord } from '../../../src/audit/postgres/open-postgres-record.ts';
import { PostgresServer, program } from '../../support/postgres-server.ts';
import { draft, intent, outcome, sources } from '../../contract/record-fixtures.ts';

let server: PostgresServer;
beforeAll(async () => {
  server = await PostgresServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());

/** As `sallyport backup --help` says it. */
function dump(url: string): string {
  return execFileSync(program('pg_dump'), ['--no-owner', url], { encoding: 'utf8', stdio: 'pipe' });
}

test('a dump that was taken while the record is written is restored whole, and goes on with its chain', async () => {
  const url = await server.createDatabase();
  const content = { args: { note: 'kept in the dump' } };
  await using record = await openPostgresRecord({ ...sources(), url });
  await record.write(intent('call_1', { events: [draft('intent', { callId: 'call_1', content })] }));
  // The role of the server does not see content without more, and must not leave it out in silence.
  expect(() => dump(url)).toThrow('row-level security');
  const text = dump(url.replace('//sallyport@', '//super@'));
  await record.write(outcome('call_1'));

  const restored = await server.createDatabase();
  execFileSync(program('psql'), ['--quiet', '--set=ON_ERROR_STOP=1', restored], {
    input: text,
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  await using again = await openPostgresRecord({ ...sources(undefined, 1_000), url: restored });
  const { items } = await again.listEvents({ tenant: null, limit: 10, order: 'asc', text: 'kept' });
  expect(items).toMatchObject([{ callId: 'call_1', content }]);
  expect(await again.getCall('call_1')).toMatchObject({ call: { status: 'running' } });
  await again.write(outcome('call_1'));
  expect(await again.verify({ deep: true })).toMatchObject({
    valid: true,
    deep: true,
    events: 2,
    problems: [],
  });
});
