import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startServer } from '../support/server.ts';

const noEngine = { DOCKER_HOST: 'unix:///nonexistent/docker.sock' };

function policyWith(quota: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'policy-'));
  writeFileSync(
    join(directory, 'policy.yaml'),
    `
apiVersion: sallyport/v1
kind: Tool
metadata: {name: wait, title: Wait, description: Waits.}
spec:
  input: {type: object, additionalProperties: false, required: [ms], properties: {ms: {type: integer, minimum: 0, maximum: 2000}}}
  runtime: {kind: isolate, code: ./wait.js}
---
apiVersion: sallyport/v1
kind: Policy
metadata: {name: everyone}
spec:
  subjects: [{}]
  rules: [{name: all, effect: allow, tools: [wait]}]
  quotas: [${quota}]
`,
  );
  writeFileSync(
    join(directory, 'wait.js'),
    'export default ({ ms }) => new Promise((done) => setTimeout(() => done(ms), ms));\n',
  );
  return directory;
}

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
  expect(first.key).not.toBe('');
  const events = await first.request('GET', '/v1/audit/events?type=quota_exceeded');
  expect(events.body.items).toHaveLength(7);
  await first.stop('SIGKILL');
  await using again = await startServer({ policyDir, dataDir: first.dataDir, environment: noEngine });
  expect((await again.call('wait', { ms: 0 })).body.code).toBe('quota_exceeded');
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
