/** Tools over MCP with the official client: what one sees, what a call yields, and what is on the record of it. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectMcp, eras, mcpPolicyDirectory, sendMcp } from '../support/mcp.ts';
import { startServer } from '../support/server.ts';
import type { Answer, TestServer } from '../support/server.ts';

let server: TestServer;
let ana = '';
let mia = '';
beforeAll(async () => {
  server = await startServer({
    policyDir: mcpPolicyDirectory(),
    environment: { DOCKER_HOST: 'unix:///nonexistent/docker.sock' },
  });
  ana = await server.keyFor('ana', [], ['call']);
  mia = await server.keyFor('mia', ['lead'], ['approve']);
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

/** Events of a call as the record has them, oldest first. */
async function eventsOf(callId: string): Promise<Answer['body'][]> {
  const { body } = await server.request('GET', `/v1/audit/events?callId=${callId}`);
  return body.items.toReversed();
}

function callIdOf(result: { _meta?: unknown }): string {
  return (result._meta as { 'sallyport/call': { id: string } })['sallyport/call'].id;
}

function textOf({ content }: { content?: unknown }): string {
  return (content as { type: string; text: string }[])[0]?.text ?? '';
}

async function approveFirst(): Promise<void> {
  for (;;) {
    const { body } = await server.request('GET', '/v1/approvals?status=pending', { key: mia });
    const [first] = body.items;
    if (first === undefined) continue;
    const decision = { decision: 'approve', reason: 'agreed' };
    await server.request('POST', `/v1/approvals/${first.id}`, { key: mia, body: decision });
    return;
  }
}

