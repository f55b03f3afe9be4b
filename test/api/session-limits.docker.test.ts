import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { buildImages } from '../support/container-calls.ts';
import { repository, startServer } from '../support/server.ts';

beforeAll(async () => await buildImages('python'), 600_000);

test('a call in a session has, and says on the record, what its container has: the least of the tools of its image', async () => {
  const policyDir = mkdtempSync(join(tmpdir(), 'session-limits-'));
  cpSync(join(repository, 'policies'), policyDir, { recursive: true });
  const tools = readFileSync(join(policyDir, 'tools', 'containers.yaml'), 'utf8').split(/^---$/m);
  const python = tools.find((part) => part.includes('name: python_run')) ?? '';
  const small = python
    .replace('name: python_run', 'name: python_small')
    .replace(/memory: \w+/, 'memory: 64MiB')
    .replace(/pids: \d+/, 'pids: 16');
  writeFileSync(join(policyDir, 'tools', 'small.yaml'), small);
  await using server = await startServer({ policyDir });
  const size = { memoryMiB: 64, pids: 16 };
  const session = await server.request('POST', '/v1/sessions', { body: { image: 'python' } });
  expect(session.body.limits).toMatchObject(size);
  const body = { tool: 'python_run', args: { code: '1' }, session: session.body.id };
  const call = await server.request('POST', '/v1/calls', { body });
  expect(call.body).toMatchObject({ status: 'succeeded', limits: size });
  const intents = await server.request('GET', '/v1/audit/events?type=intent');
  expect(intents.body.items).toMatchObject([{ callId: call.body.id, details: { limits: size } }]);
  expect((await server.request('POST', '/v1/decisions', { body })).body.limits).toMatchObject(size);
  rmSync(policyDir, { recursive: true });
});
