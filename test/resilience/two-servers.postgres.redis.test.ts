import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PostgresServer } from '../support/postgres-server.ts';
import { RedisServer } from '../support/redis-server.ts';
import { refundDirectory } from '../support/refund-policy.ts';
import { runCli, startServer } from '../support/server.ts';
import type { Answer, TestServer } from '../support/server.ts';

let postgres: PostgresServer;
let redis: RedisServer;
beforeAll(async () => {
  [postgres, redis] = await Promise.all([PostgresServer.start(), RedisServer.start()]);
});
afterAll(async () => {
  await postgres[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

const sharedKeys = ['data.key', 'sealing.key', 'signing.key'];

interface Pair extends AsyncDisposable {
  readonly url: string;
  readonly a: TestServer;
  readonly b: TestServer;
}

/** Two servers whose calls run until they are ended. */
async function startPair(): Promise<Pair> {
  const url = await postgres.createDatabase();
  const policyDir = refundDirectory({ slow: true });
  const environment = {
    DOCKER_HOST: 'unix:///nonexistent/docker.sock',
    SALLYPORT_DATABASE_URL: url,
    SALLYPORT_REDIS_URL: redis.url,
  };
  const a = await startServer({ policyDir, environment: { ...environment, SALLYPORT_NODE_ID: 'a' } });
  const dataDir = mkdtempSync(join(tmpdir(), 'second-'));
  for (const name of sharedKeys) copyFileSync(join(a.dataDir, name), join(dataDir, name));
  const b = await startServer({
    policyDir,
    dataDir,
    environment: { ...environment, SALLYPORT_NODE_ID: 'b' },
  });
  return {
    url,
    a,
    b,
    async [Symbol.asyncDispose]() {
      await b[Symbol.asyncDispose]();
      await a[Symbol.asyncDispose]();
      rmSync(dataDir, { recursive: true });
    },
  };
}

function ask(
  server: TestServer,
  key: string,
  cents: number,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const body = { tool: 'refund', args: { cents } };
  return server.request('POST', '/v1/calls', {
    key,
    body,
    headers: { Prefer: 'respond-async', ...headers },
  });
}

/** Asks until the answer fits; bounded by the test's own time limit. */
async function until(look: () => Promise<Answer>, fits: (body: Answer['body']) => boolean): Promise<Answer> {
  for (;;) {
    const answer = await look();
    if (fits(answer.body)) return answer;
  }
}

test('two servers on one database: one record, approvals, keys, blocks and cancellations shared', async () => {
  await using pair = await startPair();
  const { a, b, url } = pair;
  const admin = a.key;
  const ana = await a.keyFor('ana', [], ['call']);
  const mia = await b
    .request('POST', '/v1/keys', {
      key: admin,
      body: { principal: 'mia', tenant: 'default', roles: ['lead'], scopes: ['approve'] },
    })
    .then(({ body }) => String(body.secret));

  // Asked on one, approved on the other, which runs it; followed and ended on the first.
  const asked = await ask(a, ana, 5000);
  expect(asked.body).toMatchObject({ status: 'pending_approval' });
  const { id, approval } = asked.body;
  const decision = { decision: 'approve', reason: 'fine' };
  const approved = await b.request('POST', `/v1/approvals/${approval.id}`, { key: mia, body: decision });
  expect(approved).toMatchObject({ status: 200, body: { call: { status: 'running' } } });
  const again = await a.request('POST', `/v1/approvals/${approval.id}`, { key: mia, body: decision });
  expect(again.body).toMatchObject({ code: 'approval_settled' });
  const followed = a.request('GET', `/v1/calls/${id}/events`, { key: ana });
  expect((await a.request('DELETE', `/v1/calls/${id}`, { key: ana })).status).toBeLessThan(300);
  expect(String((await followed).body)).toContain('"status":"cancelled"');

  const headers = { 'Idempotency-Key': 'order-17' };
  const first = await ask(a, ana, 10, headers);
  expect(await ask(b, ana, 10, headers)).toMatchObject({
    status: 409,
    body: { code: 'idempotency_in_flight', callId: first.body.id },
  });
  await b.request('DELETE', `/v1/calls/${first.body.id}`, { key: ana });
  await until(
    () => b.request('GET', `/v1/calls/${first.body.id}`, { key: ana }),
    ({ status }) => status === 'cancelled',
  );
  expect(await ask(b, ana, 10, headers)).toMatchObject({ body: { id: first.body.id, status: 'cancelled' } });

  const block = { tool: 'refund', reason: 'INC-1', expiresInMs: 60_000 };
  expect(await a.request('POST', '/v1/blocks', { body: block })).toMatchObject({ status: 201 });
  await until(
    () => b.request('GET', '/v1/blocks', { key: admin }),
    ({ items }) => items.length === 1,
  );
  expect(await ask(b, ana, 10)).toMatchObject({ status: 403, body: { code: 'policy_denied' } });

  const { code, stdout } = await runCli(['audit', 'verify', '--offline', '--json'], {
    SALLYPORT_DATABASE_URL: url,
  });
  const report = JSON.parse(stdout) as { valid: boolean; writers: { writer: string }[] };
  expect(code).toBe(0);
  expect(report).toMatchObject({ valid: true, problems: [], trust: 'self-signed' });
  expect(report.writers.map(({ writer }) => writer).toSorted()).toEqual(['a/api-1', 'b/api-1']);
}, 60_000);

test('what a killed server left open is closed by the other, and both chains verify', async () => {
  await using pair = await startPair();
  const { a, b, url } = pair;
  const ana = await a.keyFor('ana', [], ['call']);
  const { body } = await ask(a, ana, 10);
  expect(body).toMatchObject({ status: 'running' });
  await a.stop('SIGKILL');
  await postgres.asSuper(
    `UPDATE writers SET seen_at = now() - interval '2 minutes' WHERE writer = 'a/api-1'`,
    url,
  );
  await b.logged(({ msg }) => msg === 'open calls of a node that fell silent closed');
  const look = await b.request('GET', `/v1/calls/${body.id}`, { key: ana });
  expect(look.body).toMatchObject({ status: 'unknown', error: { name: 'Lost' } });
  const verified = await runCli(['audit', 'verify', '--offline'], { SALLYPORT_DATABASE_URL: url });
  expect(verified).toMatchObject({ code: 0 });
}, 60_000);