describe.each(eras)('%s', (era) => {
  test('a key and labels of ours come in `_meta`: it runs once, and is found again', async () => {
    await using client = await connectMcp(server, ana, era);
    const meta = { 'sallyport/idempotencyKey': `k-${era}`, 'sallyport/labels': { ticket: era } };
    const add = { name: 'add', arguments: { a: 1, b: 2 }, _meta: meta };
    const [once, again] = [await client.callTool(add), await client.callTool(add)];
    expect(callIdOf(again)).toBe(callIdOf(once));
    const listed = await server.request('GET', `/v1/calls?label=ticket%3D${era}`, { key: ana });
    expect(listed.body.items).toMatchObject([{ id: callIdOf(once), labels: { ticket: era } }]);
    const other = await client.callTool({ ...add, arguments: { a: 1, b: 3 } });
    expect(other).toMatchObject({ isError: true });
    expect(textOf(other)).toContain('idempotency_mismatch');
  });

  test.each([
    { 'sallyport/idempotencyKey': '' },
    { 'sallyport/idempotencyKey': 'a b' },
    { 'sallyport/idempotencyKey': 7 },
    { 'sallyport/labels': 'team' },
    { 'sallyport/labels': ['team'] },
    { 'sallyport/labels': { 'no name': 'x' } },
    { 'sallyport/labels': { team: 1 } },
    { 'sallyport/labels': { team: 'x'.repeat(257) } },
    { 'sallyport/labels': Object.fromEntries(Array.from({ length: 17 }, (_none, at) => [`l${at}`, 'x'])) },
  ])('%j runs nothing', async (meta) => {
    const params = { name: 'add', arguments: { a: 1, b: 2 }, _meta: meta };
    const { body } = await sendMcp(server, ana, era, { method: 'tools/call', params });
    expect(body.error).toMatchObject({ code: -32602, message: expect.stringContaining('_meta["sallyport/') });
  });

  test('lists what the HTTP API lists for the same key, in the same order, each time', async () => {
    await using client = await connectMcp(server, ana, era);
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toEqual(['add', 'echo', 'fail', 'loop', 'refund']);
    expect(await client.listTools()).toMatchObject({ tools });
    const listed = await server.request('GET', '/v1/tools?format=mcp', { key: ana });
    expect(listed.body.tools.map(({ name }: { name: string }) => name)).toEqual(
      tools.map(({ name }) => name),
    );
    expect(tools[0]).toMatchObject(listed.body.tools[0]);
    const operator = await server.keyFor(`operator-${era}`, ['operator'], ['call']);
    await using other = await connectMcp(server, operator, era);
    expect((await other.listTools()).tools.map(({ name }) => name)).toContain('hidden');
  });

  test('a result is data for programs and marked text for models, and the call is on the record as over HTTP', async () => {
    await using client = await connectMcp(server, ana, era);
    const result = await client.callTool({ name: 'add', arguments: { a: 1, b: 2 } });
    expect(result).toMatchObject({ isError: false, structuredContent: { sum: 3 } });
    expect(textOf(result)).toMatch(
      /<<UNTRUSTED ([0-9a-f]{32})>>\nresult:\n\{"sum":3\}\n<<END UNTRUSTED \1>>/,
    );
    const callId = callIdOf(result);
    const http = await server.request('POST', '/v1/calls', {
      key: ana,
      body: { tool: 'add', args: { a: 1, b: 2 } },
    });
    const kinds = async (id: string) =>
      (await eventsOf(id)).map(({ type, principal, tool, status }) => ({ type, principal, tool, status }));
    expect(await kinds(callId)).toEqual(await kinds(http.body.id));
    expect(await kinds(callId)).toMatchObject([
      { type: 'intent', principal: 'ana', tool: 'add' },
      { type: 'outcome', status: 'succeeded' },
    ]);
    expect((await server.request('GET', `/v1/calls/${callId}`, { key: ana })).body.result).toEqual({
      sum: 3,
    });
  });

  test('a denial is a result that says what would be allowed, and is on the record', async () => {
    await using client = await connectMcp(server, ana, era);
    const result = await client.callTool({ name: 'add', arguments: { a: 500, b: 2 } });
    expect(result).toMatchObject({
      isError: true,
      _meta: { 'sallyport/problem': { code: 'policy_denied', status: 403 } },
    });
    expect(result.structuredContent).toBeUndefined();
    const problem = JSON.parse(textOf(result));
    expect(problem).toEqual(result._meta?.['sallyport/problem']);
    expect(problem.nearest.args).toEqual({ a: 100, b: 2 });
    const denied = await server.request('GET', '/v1/audit/events?type=denied&limit=1');
    expect(denied.body.items).toMatchObject([
      { principal: 'ana', tool: 'add', requestId: problem.requestId },
    ]);
  });

  test('arguments that do not fit, and tools that are unknown or not to be seen, are results too', async () => {
    await using client = await connectMcp(server, ana, era);
    const misfit = await client.callTool({ name: 'add', arguments: { a: 'one', b: 5000 } });
    expect(misfit).toMatchObject({
      isError: true,
      _meta: { 'sallyport/problem': { code: 'invalid_arguments' } },
    });
    expect(JSON.parse(textOf(misfit)).errors).toHaveLength(2);
    const asked = async (name: string) => {
      const { requestId: _own, ...problem } = JSON.parse(
        textOf(await client.callTool({ name, arguments: {} })),
      );
      return JSON.stringify(problem).replaceAll(name, 'NAME');
    };
    expect(await asked('hidden')).toBe(await asked('absent'));
  });

  test('what the code throws is a result with an error, marked as the tool’s words', async () => {
    await using client = await connectMcp(server, ana, era);
    const result = await client.callTool({ name: 'fail', arguments: {} });
    expect(result).toMatchObject({ isError: true, _meta: { 'sallyport/call': { status: 'failed' } } });
    expect(textOf(result)).toMatch(/<<UNTRUSTED [^]*TypeError: no such column[^]*<<END UNTRUSTED/);
  });

  test('a result that the boundary made unfit for its schema is not given as data', async () => {
    await using client = await connectMcp(server, ana, era);
    await client.listTools();
    const fits = await client.callTool({ name: 'echo', arguments: { value: 'plain' } });
    expect(fits).toMatchObject({
      isError: false,
      structuredContent: era === '2026-07-28' ? 'plain' : { result: 'plain' },
    });
    const secret = ['AKIA', 'IOSFODNN7', 'EXAMPLQ'].join('');
    const result = await client.callTool({ name: 'echo', arguments: { value: secret } });
    expect(result.isError).toBe(true);
    expect(result.structuredContent).toBeUndefined();
    expect(JSON.stringify(result)).not.toContain(secret);
  });

  test('a call tells its progress, and ends when its client takes it back', async () => {
    await using client = await connectMcp(server, ana, era);
    const stop = new AbortController();
    const told: { progress: number; total?: number | undefined }[] = [];
    const call = client.callTool(
      { name: 'loop', arguments: {} },
      {
        signal: stop.signal,
        onprogress: (progress) => {
          told.push(progress);
          if (told.length === 2) stop.abort();
        },
      },
    );
    await expect(call).rejects.toThrow(/abort/i);
    expect(told).toMatchObject([{ total: 60_000 }, { total: 60_000 }]);
    expect(told[1]!.progress).toBeGreaterThan(told[0]!.progress);
    const { body } = await server.request('GET', '/v1/audit/events?type=call_cancelled&limit=1');
    const callId = body.items[0].callId;
    for (;;) {
      const { status } = (await server.request('GET', `/v1/calls/${callId}`)).body;
      if (status === 'running') continue;
      expect(status).toBe('cancelled');
      break;
    }
  });
});

