/** `POST /v1/files` at the door: what it takes, from whom, and what stands on the record of it. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startServer } from '../support/server.ts';
import type { Answer, TestServer } from '../support/server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer({
    environment: { DOCKER_HOST: 'unix:///nonexistent/docker.sock', SALLYPORT_MAX_FILE_BYTES: '2MiB' },
  });
});
afterAll(() => server[Symbol.asyncDispose]());

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
