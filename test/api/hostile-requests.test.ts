import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startServer } from '../support/server.ts';
import type { TestServer } from '../support/server.ts';

const noEngine = { DOCKER_HOST: 'unix:///nonexistent/docker.sock' };
const awsKeyId = ['AKIA', 'IOSFODNN7', 'EXAMPLQ'].join('');

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ environment: noEngine });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

describe('hostile bodies', () => {
  test('a number beyond a double is refused: it would be checked as Infinity and run as null', async () => {
    const body = '{"tool":"js_run","args":{"code":"return input","input":1e999}}';
    const answer = await server.request('POST', '/v1/calls', { body });
    expect(answer).toMatchObject({ status: 400, body: { code: 'malformed_request' } });
    expect(answer.body.detail).toContain('number');
  });

  test('scopes that are many and all different are refused at once', async () => {
    const scopes = Array.from({ length: 60_000 }, (_, index) => `s${index}`);
    const startedAt = performance.now();
    const body = { principal: 'q', tenant: 'default', roles: [], scopes };
    const answer = await server.request('POST', '/v1/keys', { body });
    expect(answer.status).toBe(400);
    expect(performance.now() - startedAt).toBeLessThan(5000);
  });

  test.each([9e15, 1e300])(
    'a key lifetime of %d ms is refused, and the list of keys can be read',
    async (ms) => {
      const body = { principal: 'long', tenant: 'default', roles: [], scopes: ['call'], expiresInMs: ms };
      const answer = await server.request('POST', '/v1/keys', { body });
      expect(answer).toMatchObject({ status: 400, body: { code: 'malformed_request' } });
      expect((await server.request('GET', '/v1/keys')).status).toBe(200);
    },
  );

  test('a secret in a label is nowhere in the answer or the record', async () => {
    const { body } = await server.call(
      'js_run',
      { code: 'return 1' },
      { labels: { note: awsKeyId, run: 'r-1' } },
    );
    expect(body.labels).toMatchObject({ run: 'r-1' });
    expect(body.labels.note).toMatch(/^\[REDACTED:aws-access-key-id:/);
    const events = await server.request('GET', `/v1/audit/events?callId=${body.id}`);
    expect(JSON.stringify(events.body)).not.toContain(awsKeyId);
    const shown = await server.request('GET', `/v1/calls/${body.id}`);
    expect(JSON.stringify(shown.body)).not.toContain(awsKeyId);
  });
});

test('a request id that is a key is not taken over: it would stay on the record for good', async () => {
  const body = { tool: 'js_run', args: { code: 'return 1' } };
  const ids = ['run-7', server.key, awsKeyId];
  const answers = await Promise.all(
    ids.map((id) => server.request('POST', '/v1/calls', { body, headers: { 'X-Request-Id': id } })),
  );
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
  const taken = answers.map(({ headers }, index) => headers.get('x-request-id') === ids[index]);
  expect(taken).toEqual([true, false, false]);
  const events = JSON.stringify((await server.request('GET', '/v1/audit/events')).body);
  expect([events.includes(server.key), events.includes(awsKeyId)]).toEqual([false, false]);
});

test('the name of a session file is not in the log, where nothing filters it', async () => {
  const path = `/v1/sessions/ses_none/files/${awsKeyId}`;
  expect((await server.request('GET', path)).status).toBe(404);
  const line = await server.logged(({ req }) => JSON.stringify(req ?? '').includes('/v1/sessions/'));
  expect(JSON.stringify(line)).toContain('/v1/sessions/…/files/…');
  expect(JSON.stringify(server.log)).not.toContain(awsKeyId);
});

test('a request target that is no URL is not an error of ours', async () => {
  const answer = await sendRaw(
    `GET http://a:99999/v1/tools HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${server.key}\r\nConnection: close\r\n\r\n`,
  );
  expect(answer.split('\r\n')[0]).toBe('HTTP/1.1 200 OK');
});

test('a path and a key that cannot be read are named', async () => {
  expect((await server.request('GET', '/v1/calls/%ff')).body).toMatchObject({
    code: 'malformed_request',
    errors: [{ pointer: 'path' }],
  });
  const headers = { 'Idempotency-Key': 'two words' };
  const body = { tool: 'js_run', args: { code: 'return 1' } };
  expect((await server.request('POST', '/v1/calls', { headers, body })).body).toMatchObject({
    code: 'malformed_request',
    errors: [{ pointer: 'Idempotency-Key' }],
  });
});

test('a forwarding header that nobody asked for leaves no stack trace on stderr', async () => {
  await using quiet = await startServer({ environment: noEngine });
  let stderr = '';
  quiet.child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const headers = { 'X-Forwarded-For': '1.2.3.4', Forwarded: 'for=1.2.3.4' };
  expect((await quiet.request('GET', '/v1/tools', { key: 'none', headers })).status).toBe(401);
  await quiet.stop();
  expect(stderr).toBe('');
});

describe('principals', () => {
  test('made twice at once with other roles come into being once', async () => {
    const answers = await Promise.all(
      [['developer'], ['analyst']].map((roles) =>
        server.request('POST', '/v1/keys', {
          body: { principal: 'twin', tenant: 'default', roles, scopes: ['call'] },
        }),
      ),
    );
    expect(answers.map(({ status }) => status).toSorted((one, other) => one - other)).toEqual([201, 409]);
  });

  test('that took over a name do not get what its former holder did from an idempotency key', async () => {
    const request = {
      body: { tool: 'js_run', args: { code: 'return "of tenant a"' } },
      headers: { 'Idempotency-Key': 'shared-1' },
    };
    const former = await server.keyFor('sam', ['developer'], ['call'], 'a');
    const first = await server.request('POST', '/v1/calls', { key: former, ...request });
    expect(first.body.result).toBe('of tenant a');
    await server.request('DELETE', `/v1/keys/${former.split('_')[1] ?? ''}`);
    const latter = await server.keyFor('sam', ['developer'], ['call'], 'b');
    const second = await server.request('POST', '/v1/calls', { key: latter, ...request });
    expect(second).toMatchObject({ status: 422, body: { code: 'idempotency_mismatch' } });
    expect(JSON.stringify(second.body)).not.toContain('of tenant a');
  });
});

test('below the disk reserve refusals are not written either: the room belongs to outcomes', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'reserve-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'tmpfs', dataDir]);
  try {
    await using full = await startServer({
      dataDir,
      environment: { ...noEngine, SALLYPORT_DISK_RESERVE_BYTES: '1GiB' },
    });
    const answer = await full.call('no_such_tool', { text: 'x'.repeat(4000) });
    expect(answer).toMatchObject({ status: 503, body: { code: 'audit_unavailable' } });
    const events = await full.request('GET', '/v1/audit/events?type=invalid');
    expect(events.body.items).toEqual([]);
  } finally {
    execFileSync('umount', ['-l', dataDir]);
    rmSync(dataDir, { recursive: true });
  }
});

test('a link that waits in the data directory is not followed when the first keys are written', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'links-'));
  const [dataDir, target] = [join(directory, 'data'), join(directory, 'target')];
  mkdirSync(dataDir);
  writeFileSync(target, 'untouched');
  symlinkSync(target, join(dataDir, 'bootstrap.key.new'));
  await using linked = await startServer({ dataDir, environment: noEngine });
  expect(readFileSync(target, 'utf8')).toBe('untouched');
  expect((await linked.request('GET', '/v1/tools')).status).toBe(200);
  await linked.stop();
  rmSync(directory, { recursive: true });
});

function sendRaw(text: string): Promise<string> {
  const { hostname, port } = new URL(server.url);
  return new Promise((done, fail) => {
    const socket = connect(Number(port), hostname, () => socket.write(text));
    let answer = '';
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
    socket.on('close', () => done(answer));
    socket.on('error', fail);
  });
}