describe('approval', () => {
  test('2026-07-28: says that it waits, and the official client gets the result once a person agreed', async () => {
    const first = await sendMcp(server, ana, '2026-07-28', {
      method: 'tools/call',
      params: { name: 'refund', arguments: { cents: 1 } },
    });
    expect(first.body.result).toEqual({
      resultType: 'input_required',
      inputRequests: {},
      requestState: expect.stringMatching(/^v1\./),
      _meta: expect.anything(),
    });
    await approveFirst();
    await using client = await connectMcp(server, ana, '2026-07-28');
    const [result] = await Promise.all([
      client.callTool({ name: 'refund', arguments: { cents: 7 } }),
      approveFirst(),
    ]);
    expect(result.isError).toBe(false);
    expect(textOf(result)).toContain('{"paid":7}');
    expect((await eventsOf(callIdOf(result))).map(({ type }) => type)).toEqual([
      'approval_requested',
      'approval_decided',
      'intent',
      'outcome',
    ]);
  });

  test('2025-11-25: the request waits for the person', async () => {
    await using client = await connectMcp(server, ana, '2025-11-25');
    const [result] = await Promise.all([
      client.callTool({ name: 'refund', arguments: { cents: 9 } }),
      approveFirst(),
    ]);
    expect(textOf(result)).toContain('{"paid":9}');
  });

  test('the state opens the call for its own principal and request alone', async () => {
    const ben = await server.keyFor('ben', [], ['call']);
    const request = { method: 'tools/call', params: { name: 'refund', arguments: { cents: 3 } } };
    const first = await sendMcp(server, ana, '2026-07-28', request);
    const { requestState } = first.body.result;
    await approveFirst();
    const again = (key: string, params: object) =>
      sendMcp(server, key, '2026-07-28', {
        ...request,
        params: { ...request.params, requestState, ...params },
      });
    const refused = { error: { code: -32602, message: 'Invalid or expired requestState' } };
    expect((await again(ben, {})).body).toMatchObject(refused);
    expect((await again(ana, { arguments: { cents: 4 } })).body).toMatchObject(refused);
    expect((await again(ana, { requestState: `${requestState}A` })).body).toMatchObject(refused);
    expect((await again(ana, { requestState: 'v1.e30.AAAA' })).body).toMatchObject(refused);
    expect((await again(ana, {})).body.result).toMatchObject({ resultType: 'complete', isError: false });
  });
});
