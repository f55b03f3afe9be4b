import { afterAll, beforeAll, expect, test } from 'vitest';
import { PostgresServer } from '../support/postgres-server.ts';
import { startServer } from '../support/server.ts';

let postgres: PostgresServer;
beforeAll(async () => {
  postgres = await PostgresServer.start();
});
afterAll(() => postgres[Symbol.asyncDispose]());

const call = { tool: 'js_run', args: { code: 'return 6 * 7' } };

test('a server whose PostgreSQL goes away refuses calls, says so, and takes them again by itself', async () => {
  const environment = { SALLYPORT_DATABASE_URL: await postgres.createDatabase() };
  await using server = await startServer({ environment });
  expect((await server.request('POST', '/v1/calls', { body: call })).body).toMatchObject({ result: 42 });

  await postgres.down();
  const refused = await server.request('POST', '/v1/calls', { body: call });
  expect(refused).toMatchObject({ status: 503, body: { code: 'audit_unavailable' } });
  expect(await server.request('GET', '/ready')).toMatchObject({ status: 503, body: { status: 'down' } });

  await postgres.up();
  expect((await server.request('POST', '/v1/calls', { body: call })).body).toMatchObject({ result: 42 });
  expect(await server.request('GET', '/ready')).toMatchObject({ status: 200 });
  expect((await server.request('GET', '/v1/audit/verify')).body).toMatchObject({ valid: true, problems: [] });
});

test('a server does not start, and takes no other store, when its PostgreSQL is not there or not safe', async () => {
  const url = await postgres.createDatabase();
  const starting = (databaseUrl: string) =>
    startServer({ environment: { SALLYPORT_DATABASE_URL: databaseUrl } });
  await expect(starting(url.replace(/:\d+\//, ':1/'))).rejects.toThrow('PostgreSQL does not answer');
  await expect(starting(url.replace('sallyport@', 'super@'))).rejects.toThrow('superuser');
  await expect(starting(url.replace(/[^/]+$/, 'none'))).rejects.toThrow('does not exist');
});
