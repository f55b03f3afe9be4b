/** What stands in the log, and what cannot get there. */
import { cpSync, mkdtempSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { connectMcp } from '../support/mcp.ts';
import { repository, startServer } from '../support/server.ts';
import type { LogLine, TestServer } from '../support/server.ts';

const canary = ['AKIA', 'IOSFODNN7', 'EXAMPLQ'].join('');
/** Has no form: known only because the configuration says that it is a secret. */
const password = 'correct-horse-battery';
const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';

const noEngine = { DOCKER_HOST: 'unix:///nonexistent/docker.sock' };

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ environment: noEngine });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

/** The line of the request that was answered with this id. */
function lineOf({ headers }: { headers: Headers }): Promise<LogLine> {
  const requestId = headers.get('x-request-id');
  return server.logged((line) => line.msg === 'request completed' && line['requestId'] === requestId);
}

test('one line a request says who called what, what came of it and how long it took', async () => {
  const headers = { traceparent: `00-${traceId}-00f067aa0ba902b7-01` };
  const body = { tool: 'js_run', args: { code: 'return 1' } };
  const answer = await server.request('POST', '/v1/calls', { body, headers });
  expect(await lineOf(answer)).toEqual({
    level: 'info',
    time: expect.any(String),
    process: 'api',
    pid: server.child.pid,
    requestId: answer.headers.get('x-request-id'),
    traceId,
    principal: 'bootstrap',
    key: 'boot',
    tool: 'js_run',
    callId: answer.body.id,
    outcome: 'succeeded',
    req: { method: 'POST', path: '/v1/calls', address: '127.0.0.1' },
    res: { status: 200 },
    latencyMs: expect.any(Number),
    msg: 'request completed',
  });
});

test('a call that came in by MCP is told alike', async () => {
  await using client = await connectMcp(server, server.key, '2026-07-28');
  await client.callTool({ name: 'js_run', arguments: { code: 'return 1' } });
  const line = await server.logged(({ req, tool }) => isAtMcp(req) && tool === 'js_run');
  expect(line).toMatchObject({ outcome: 'succeeded', callId: expect.stringMatching(/^call_/) });
});

const isAtMcp = (req: unknown): boolean => (req as { path?: string } | undefined)?.path === '/mcp';

test('a refusal says its code; what the caller made up is not in it', async () => {
  const answer = await server.call(`${canary}_run`, {});
  const line = await lineOf(answer);
  expect(line).toMatchObject({ level: 'info', outcome: 'unknown_tool', res: { status: 404 } });
  expect(line).not.toHaveProperty('tool');
});

test('paths keep what is ours, ids too, and nothing else', async () => {
  const call = await server.call('js_run', { code: 'return 1' });
  const known = await server.request('GET', `/v1/calls/${call.body.id}?view=model`);
  expect(await lineOf(known)).toMatchObject({ req: { path: `/v1/calls/${call.body.id}` } });
  const unknown = await server.request('GET', `/v1/sessions/${canary}/files/a/${canary}?q=${canary}`);
  expect(await lineOf(unknown)).toMatchObject({ req: { path: '/v1/sessions/…/files/…/…' } });
});

test('no canary gets into the log, whichever way it comes', async () => {
  const asHeader = (name: string) => ({ [name]: canary });
  const body = { tool: 'js_run', args: { code: 'return 1' } };
  const js = (code: string) => server.call('js_run', { code });
  await Promise.all([
    server.request('GET', `/${canary}`),
    server.request('GET', `/v1/calls/${canary}?cursor=${canary}`),
    server.request('GET', `/v1/calls?${canary}=1`, { key: null }),
    server.request('GET', '/v1/tools', { key: canary }),
    server.request('GET', '/v1/tools', { key: `${server.key.slice(0, -1)}A` }),
    ...['cookie', 'x-request-id', 'traceparent', 'user-agent', 'referer', 'prefer', 'x-forwarded-for'].map(
      (name) => server.request('POST', '/v1/calls', { body, headers: asHeader(name) }),
    ),
    server.request('POST', '/v1/calls', { body, headers: { 'Idempotency-Key': canary } }),
    server.request('POST', '/v1/calls', { body: `{"tool": "js_run", ${canary}}` }),
    server.request('POST', '/v1/calls', { body: { ...body, [canary]: canary } }),
    server.request('POST', '/v1/calls', { body: { ...body, labels: { note: canary } } }),
    js(`return '${canary}'`),
    js(`console.log('${canary}'); console.error('${canary}'); throw new Error('${canary}')`),
    js(`syntax error ${canary}`),
    raw(`GET /v1/${canary} HTTP/1.1\r\nHost: ${canary}\r\n${canary}\r\n\r\n`),
  ]);
  const last = await server.request('GET', '/v1/tools');
  await lineOf(last);
  const log = JSON.stringify(server.log);
  expect(log).not.toContain(canary);
  expect(log).not.toContain(server.key);
  expect(log).not.toContain(server.key.slice(9, -1));
});

test('secrets of the configuration are in no line, though Redis cannot be reached and many say so', async () => {
  const url = `redis://user:${password}@127.0.0.1:${await freePort()}`;
  await using own = await startServer({ environment: { ...noEngine, SALLYPORT_REDIS_URL: url } });
  await own.logged(({ dependency }) => dependency === 'quotas');
  expect(JSON.stringify(own.log)).toContain('Redis');
  expect(JSON.stringify(own.log)).not.toContain(password);
});

test('a secret in a policy file with a mistake is not in the words about the mistake', async () => {
  const policyDir = mkdtempSync(join(tmpdir(), 'policy-'));
  cpSync(join(repository, 'policies'), policyDir, { recursive: true });
  await using own = await startServer({ policyDir, environment: noEngine });
  writeFileSync(join(policyDir, 'mistake.yaml'), `kind: Policy\n${canary}: ${canary}\n`);
  await own.request('POST', '/v1/policy/reload');
  await own.logged(({ msg }) => msg === 'policy rejected');
  expect(JSON.stringify(own.log)).not.toContain(canary);
});

test('a flood without keys fills no disk: so many lines, then one that counts the rest', async () => {
  await using own = await startServer({ environment: noEngine });
  for (let turn = 0; turn < 30; turn += 1)
    await Promise.all(
      Array.from({ length: 20 }, () =>
        raw(`GET /x${turn} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`, own.url),
      ),
    );
  await own.stop();
  // The one that the suite asks for the document is no part of it.
  const lines = own.log.filter(
    ({ msg, req }) =>
      msg === 'request completed' && (req as { path: string } | undefined)?.path !== '/openapi.json',
  );
  expect(lines.length).toBeLessThan(500);
  const counted = own.log.filter(({ msg }) => msg === 'lines left out').map(({ count }) => Number(count));
  expect(lines.length + counted.reduce((sum, count) => sum + count, 0)).toBe(600);
});

test('a log that nobody reads any more stops nothing', async () => {
  await using own = await startServer({ environment: noEngine });
  own.child.stdout?.destroy();
  for (let turn = 0; turn < 3; turn += 1)
    expect((await own.call('js_run', { code: 'return 1' })).body.result).toBe(1);
  expect(await own.stop()).toEqual({ code: 0, signal: null });
});

/** Sends bytes as they are; resolves when the server has ended the connection. */
function raw(text: string, url = server.url): Promise<void> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.end(text));
    socket
      .on('error', reject)
      .on('close', () => resolve())
      .resume();
  });
}
