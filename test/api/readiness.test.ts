import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { startServer } from '../support/server.ts';
import type { TestServer } from '../support/server.ts';

let server: TestServer;
let redisPort: number;
beforeAll(async () => {
  redisPort = await freePort();
  server = await startServer({
    environment: {
      DOCKER_HOST: 'unix:///nonexistent/docker.sock',
      SALLYPORT_REDIS_URL: `redis://127.0.0.1:${redisPort}`,
    },
  });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

test('without a key: how each dependency is, since when and why in general, and nothing of where it lies', async () => {
  const { status, body } = await server.request('GET', '/ready', { key: null });
  expect(status).toBe(200);
  expect(Object.keys(body)).toEqual(['status', 'dependencies']);
  for (const dependency of body.dependencies)
    expect(Object.keys(dependency)).toEqual(['name', 'state', 'reason', 'since']);
  expect(body.dependencies).toContainEqual(
    expect.objectContaining({
      name: 'quotas',
      state: 'degraded',
      reason: 'quotas are not counted where they should be',
    }),
  );
  expect(JSON.stringify(body)).not.toContain(String(redisPort));
  expect(JSON.stringify(body)).not.toContain('docker.sock');
});

test('a key that runs calls sees no more; one of an operator sees reasons, details and the revision', async () => {
  const caller = await server.keyFor('ana', ['developer'], ['call']);
  const outline = await server.request('GET', '/ready', { key: null });
  expect((await server.request('GET', '/ready', { key: caller })).body).toEqual(outline.body);
  const auditor = await server.keyFor('ida', [], ['audit']);
  const { body } = await server.request('GET', '/ready', { key: auditor });
  expect(body.revision).toMatch(/^sha256:/);
  const quotas = body.dependencies.find(({ name }: { name: string }) => name === 'quotas');
  expect(quotas.reason).toContain(String(redisPort));
});

test('a key that is not valid is refused, and does not find out faster here', async () => {
  const key = `${server.key.slice(0, -1)}${server.key.endsWith('A') ? 'B' : 'A'}`;
  const answer = await server.request('GET', '/ready', { key });
  expect(answer).toMatchObject({ status: 401, body: { code: 'unauthenticated' } });
  expect(answer.headers.get('ratelimit')).toContain('failures');
});

test('a state is told with the time when it began, not with the time of the question', async () => {
  const first = await server.request('GET', '/ready');
  const second = await server.request('GET', '/ready');
  expect(second.body.dependencies).toEqual(first.body.dependencies);
  expect(Date.parse(first.body.dependencies[0].since)).toBeLessThanOrEqual(Date.now());
});
