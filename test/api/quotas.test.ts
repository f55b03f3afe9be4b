import { expect, test } from 'vitest';
import { countIntents, policyWith, spend } from '../support/quota-clients.ts';
import { refundDirectory } from '../support/refund-policy.ts';
import { startServer } from '../support/server.ts';
import type { TestServer } from '../support/server.ts';

const noEngine = { DOCKER_HOST: 'unix:///nonexistent/docker.sock' };

test('64 clients spend exactly the limit, with the server killed in the middle and started again', async () => {
  const policyDir = policyWith('{name: all, key: tenant, unit: calls, limit: 300, window: 24h}');
  const first = await startServer({ policyDir, environment: noEngine });
  const { dataDir } = first;
  const start = async (): Promise<void> => {
    await first.stop('SIGKILL');
    servers = [await startServer({ policyDir, dataDir, environment: noEngine })];
  };
  let servers: TestServer[] = [first];
  let started = Promise.resolve();
  const succeeded = await spend({
    clients: 64,
    servers: () => servers,
    onSuccess: (count) => {
      if (count !== 100) return;
      servers = [];
      started = start();
    },
  });
  await started;
  const [again] = servers;
  if (again === undefined) throw new Error('not started again');
  await using server = again;
  expect(await countIntents(server)).toBe(300);
  expect(succeeded).toBeGreaterThan(300 - 64);
}, 60_000);

test('a used-up quota is a 429 that says which and for how long, also after a restart', async () => {
  const policyDir = policyWith('{name: three, key: principal.id, unit: calls, limit: 3, window: 1h}');
  const first = await startServer({ policyDir, environment: noEngine });
  const answers = await Promise.all(Array.from({ length: 10 }, () => first.call('wait', { ms: 0 })));
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(3);
  const refused = answers.find(({ status }) => status === 429);
  expect(refused?.body).toMatchObject({
    code: 'quota_exceeded',
    quota: 'everyone/three',
    limit: 3,
    windowMs: 3_600_000,
    retryable: true,
  });
  expect(Number(refused?.headers.get('retry-after'))).toBeGreaterThan(3000);
  expect(refused?.headers.get('ratelimit')).toMatch(/^"everyone\/three"; r=0; t=3\d{3}$/);
  expect(refused?.headers.get('ratelimit-policy')).toBe('"everyone/three"; q=3; w=3600');
  expect(first.key).not.toBe('');
  const events = await first.request('GET', '/v1/audit/events?type=quota_exceeded');
  expect(events.body.items).toHaveLength(7);
  await first.stop('SIGKILL');
  await using again = await startServer({ policyDir, dataDir: first.dataDir, environment: noEngine });
  expect((await again.call('wait', { ms: 0 })).body.code).toBe('quota_exceeded');
});

test('what a quota can never give is not asked of a person', async () => {
  const policyDir = refundDirectory({
    quotas: '{name: cents, key: principal.id, amount: args.cents, limit: 5000, window: 24h}',
  });
  await using server = await startServer({ policyDir, environment: noEngine });
  const never = await server.call('refund', { cents: 5001 });
  expect(never).toMatchObject({
    status: 429,
    body: { code: 'quota_exceeded', quota: 'payers/cents', limit: 5000, amount: 5001, retryable: false },
  });
  expect(never.headers.get('retry-after')).toBeNull();
  expect(never.headers.get('ratelimit')).toBeNull();
  const events = await server.request('GET', '/v1/audit/events?type=quota_exceeded');
  expect(events.body.items).toMatchObject([{ tool: 'refund', decision: { rule: 'large' } }]);
  const waiting = await server.call('refund', { cents: 5000 });
  expect(waiting.body).toMatchObject({ status: 'pending_approval' });
  const approver = await server.keyFor('lea', ['lead'], ['approve']);
  expect((await server.request('GET', '/v1/approvals', { key: approver })).body.items).toHaveLength(1);
});

test('what a quota can never give is no invitation to try again', async () => {
  const policyDir = policyWith('{name: four, key: principal.id, unit: wall_ms, limit: 4, window: 1h}');
  await using server = await startServer({ policyDir, environment: noEngine });
  const { status, body, headers } = await server.call('wait', { ms: 0 });
  expect({ status, ...body }).toMatchObject({
    status: 429,
    code: 'quota_exceeded',
    limit: 4,
    retryable: false,
  });
  expect(body).not.toHaveProperty('retryAfterMs');
  expect(headers.get('retry-after')).toBeNull();
});

test('a concurrent quota is given back when the call ends, and another principal has its own', async () => {
  const policyDir = policyWith('{name: one, key: principal.id, unit: concurrent, limit: 1}');
  await using server = await startServer({ policyDir, environment: noEngine });
  const other = await server.keyFor('other', [], ['call']);
  const running = server.call('wait', { ms: 1500 });
  const intents = async (): Promise<number> =>
    (await server.request('GET', '/v1/audit/events?type=intent')).body.items.length;
  while ((await intents()) === 0);
  expect((await server.call('wait', { ms: 0 })).body).toMatchObject({
    code: 'quota_exceeded',
    quota: 'everyone/one',
  });
  const theirs = await server.request('POST', '/v1/calls', {
    key: other,
    body: { tool: 'wait', args: { ms: 0 } },
  });
  expect(theirs.body.status).toBe('succeeded');
  expect((await running).body.status).toBe('succeeded');
  expect((await server.call('wait', { ms: 0 })).body.status).toBe('succeeded');
});

test('a call that provably ran nothing draws on no quota', async () => {
  const policyDir = policyWith('{name: one, key: principal.id, unit: calls, limit: 1, window: 1h}');
  await using server = await startServer({ policyDir, environment: noEngine });
  expect((await server.call('wait', { ms: -1 })).body.code).toBe('invalid_arguments');
  expect((await server.call('wait', { ms: 0 }, { limits: { timeoutMs: 999_999_999 } })).body.code).toBe(
    'limit_exceeds_policy',
  );
  expect((await server.call('wait', { ms: 0 })).body.status).toBe('succeeded');
  expect((await server.call('wait', { ms: 0 })).body.code).toBe('quota_exceeded');
});
