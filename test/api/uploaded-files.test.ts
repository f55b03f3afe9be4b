/** `POST /v1/files` at the door: what it takes, from whom, and what stands on the record of it. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { repository, startServer } from '../support/server.ts';
import type { Answer, TestServer } from '../support/server.ts';

const decoy = 'kX9-warehouse-admin-2f81';
const more = mkdtempSync(join(tmpdir(), 'uploaded-'));
writeFileSync(
  join(more, 'more.yaml'),
  `apiVersion: sallyport/v1
kind: Credential
metadata: {name: warehouse_admin}
spec: {from: {env: WAREHOUSE_DECOY}, decoy: true}
---
apiVersion: sallyport/v1
kind: Policy
metadata: {name: careful}
spec:
  subjects: [{roles: [developer]}]
  rules:
    - {name: ask, effect: require_approval, tools: [shell_run], approval: {approvers: [{ids: [approver]}], expires: 1h}}
`,
);

let server: TestServer;
beforeAll(async () => {
  server = await startServer({
    policyDir: `${join(repository, 'policies')}:${more}`,
    environment: {
      DOCKER_HOST: 'unix:///nonexistent/docker.sock',
      SALLYPORT_MAX_FILE_BYTES: '2MiB',
      SALLYPORT_AUDIT_MIN_RETENTION_DAYS: '0',
      WAREHOUSE_DECOY: decoy,
    },
  });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(more, { recursive: true });
});

function upload(body: string, headers: Record<string, string> = {}, key?: string): Promise<Answer> {
  return server.request('POST', '/v1/files', {
    body,
    headers: { 'Content-Type': 'application/octet-stream', ...headers },
    ...(key === undefined ? {} : { key }),
  });
}

test('a file is stored, larger than the body of any other request, and on the record without its digest in the chain', async () => {
  const content = 'a,b\n'.repeat(400_000);
  const sha256 = createHash('sha256').update(content).digest('hex');
  const { status, body } = await upload(content, { 'X-Request-Id': 'large' });
  expect({ status, body }).toEqual({
    status: 201,
    body: {
      id: expect.stringMatching(/^file_[0-9A-Z]{26}$/),
      sizeBytes: 1_600_000,
      sha256,
      expiresAt: expect.any(String),
    },
  });
  const files = [{ id: body.id, sizeBytes: 1_600_000 }];
  const { items } = (await server.request('GET', '/v1/audit/events?requestId=large')).body;
  expect(items).toMatchObject([
    {
      type: 'file_written',
      principal: 'bootstrap',
      details: { change: 'uploaded', files },
      content: { files: [{ ...files[0], sha256 }] },
    },
  ]);
  expect(JSON.stringify(items[0].details)).not.toContain(sha256);
  expect((await server.request('GET', '/v1/audit/verify')).body).toMatchObject({ valid: true });
});

test('a file of nothing is one, and a second upload is another', async () => {
  const first = await upload('');
  const second = await upload('');
  expect([first.body.sizeBytes, first.body.id === second.body.id]).toEqual([0, false]);
});

test.each([
  ['too many bytes', () => upload('x'.repeat(2 * 1024 * 1024 + 1)), 413, 'payload_too_large'],
  ['bytes that are packed', () => upload('x', { 'Content-Encoding': 'gzip' }), 415, 'unsupported_media_type'],
  ['a query', () => server.request('POST', '/v1/files?name=x', { body: 'x' }), 400, 'malformed_request'],
  ['no key', () => server.request('POST', '/v1/files', { key: null, body: 'x' }), 401, 'unauthenticated'],
] as const)('%s: %#', async (_what, ask, status, code) => {
  const before = (await server.request('GET', '/v1/audit/events?type=file_written')).body.items.length;
  expect(await ask()).toMatchObject({ status, body: { code } });
  expect((await server.request('GET', '/v1/audit/events?type=file_written')).body.items).toHaveLength(before);
});

test('a key without the scope call uploads nothing', async () => {
  const auditor = await server.keyFor('aud', [], ['audit']);
  expect(await upload('x', {}, auditor)).toMatchObject({ status: 403, body: { code: 'insufficient_scope' } });
});

test('a call whose file holds what the boundary blocks runs nothing, and a decoy in it is told of', async () => {
  const { id } = (await upload(`password: ${decoy}`)).body;
  const { status, body } = await server.call('python_run', { code: '1', files: [{ path: 'a', file: id }] });
  expect(status).toBe(422);
  expect(body).toMatchObject({
    code: 'arguments_blocked',
    findings: [{ detector: 'decoy:warehouse-admin', where: '/files/0/text' }],
  });
  expect((await server.request('GET', '/v1/audit/events?type=decoy_seen')).body.items).toMatchObject([
    { principal: 'bootstrap', details: { decoy: 'decoy:warehouse-admin', where: '/files/0/text' } },
  ]);
});

test('a call that waited is void once its file was erased, and the request for approval says which file it was', async () => {
  const ana = await server.keyFor('ana', ['developer'], ['call']);
  const { id } = (await upload('echo hi', {}, ana)).body;
  const args = { script: 'sh a', files: [{ path: 'a', file: id }] };
  const waiting = await server.request('POST', '/v1/calls', { key: ana, body: { tool: 'shell_run', args } });
  expect(waiting).toMatchObject({ status: 202, body: { status: 'pending_approval' } });
  const { events } = (await server.request('GET', `/v1/audit/calls/${waiting.body.id}`)).body;
  expect(events[0]).toMatchObject({ type: 'approval_requested', details: { files: [{ id, sizeBytes: 7 }] } });
  const sooner = await server.request('POST', '/v1/calls', {
    key: ana,
    body: { tool: 'python_run', args: { code: '1', files: args.files } },
  });
  expect(sooner).toMatchObject({ status: 503, body: { code: 'runtime_unavailable' } });
  const why = { reason: 'r', legalBasis: 'l', ticket: 't' };
  await server.request('POST', '/v1/audit/erasures', { body: { callId: sooner.body.callId, ...why } });
  const key = readFileSync(join(server.dataDir, 'approver.key'), 'utf8').trim();
  const answer = await server.request('POST', `/v1/approvals/${waiting.body.approval.id}`, {
    key,
    body: { decision: 'approve', reason: 'fine' },
  });
  expect(answer).toMatchObject({ status: 409, body: { code: 'approval_settled' } });
  expect(answer.body.detail).toContain('an uploaded file that its arguments name has expired or was erased');
});

test('a file that was acknowledged is there after the server was killed', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'uploaded-killed-'));
  const environment = { DOCKER_HOST: 'unix:///nonexistent/docker.sock' };
  const first = await startServer({ dataDir, environment });
  const { id } = (await first.request('POST', '/v1/files', { body: 'x' })).body;
  await first.stop('SIGKILL');
  {
    await using second = await startServer({ dataDir, environment });
    const answer = await second.call('python_run', { code: '1', files: [{ path: 'a', file: id }] });
    // It was found: without an engine, nothing else is missing.
    expect(answer).toMatchObject({ status: 503, body: { code: 'runtime_unavailable' } });
    expect((await second.request('GET', '/v1/audit/verify')).body).toMatchObject({ valid: true });
  }
  rmSync(dataDir, { recursive: true });
});
