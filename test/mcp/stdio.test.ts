/** `sallyport mcp`: the same over standard streams, with the official client as a desktop client starts it. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eras, McpClient, mcpPolicyDirectory } from '../support/mcp.ts';
import { repository, runCli, startServer } from '../support/server.ts';
import type { TestServer } from '../support/server.ts';

let server: TestServer;
let ana = '';
beforeAll(async () => {
  server = await startServer({
    policyDir: mcpPolicyDirectory(),
    environment: { DOCKER_HOST: 'unix:///nonexistent/docker.sock' },
  });
  ana = await server.keyFor('ana', [], ['call']);
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

const command = (): string[] => [join(repository, 'src/main.ts'), 'mcp', '--url', server.url];
const environment = (key = ana) => ({ PATH: process.env['PATH'] ?? '', SALLYPORT_API_KEY: key });

test.each(eras)('%s: the tools, a call with its progress, and its end when it is taken back', async (era) => {
  const mode = era === '2025-11-25' ? 'legacy' : ({ pin: era } as const);
  await using client = new McpClient({ name: 'test', version: '1' }, { versionNegotiation: { mode } });
  await client.connect(
    new StdioClientTransport({ command: process.execPath, args: command(), env: environment() }),
  );
  expect((await client.listTools()).tools.map(({ name }) => name)).toContain('add');
  const sum = await client.callTool({ name: 'add', arguments: { a: 2, b: 3 } });
  expect(sum).toMatchObject({ isError: false, structuredContent: { sum: 5 } });
  const stop = new AbortController();
  const call = client.callTool(
    { name: 'loop', arguments: {} },
    { signal: stop.signal, onprogress: () => stop.abort() },
  );
  await expect(call).rejects.toThrow(/abort/i);
  for (;;) {
    const { body } = await server.request('GET', '/v1/calls?limit=1', { key: ana });
    if (body.items[0]?.status === 'running') continue;
    // Also when it was taken back before its code began.
    expect(body.items[0]).toMatchObject({ tool: 'loop', status: 'cancelled' });
    break;
  }
  await server.request('POST', '/v1/calls', { key: ana, body: { tool: 'add', args: { a: 1, b: 1 } } });
});

test.each([
  '[]',
  '42',
  '{"a":1}',
  '[{"jsonrpc":"2.0","id":9,"method":"ping"}]',
  '{"jsonrpc":"2.0","id":null,"method":"ping"}',
])('the line %s is answered as no message, and the next one is served', async (odd) => {
  const ping = { jsonrpc: '2.0', id: 1, method: 'ping' };
  const { code, stdout } = await runCli(
    ['mcp', '--url', server.url],
    environment(),
    `${odd}\n${JSON.stringify(ping)}\n`,
  );
  const answers = stdout
    .trim()
    .split('\n')
    .map((line): unknown => JSON.parse(line));
  expect(answers[0]).toMatchObject({ jsonrpc: '2.0', id: null, error: { code: -32600 } });
  expect(answers[1]).toMatchObject({ id: 1 });
  expect(code).toBe(0);
});

test('it ends with its input, also while somebody listens', async () => {
  const child = spawn(process.execPath, command(), {
    env: environment(),
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
    'io.modelcontextprotocol/clientCapabilities': {},
  };
  const params = { notifications: { toolsListChanged: true }, _meta: meta };
  child.stdin.write(
    `${JSON.stringify({ jsonrpc: '2.0', id: 'l', method: 'subscriptions/listen', params })}\n`,
  );
  const [line] = await Array.fromAsync(firstOf(createInterface({ input: child.stdout })));
  expect(JSON.parse(line ?? '')).toMatchObject({ method: 'notifications/subscriptions/acknowledged' });
  const ended = new Promise((done) => child.once('exit', done));
  child.stdin.end();
  expect(await ended).toBe(0);
});

test('lines that are no MCP, and requests that cannot be sent, are answered or left, never with a crash', async () => {
  const child = spawn(process.execPath, command(), {
    env: environment('spk_nobody_00000000000000000000000000000000000000000000'.slice(0, 54)),
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdin.write(
    'not json\n{"jsonrpc":"2.0","id":1,"result":{}}\n{"jsonrpc":"2.0","id":7,"method":"ping"}\n',
  );
  const [line] = await Array.fromAsync(firstOf(createInterface({ input: child.stdout })));
  expect(JSON.parse(line ?? '')).toMatchObject({
    id: 7,
    error: { code: -32000, message: expect.stringMatching(/^unauthenticated: /) },
  });
  child.stdin.end();
  expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(0);
});

test('what is asked before the input ends is answered; without a server it is said so', async () => {
  const ping = '{"jsonrpc":"2.0","id":"a","method":"ping"}\n';
  const answered = await runCli(['mcp', '--url', server.url], environment(), ping);
  expect(answered).toMatchObject({ code: 0, stdout: '{"jsonrpc":"2.0","id":"a","result":{}}\n' });
  const lost = await runCli(['mcp', '--url', 'http://127.0.0.1:9'], environment(), ping);
  expect(JSON.parse(lost.stdout)).toMatchObject({
    id: 'a',
    error: { message: expect.stringContaining('No server answers') },
  });
});

async function* firstOf(lines: AsyncIterable<string>): AsyncGenerator<string> {
  for await (const line of lines) {
    yield line;
    return;
  }
}
