/** Rate limits of two real servers over a real Redis. */
import { expect, test } from 'vitest';
import { RedisServer } from '../support/redis-server.ts';
import { startServer } from '../support/server.ts';
import type { TestServer } from '../support/server.ts';

const noEngine = { DOCKER_HOST: 'unix:///nonexistent/docker.sock' };
/** As in `server.ts`. */
const failuresMax = 120;

/** Requests with a bad key; answers with the last status. */
async function fail(server: TestServer, times: number): Promise<number> {
  let status = 0;
  for (let turn = 0; turn < times; turn += 1)
    ({ status } = await server.request('GET', '/v1/tools', { key: 'nonsense' }));
  return status;
}

async function rates(server: TestServer): Promise<{ state: string; reason: string | null }> {
  const { body } = await server.request('GET', '/ready');
  return body.dependencies.find(({ name }: { name: string }) => name === 'rate-limits');
}

/** Asks until it is so; the time limit of the test bounds it. */
async function untilRates(server: TestServer, state: string): Promise<void> {
  while ((await rates(server)).state !== state);
}

test('servers of one Redis count together; without it each by itself, and again together when it is back', async () => {
  await using redis = await RedisServer.start();
  const environment = { ...noEngine, SALLYPORT_REDIS_URL: redis.url };
  await using one = await startServer({ environment });
  await using other = await startServer({ environment });
  await Promise.all([untilRates(one, 'ok'), untilRates(other, 'ok')]);

  // What a process has seen itself it also remembers itself: each of them sees that many failures once.
  expect(await fail(other, failuresMax - 1)).toBe(401);
  expect(await fail(one, 1)).toBe(401);
  expect(await fail(one, 1)).toBe(429);
  expect(await fail(other, 1)).toBe(429);

  await redis.kill();
  await untilRates(one, 'degraded');
  expect((await rates(one)).reason).toContain('counted by this process alone');
  await one.logged(({ msg }) => msg === 'rate limits are not shared');
  // Nobody is shut out, and nobody is let in for nothing.
  expect(await fail(one, failuresMax)).toBe(401);
  expect(await fail(one, 1)).toBe(429);
  expect((await one.request('GET', '/v1/tools')).status).toBe(200);

  await redis.up();
  await untilRates(one, 'ok');
  expect(await fail(one, 1)).toBe(401);
  await using third = await startServer({ environment });
  await untilRates(third, 'ok');
  expect(await fail(third, failuresMax - 1)).toBe(401);
  expect(await fail(one, 1)).toBe(429);
}, 60_000);

test('a Redis that hangs slows requests down by a moment, not for good', async () => {
  await using redis = await RedisServer.start();
  await using server = await startServer({ environment: { ...noEngine, SALLYPORT_REDIS_URL: redis.url } });
  await untilRates(server, 'ok');
  process.kill(redis.pid, 'SIGSTOP');
  expect((await server.request('GET', '/v1/tools')).status).toBe(200);
  expect((await rates(server)).state).toBe('degraded');
  process.kill(redis.pid, 'SIGCONT');
  await untilRates(server, 'ok');
});
