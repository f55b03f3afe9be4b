import { afterAll, beforeAll, expect, test } from 'vitest';
import { countIntents, policyWith, spend } from '../support/quota-clients.ts';
import { RedisServer } from '../support/redis-server.ts';
import { startServer } from '../support/server.ts';
import type { TestServer } from '../support/server.ts';

let redis: RedisServer;
beforeAll(async () => {
  redis = await RedisServer.start();
});
afterAll(() => redis[Symbol.asyncDispose]());

function start(policyDir: string, dataDir?: string, url = redis.url): Promise<TestServer> {
  const environment = { DOCKER_HOST: 'unix:///nonexistent/docker.sock', SALLYPORT_REDIS_URL: url };
  return startServer({ policyDir, environment, ...(dataDir === undefined ? {} : { dataDir }) });
}

test('64 clients on two servers spend exactly the limit, with one server killed in the middle and started again', async () => {
  await redis.command('FLUSHALL');
  const policyDir = policyWith('{name: shared, key: tenant, unit: calls, limit: 400, window: 24h}');
  await using steady = await start(policyDir);
  const victim = await start(policyDir);
  let servers = [steady, victim];
  let killed: Promise<unknown> = Promise.resolve();
  const succeeded = await spend({
    clients: 64,
    servers: () => servers,
    onSuccess: (count) => {
      if (count !== 150) return;
      killed = victim.stop('SIGKILL');
      servers = [steady];
    },
  });
  await killed;
  // What was leased and never became an intent is spent until the server that lost it is back.
  await using again = await start(policyDir, victim.dataDir);
  const after = await spend({ clients: 64, servers: () => [steady, again] });
  const [ours, theirs] = [await countIntents(steady), await countIntents(again)];
  expect(ours + theirs).toBe(400);
  expect(ours).toBeGreaterThan(0);
  expect(theirs).toBeGreaterThan(0);
  expect(succeeded + after).toBeLessThanOrEqual(400);
  expect(succeeded + after).toBeGreaterThan(400 - 64);
}, 60_000);

test('what a killed server held comes free by itself', async () => {
  await redis.command('FLUSHALL');
  const policyDir = policyWith('{name: at-once, key: tenant, unit: concurrent, limit: 2}');
  await using steady = await start(policyDir);
  const victim = await start(policyDir);
  const running = [1, 2].map(() => victim.call('wait', { ms: 60_000 }).catch(() => null));
  while ((await countIntents(victim)) < 2);
  expect((await steady.call('wait', { ms: 0 })).body).toMatchObject({
    code: 'quota_exceeded',
    quota: 'everyone/at-once',
  });
  await victim.stop('SIGKILL');
  const killedAtMs = performance.now();
  expect(await Promise.all(running)).toEqual([null, null]);
  while ((await steady.call('wait', { ms: 0 })).status !== 200);
  expect(performance.now() - killedAtMs).toBeGreaterThan(10_000);
}, 60_000);

test('Redis lost: quotas do what they say, and /ready, the record, the log and a metric say so, until it is back', async () => {
  await using own = await RedisServer.start();
  const policyDir = policyWith(
    '{name: strict, key: "args.ms == 1 ? \'one\' : principal.id", unit: calls, limit: 100, window: 1h}',
  );
  const lenient = policyWith(
    '{name: local, key: tenant, unit: calls, limit: 3, window: 1h, onStoreLoss: local}',
  );
  await using strict = await start(policyDir, undefined, own.url);
  await using local = await start(lenient, undefined, own.url);
  expect((await local.call('wait', { ms: 0 })).status).toBe(200);
  expect(await quotas(strict)).toMatchObject({
    name: 'quotas',
    state: 'ok',
    reason: null,
    since: expect.any(String),
    details: { store: 'redis' },
  });
  expect((await strict.request('GET', '/metrics')).body).toContain('sallyport_quota_store_up 1');
  await own.kill();
  await strict.logged(({ msg }) => msg === 'quota store lost');
  await local.logged(({ msg }) => msg === 'quota store lost');
  const refused = await strict.call('wait', { ms: 0 });
  expect(refused).toMatchObject({
    status: 503,
    body: { code: 'quota_unavailable', quota: 'everyone/strict', retryable: true },
  });
  expect(refused.headers.get('retry-after')).toBe('1');
  const answers = [];
  for (let call = 0; call < 3; call++) answers.push((await local.call('wait', { ms: 0 })).status);
  expect(answers).toEqual([200, 200, 429]);
  expect((await strict.request('GET', '/ready')).body.status).toBe('degraded');
  expect(await quotas(strict)).toMatchObject({
    state: 'degraded',
    reason: expect.stringContaining('Redis: '),
  });
  const metrics = String((await strict.request('GET', '/metrics')).body);
  expect(metrics).toContain('sallyport_quota_store_up 0');
  expect(metrics).toContain('sallyport_quota_store_lost_total 1');
  await own.up();
  await strict.logged(({ msg }) => msg === 'quota store back');
  await local.logged(({ msg }) => msg === 'quota store back');
  expect((await strict.call('wait', { ms: 0 })).status).toBe(200);
  expect((await local.call('wait', { ms: 0 })).status).toBe(429);
  expect((await quotas(strict))?.state).toBe('ok');
  const { items } = (await strict.request('GET', '/v1/audit/events?type=quota_store_changed&order=asc')).body;
  expect(items).toMatchObject([
    { details: { store: 'redis', state: 'lost', reason: expect.stringContaining('Redis: ') } },
    { details: { store: 'redis', state: 'ok' } },
  ]);
  const denied = (await strict.request('GET', '/v1/audit/events?type=quota_exceeded')).body.items;
  expect(denied).toMatchObject([
    { status: 'quota_unavailable', details: { code: 'quota_unavailable', quota: 'everyone/strict' } },
  ]);
}, 60_000);

async function quotas(
  server: TestServer,
): Promise<{ readonly state: string; readonly reason: string | null } | undefined> {
  const { dependencies } = (await server.request('GET', '/ready')).body;
  return dependencies.find(({ name }: { name: string }) => name === 'quotas');
}
