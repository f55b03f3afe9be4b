/** What a hostile client can send to the MCP door. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eras, mcpPolicyDirectory, postMcp, sendMcp } from '../support/mcp.ts';
import type { RawAnswer } from '../support/mcp.ts';
import { startServer } from '../support/server.ts';
import type { TestServer } from '../support/server.ts';

let server: TestServer;
let ana = '';
let eve = '';
beforeAll(async () => {
  server = await startServer({
    policyDir: mcpPolicyDirectory(),
    environment: {
      DOCKER_HOST: 'unix:///nonexistent/docker.sock',
      SALLYPORT_PUBLIC_URL: 'https://tools.example.com',
    },
  });
  ana = await server.keyFor('ana', [], ['call']);
  eve = await server.keyFor('eve', [], ['call'], 'elsewhere');
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

const initialize = {
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } },
};
const post = (body: string, headers: Record<string, string> = {}): Promise<RawAnswer> =>
  postMcp(server, body, { Authorization: `Bearer ${ana}`, ...headers });
const list = (headers: Record<string, string>, key = ana): Promise<RawAnswer> =>
  sendMcp(server, key, '2025-11-25', { method: 'tools/list', headers });

describe('the way in', () => {
  test.each([
    ['http://evil.example', 403],
    ['http://127.0.0.1.evil.example', 403],
    ['https://tools.example.com.evil.example', 403],
    ['null', 403],
    ['not a url', 403],
    ['http://localhost:6274', 200],
    ['https://tools.example.com', 200],
  ])('a page of %s: %i', async (origin, status) => {
    expect(await list({ Origin: origin })).toMatchObject({ status });
  });

  test('without a key nothing is answered, whatever the message', async () => {
    const answer = await postMcp(server, '{"jsonrpc":"2.0","id":1,"method":"initialize"}', {});
    expect(answer).toMatchObject({ status: 401, body: { code: 'unauthenticated' } });
    const spy = await server.keyFor('spy', [], ['audit']);
    expect(await list({}, spy)).toMatchObject({ status: 403, body: { code: 'insufficient_scope' } });
  });

  test('there is nothing to get and nothing to delete', async () => {
    for (const method of ['GET', 'DELETE'])
      expect(await server.request(method, '/mcp')).toMatchObject({ status: 405 });
  });

  test('batches are not taken, however large', async () => {
    const call = { jsonrpc: '2.0', method: 'tools/call', params: { name: 'add', arguments: { a: 1, b: 1 } } };
    const batch = Array.from({ length: 5000 }, (_, id) => ({ ...call, id }));
    expect(await post(JSON.stringify(batch))).toMatchObject({
      status: 400,
      body: { error: { code: -32600 } },
    });
    expect(await post('[]')).toMatchObject({ status: 400 });
    const { body } = await server.request('GET', '/v1/calls?limit=1', { key: ana });
    expect(body.items ?? []).toEqual([]);
  });

  test.each([
    ['nothing', '', 400],
    ['no JSON', '{', 400],
    [
      'deep JSON',
      `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":${'{"a":'.repeat(100)}1${'}'.repeat(100)}}`,
      400,
    ],
    ['a number', '1', 400],
    ['a response', '{"jsonrpc":"2.0","id":1,"result":{}}', 202],
    ['a body over the cap', `{"a":"${'x'.repeat(1024 * 1024)}"}`, 413],
  ])('%s', async (_, body, status) => {
    expect(await post(body)).toMatchObject({ status });
  });

  test('another media type is not taken', async () => {
    expect(await post('{}', { 'Content-Type': 'text/plain' })).toMatchObject({ status: 415 });
  });
});

describe.each(eras)('%s', (era) => {
  test.each([
    { name: 5 },
    { name: '' },
    { name: 'x'.repeat(1000) },
    { name: '__proto__', arguments: { __proto__: 1 } },
    { name: 'add', arguments: [] },
    { name: 'add', arguments: 'a' },
    { name: 'add', arguments: JSON.parse('{"__proto__": {"a": 1}, "constructor": {}}') },
    {},
  ])('parameters of no shape run nothing and tell nothing: %j', async (params) => {
    const { body, status } = await sendMcp(server, ana, era, { method: 'tools/call', params });
    expect(status).toBeLessThan(500);
    expect(body.error?.code ?? (body.result.isError && -32602)).toBe(-32602);
    expect(JSON.stringify(body)).not.toMatch(/node_modules|\.ts:\d/);
  });

  test.each([
    'sampling/createMessage',
    'roots/list',
    'elicitation/create',
    'logging/setLevel',
    'prompts/list',
    'tasks/list',
    'resources/subscribe',
  ])('there is no %s', async (method) => {
    expect((await sendMcp(server, ana, era, { method })).body.error?.code).toBe(-32601);
  });
});

describe('sessions of 2025-11-25', () => {
  const open = async (key: string): Promise<string> => {
    const { headers } = await sendMcp(server, key, '2025-11-25', initialize);
    return headers.get('mcp-session-id') ?? '';
  };

  test('one that was made up, changed or given to somebody else is none', async () => {
    const [own, foreign] = [await open(ana), await open(eve)];
    expect(own).toMatch(/^mcp_[0-9a-f]{32}_[0-9a-f]{64}$/);
    expect(await list({ 'Mcp-Session-Id': own })).toMatchObject({ status: 200 });
    const changed = `mcp_${'0'.repeat(32)}${own.slice(36)}`;
    for (const id of [foreign, changed, 'session-of-eve', '', 'mcp_']) {
      if (id === '') continue;
      expect(await list({ 'Mcp-Session-Id': id })).toMatchObject({ status: 404 });
    }
    expect(await open(ana)).not.toBe(own);
  });

  test('a cancellation reaches the requests of its own session alone', async () => {
    const [own, second, foreign] = [await open(ana), await open(ana), await open(eve)];
    const call = sendMcp(server, ana, '2025-11-25', {
      method: 'tools/call',
      id: 7,
      params: { name: 'loop', arguments: {} },
      headers: { 'Mcp-Session-Id': own },
    });
    let running: { id: string } | undefined;
    while (running === undefined) {
      const { body } = await server.request('GET', '/v1/audit/events?type=intent&limit=1');
      running = body.items
        .filter(({ tool }: { tool: string }) => tool === 'loop')
        .map(({ callId }: { callId: string }) => ({ id: callId }))[0];
    }
    const cancel = (key: string, session: string | null, requestId: unknown): Promise<RawAnswer> =>
      sendMcp(server, key, '2025-11-25', {
        method: 'notifications/cancelled',
        id: null,
        params: { requestId },
        headers: session === null ? {} : { 'Mcp-Session-Id': session },
      });
    await cancel(eve, foreign, 7);
    await cancel(eve, null, 7);
    await cancel(ana, second, 7);
    await cancel(ana, null, 7);
    await cancel(ana, own, '7');
    await cancel(ana, own, 8);
    expect((await server.request('GET', `/v1/calls/${running.id}`)).body.status).toBe('running');
    expect((await server.request('GET', '/v1/audit/events?type=call_cancelled')).body.items).toEqual([]);
    await cancel(ana, own, 7);
    expect((await call).body.result).toMatchObject({
      isError: true,
      _meta: { 'sallyport/call': { status: 'cancelled' } },
    });
  });
});

test('2026-07-28: a client that leaves takes its call back; 2025-11-25: it does not', async () => {
  const leave = async (era: (typeof eras)[number]): Promise<string> => {
    const left = new AbortController();
    const before = (await server.request('GET', '/v1/audit/events?type=intent&limit=1')).body.items[0]
      ?.callId;
    const call = sendMcp(server, ana, era, {
      method: 'tools/call',
      params: { name: 'loop', arguments: {} },
      signal: left.signal,
    });
    for (;;) {
      const { body } = await server.request('GET', '/v1/audit/events?type=intent&limit=1');
      const callId = body.items[0]?.callId;
      if (callId === undefined || callId === before) continue;
      left.abort();
      await expect(call).rejects.toThrow(/abort/i);
      return callId;
    }
  };
  const statusOf = async (id: string): Promise<string> =>
    (await server.request('GET', `/v1/calls/${id}`)).body.status;
  const legacy = await leave('2025-11-25');
  const modern = await leave('2026-07-28');
  while ((await statusOf(modern)) === 'running');
  expect(await statusOf(modern)).toBe('cancelled');
  expect(await statusOf(legacy)).toBe('running');
  await server.request('DELETE', `/v1/calls/${legacy}`);
});

test('a client of 2025-11-25 is not promised what it cannot hear, and holds no stream', async () => {
  const hello = await sendMcp(server, ana, '2025-11-25', {
    method: 'initialize',
    params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } },
  });
  expect(hello.body.result.capabilities.tools).toEqual({});
  const answer = await sendMcp(server, ana, '2025-11-25', {
    method: 'subscriptions/listen',
    params: { notifications: { toolsListChanged: true } },
  });
  expect(answer.body.error.code).toBe(-32601);
});
