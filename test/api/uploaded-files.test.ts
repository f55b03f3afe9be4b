/** `POST /v1/files` at the door: what it takes, from whom, and what stands on the record of it. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NotFound, Sallyport } from '../../src/client/index.ts';
import { repository, runCli, startServer } from '../support/server.ts';
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

function keyOf(principal: string): Promise<string> {
  return server.keyFor(principal, ['developer'], ['call']);
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

describe('an uploaded file', () => {
  test('is listed and shown to its uploader, who reads it and removes it, each on the record', async () => {
    const ida = await server.keyFor('ida', ['developer'], ['call']);
    const first = (await upload('a,b\n1,2\n', {}, ida)).body;
    const second = await upload('x', {}, ida);
    expect(second.headers.get('location')).toBe(`/v1/files/${second.body.id}`);
    const page = await server.request('GET', '/v1/files?limit=1', { key: ida });
    expect(page.body).toEqual({ items: [second.body], nextCursor: second.body.id });
    const rest = await server.request('GET', `/v1/files?cursor=${page.body.nextCursor}`, { key: ida });
    for (const path of ['/v1/files?cursor=zzz', '/v1/sessions?cursor=zzz'])
      expect((await server.request('GET', path, { key: ida })).status).toBe(400);
    expect(rest.body).toEqual({ items: [first], nextCursor: null });
    const path = `/v1/files/${first.id}`;
    expect((await server.request('GET', path, { key: ida })).body).toEqual(first);
    const content = await server.request('GET', `${path}/content`, { key: ida });
    expect(content).toMatchObject({ status: 200, body: 'a,b\n1,2\n' });
    expect(content.headers.get('sallyport-boundary')).toBe('clean');
    expect(content.headers.get('content-disposition')).toContain('attachment');
    expect((await server.request('DELETE', path, { key: ida })).status).toBe(204);
    for (const [method, gone] of [
      ['GET', path],
      ['GET', `${path}/content`],
      ['DELETE', path],
    ] as const)
      expect(await server.request(method, gone, { key: ida })).toMatchObject({
        status: 404,
        body: { code: 'not_found' },
      });
    const { items } = (await server.request('GET', '/v1/audit/events?principal=ida&order=asc')).body;
    const files = [{ id: first.id, sizeBytes: 8 }];
    expect(items.map(({ type, details }: Answer['body']) => ({ type, details }))).toEqual([
      { type: 'file_written', details: { change: 'uploaded', files } },
      {
        type: 'file_written',
        details: { change: 'uploaded', files: [{ id: second.body.id, sizeBytes: 1 }] },
      },
      { type: 'file_read', details: { what: 'upload', files } },
      { type: 'file_written', details: { change: 'removed', files } },
    ]);
  });

  test("is nobody else's, whatever their scopes", async () => {
    const { id } = (await upload('mine')).body;
    const scopes = ['call', 'audit', 'admin'];
    for (const key of [
      await server.keyFor('boss', ['developer'], scopes),
      await server.keyFor('far', ['developer'], scopes, 'red'),
    ])
      for (const [method, path] of [
        ['GET', `/v1/files/${id}`],
        ['GET', `/v1/files/${id}/content`],
        ['DELETE', `/v1/files/${id}`],
      ] as const) {
        const none = path.replace(id, 'file_01JD9Z5VQ3M8X0W2N7B4K6T1RA');
        const answers = [
          await server.request(method, path, { key }),
          await server.request(method, none, { key }),
        ].map(({ status, body: { requestId: _requestId, ...body } }) => ({ status, body }));
        expect(answers[0]).toMatchObject({ status: 404, body: { code: 'not_found' } });
        expect(answers[0]).toEqual(answers[1]);
      }
    expect((await server.request('GET', `/v1/files/${id}`)).status).toBe(200);
  });

  test('that was removed is not there for a call', async () => {
    const { id } = (await upload('x')).body;
    await server.request('DELETE', `/v1/files/${id}`);
    const answer = await server.call('python_run', { code: '1', files: [{ path: 'a', file: id }] });
    expect(answer).toMatchObject({ status: 404, body: { code: 'not_found' } });
  });

  test('leaves without what this deployment knows as a secret, and a decoy in it is told of', async () => {
    const { id } = (await upload(`host: db\npassword: ${decoy}\n`, {}, await keyOf('uma'))).body;
    const content = await server.request('GET', `/v1/files/${id}/content`, { key: await keyOf('uma') });
    expect(content).toMatchObject({
      status: 403,
      body: { code: 'content_withheld', findings: [{ detector: 'decoy:warehouse-admin' }] },
    });
    expect(JSON.stringify(content.body)).not.toContain(decoy);
    const { items } = (await server.request('GET', '/v1/audit/events?principal=uma')).body;
    expect(items.map(({ type }: Answer['body']) => type)).toEqual([
      'decoy_tripped',
      'denied',
      'file_written',
    ]);
  });

  test('can still be seen and removed, but not read, once policy gives no tool that takes files', async () => {
    const key = await keyOf('tom');
    const { id } = (await upload('x', {}, key)).body;
    for (const tool of ['python_*', 'node_run', 'shell_run'])
      await server.request('POST', '/v1/blocks', {
        body: { tool, principal: 'tom', reason: 'INC-7', expiresInMs: 600_000 },
      });
    expect(await upload('y', {}, key)).toMatchObject({ status: 403, body: { code: 'policy_denied' } });
    const content = await server.request('GET', `/v1/files/${id}/content`, { key });
    expect(content).toMatchObject({ status: 403, body: { code: 'policy_denied' } });
    expect((await server.request('GET', `/v1/files/${id}`, { key })).status).toBe(200);
    expect((await server.request('DELETE', `/v1/files/${id}`, { key })).status).toBe(204);
  });

  test('is listed, shown, read and removed by the client and the command line', async () => {
    const key = await keyOf('cora');
    const sallyport = new Sallyport({ url: server.url, apiKey: key });
    const file = await sallyport.files.upload('größe');
    expect(await sallyport.files.get(file.id)).toEqual(file);
    expect(await Array.fromAsync(sallyport.files.list())).toEqual([file]);
    expect(await sallyport.files.readText(file.id)).toBe('größe');
    const cli = (...args: string[]) =>
      runCli(['files', ...args], { SALLYPORT_URL: server.url, SALLYPORT_API_KEY: key });
    expect(JSON.parse((await cli('list')).stdout)).toEqual({ items: [file], nextCursor: null });
    expect(JSON.parse((await cli('show', file.id)).stdout)).toEqual(file);
    expect((await cli('get', file.id)).stdout).toBe('größe');
    const out = join(more, 'fetched.txt');
    expect((await cli('get', file.id, '--out', out)).code).toBe(0);
    expect(readFileSync(out, 'utf8')).toBe('größe');
    expect(await cli('get', file.id, '--out', out)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('exists already'),
    });
    expect(JSON.parse((await cli('remove', file.id)).stdout)).toEqual({ id: file.id, removed: true });
    await expect(sallyport.files.get(file.id)).rejects.toThrow(NotFound);
    await expect(sallyport.files.remove(file.id)).rejects.toThrow(NotFound);
    await expect(sallyport.files.get('../calls')).rejects.toThrow(TypeError);
  });
});

test('a call whose file holds what the boundary blocks runs nothing, and a decoy in it is told of', async () => {
  const { id } = (await upload(`password: ${decoy}`)).body;
  const { status, body } = await server.call('python_run', { code: '1', files: [{ path: 'a', file: id }] });
  expect(status).toBe(422);
  expect(body).toMatchObject({
    code: 'arguments_blocked',
    findings: [{ detector: 'decoy:warehouse-admin', where: '/files/0/text' }],
  });
  expect(
    (await server.request('GET', '/v1/audit/events?type=decoy_tripped&principal=bootstrap')).body.items,
  ).toMatchObject([
    { principal: 'bootstrap', details: { decoy: 'decoy:warehouse-admin', where: '/files/0/text' } },
  ]);
});

test('a path that leads out of /work is refused in words', async () => {
  const { body } = await server.call('python_run', { code: '1', files: [{ path: '../a', text: 'x' }] });
  expect(body).toMatchObject({ code: 'invalid_arguments', errors: [{ pointer: '/files/0/path' }] });
  expect(body.errors[0].message).toContain('Relative path under /work');
  expect(body.detail).not.toContain('^');
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
  expect(answer.body.detail).toContain(
    'an uploaded file that its arguments name has expired, was removed or was erased',
  );
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
