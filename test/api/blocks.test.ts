/** The kill switch through the real server, and through the command line. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runCli, startServer } from '../support/server.ts';
import type { TestServer } from '../support/server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ environment: { DOCKER_HOST: 'unix:///nonexistent/docker.sock' } });
});
afterAll(() => server[Symbol.asyncDispose]());

const cli = (...args: string[]) => runCli(args, { SALLYPORT_URL: server.url, SALLYPORT_API_KEY: server.key });

async function readyBlocks(): Promise<unknown> {
  const { body } = await server.request('GET', '/ready');
  return (body.dependencies as { name: string }[]).find(({ name }) => name === 'blocks') ?? null;
}

test('blocked calls are denied at once, on the record, until the block is removed', async () => {
  const body = { tool: 'js_*', principal: 'bootstrap', reason: 'INC-1', expiresInMs: 60_000 };
  const added = await server.request('POST', '/v1/blocks', { body });
  expect(added.status).toBe(201);
  const { id, expiresAt } = added.body;
  const message = `An operator has blocked calls of js_run until ${expiresAt} (${id}).`;
  const denied = await server.call('js_run', { code: 'return 1' });
  expect(denied).toMatchObject({
    status: 403,
    body: { code: 'policy_denied', policy: null, rule: `block:${id}`, detail: message, reasons: [message] },
  });
  expect(denied.body.detail).not.toContain('INC-1');
  const asked = await server.request('POST', '/v1/decisions', {
    body: { tool: 'js_run', args: { code: '1' } },
  });
  expect(asked.body).toMatchObject({ effect: 'deny', rule: `block:${id}` });
  expect(await readyBlocks()).toMatchObject({
    state: 'degraded',
    reason: expect.stringMatching(/^1 block is in force/),
  });

  const other = await server.keyFor('dev2', ['developer'], ['call']);
  const free = await server.request('POST', '/v1/calls', {
    key: other,
    body: { tool: 'js_run', args: { code: 'return 1' } },
  });
  expect(free.body.status).toBe('succeeded');
  expect((await server.call('csv_profile', { text: 'a\n1\n' })).body.status).toBe('succeeded');

  expect((await server.request('DELETE', `/v1/blocks/${id}`)).status).toBe(204);
  expect((await server.call('js_run', { code: 'return 1' })).body.status).toBe('succeeded');
  expect(await readyBlocks()).toBeNull();
  expect((await server.request('DELETE', `/v1/blocks/${id}`)).status).toBe(404);
  const events = await server.request('GET', `/v1/audit/events?rule=block:${id}`);
  expect(events.body.items).toMatchObject([
    {
      type: 'denied',
      decision: { effect: 'deny', policy: null, rule: `block:${id}`, matched: [`block:${id}`] },
    },
  ]);
});

test('the command line adds, lists and removes', async () => {
  const added = await cli(
    'block',
    'add',
    '--tool',
    'csv_*',
    '--tenant',
    'default',
    '--expires',
    '2h',
    '--reason',
    'wrong means',
  );
  expect(added).toMatchObject({ code: 0, stderr: '' });
  const { id } = JSON.parse(added.stdout);
  expect((await server.call('csv_profile', { text: 'a\n1\n' })).body.rule).toBe(`block:${id}`);
  const listed = JSON.parse((await cli('block', 'list')).stdout);
  expect(listed.items).toMatchObject([
    { id, tool: 'csv_*', principal: null, tenant: 'default', reason: 'wrong means', createdBy: 'bootstrap' },
  ]);
  expect((await cli('block', 'remove', id)).code).toBe(0);
  expect((await cli('block', 'remove', id)).stderr).toContain('not_found: There is no such block in force.');
  const wrong = await cli('block', 'add', '--tool', 'csv_*', '--expires', 'soon', '--reason', 'x');
  expect([wrong.code, wrong.stderr]).toEqual([
    2,
    expect.stringContaining('--expires must be a time such as'),
  ]);
});

test('it takes the scope, and says what is wrong with a request', async () => {
  const key = await server.keyFor('caller', ['developer'], ['call']);
  const body = { tool: '*', reason: 'x', expiresInMs: 1000 };
  for (const method of ['GET', 'POST']) {
    const answer = await server.request(method, '/v1/blocks', { key, ...(method === 'POST' && { body }) });
    expect([answer.status, answer.body.scope]).toEqual([403, 'policy']);
  }
  const wrong = await server.request('POST', '/v1/blocks', {
    body: { tool: 'a b', reason: '', expiresInMs: 1 },
  });
  expect(wrong.body.errors.map(({ pointer }: { pointer: string }) => pointer).toSorted()).toEqual([
    '/expiresInMs',
    '/reason',
    '/tool',
  ]);
});

test('it outlives kill -9', async () => {
  await using first = await startServer();
  const { body } = await first.request('POST', '/v1/blocks', {
    body: { tool: 'js_run', reason: 'x', expiresInMs: 60_000 },
  });
  await first.stop('SIGKILL');
  await using again = await startServer({ dataDir: first.dataDir });
  expect((await again.call('js_run', { code: 'return 1' })).body.rule).toBe(`block:${body.id}`);
});
