import { statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startServer } from '../support/server.ts';
import type { TestServer } from '../support/server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

describe('keys', () => {
  test('a first start writes two keys that only their owner can read, and logs no secret', () => {
    for (const name of ['bootstrap.key', 'approver.key', 'data.key']) {
      expect(statSync(join(server.dataDir, name)).mode & 0o777).toBe(0o600);
    }
    expect(statSync(server.dataDir).mode & 0o077).toBe(0);
    expect(JSON.stringify(server.log)).not.toContain(server.key);
  });

  test('are made once, listed without secrets, and end at once when revoked', async () => {
    const secret = await server.keyFor('ana', ['developer'], ['call']);
    expect((await server.request('GET', '/v1/tools', { key: secret })).status).toBe(200);
    const id = secret.split('_')[1] ?? '';
    const list = await server.request('GET', '/v1/keys');
    expect(list.body.items).toContainEqual(expect.objectContaining({ id, principal: 'ana' }));
    expect(JSON.stringify(list.body)).not.toContain(secret.slice(`spk_${id}_`.length));
    expect((await server.request('DELETE', `/v1/keys/${id}`)).status).toBe(204);
    expect((await server.request('GET', '/v1/tools', { key: secret })).body.detail).toBe(
      'The API key was revoked.',
    );
    expect((await server.request('DELETE', `/v1/keys/${id}`)).status).toBe(404);
  });

  test('the scheme of the header is the same in any case, and blanks behind it do not count', async () => {
    for (const scheme of ['bearer ', 'BEARER ', 'Bearer   '])
      expect(
        await server.request('GET', '/v1/tools', {
          key: null,
          headers: { Authorization: scheme + server.key },
        }),
      ).toMatchObject({ status: 200 });
  });

  test('are on the record with the address from which they were made; a start with its confinement', async () => {
    await server.keyFor('noel', [], ['call']);
    const made = await server.request('GET', '/v1/audit/events?type=key_created&address=127.0.0.1');
    expect(made.body.items[0]).toMatchObject({
      details: { principal: 'noel' },
      content: { address: '127.0.0.1' },
    });
    const started = await server.request('GET', '/v1/audit/events?type=started');
    expect(started.body.items[0]).toMatchObject({ details: { confinement: 'auto' } });
  });

  test('one principal has one tenant and one role set', async () => {
    await server.keyFor('ben', ['analyst'], ['call']);
    const other = await server.request('POST', '/v1/keys', {
      body: { principal: 'ben', tenant: 'default', roles: ['developer'], scopes: ['call'] },
    });
    expect(other).toMatchObject({ status: 409, body: { code: 'conflict' } });
  });

  test('an expired key is refused', async () => {
    const made = await server.request('POST', '/v1/keys', {
      body: { principal: 'cat', tenant: 'default', roles: [], scopes: ['call'], expiresInMs: 1000 },
    });
    expect(Date.parse(made.body.expiresAt) - Date.parse(made.body.createdAt)).toBe(1000);
  });
});

describe('what one may not see does not exist', () => {
  test('another principal’s call, another tenant’s record and an invisible tool', async () => {
    const { body: call } = await server.call('js_run', { code: 'return 1' });
    const other = await server.keyFor('dan', ['analyst'], ['call']);
    const foreign = await server.keyFor('eve', ['developer'], ['call', 'audit'], 'other');
    expect((await server.request('GET', `/v1/calls/${call.id}`, { key: other })).body.code).toBe('not_found');
    expect((await server.request('GET', `/v1/calls/${call.id}`, { key: foreign })).body.code).toBe(
      'not_found',
    );
    const events = await server.request('GET', '/v1/audit/events', { key: foreign });
    expect(events.body.items.every((event: { tenant: string }) => event.tenant === 'other')).toBe(true);
    const invisible = await server.request('POST', '/v1/calls', {
      key: other,
      body: { tool: 'python_run', args: { code: '1' } },
    });
    const unknown = await server.request('POST', '/v1/calls', {
      key: other,
      body: { tool: 'pythonx_run', args: { code: '1' } },
    });
    expect(invisible.body).toMatchObject({ status: 404, code: 'unknown_tool' });
    expect(unknown.body).toMatchObject({ status: 404, code: 'unknown_tool' });
    expect(invisible.body.didYouMean).not.toBe('python_run');
  });

  test('another principal’s decision and the trace need the scope policy', async () => {
    const plain = await server.keyFor('fay', ['developer'], ['call']);
    const own = await server.request('POST', '/v1/decisions', {
      key: plain,
      body: { tool: 'js_run', args: { code: 'return 1' } },
    });
    expect(own.body).toMatchObject({ effect: 'allow' });
    expect(own.body.trace).toBeUndefined();
    const asked = {
      tool: 'js_run',
      args: { code: 'return 1' },
      principal: { id: 'x', tenant: 'default', roles: ['analyst'] },
    };
    const refused = await server.request('POST', '/v1/decisions', { key: plain, body: asked });
    expect(refused.body.code).toBe('insufficient_scope');
    expect(refused.headers.get('www-authenticate')).toBe(
      'Bearer realm="sallyport", error="insufficient_scope", scope="policy"',
    );
    expect(
      (await server.request('POST', '/v1/decisions', { body: asked })).body.trace.length,
    ).toBeGreaterThan(0);
  });
});

test('a denial is on the record with the decision behind it, found by its effect', async () => {
  const analyst = await server.keyFor('gil', ['analyst'], ['call']);
  const args = { text: 'a:b', delimiter: ':' };
  const denied = await server.request('POST', '/v1/calls', {
    key: analyst,
    body: { tool: 'csv_profile', args },
  });
  expect(denied.body).toMatchObject({
    status: 403,
    code: 'policy_denied',
    nearest: { args: { text: 'a:b', delimiter: ',' } },
  });
  const events = await server.request('GET', '/v1/audit/events?effect=deny&principal=gil');
  expect(events.body.items).toMatchObject([
    {
      type: 'denied',
      tool: 'csv_profile',
      principal: 'gil',
      decision: { effect: 'deny', policy: null, rule: null },
      content: { args },
    },
  ]);
});

describe('tool lists', () => {
  test.each([
    ['sallyport', { name: 'js_run', input: { type: 'object' } }],
    ['openai', { type: 'function', function: { name: 'js_run', parameters: { type: 'object' } } }],
    ['openai-responses', { type: 'function', name: 'js_run', strict: false }],
    ['anthropic', { name: 'js_run', input_schema: { type: 'object' } }],
    ['mcp', { name: 'js_run', inputSchema: { type: 'object' } }],
  ])('%s has the shape that its clients take', async (format, expected) => {
    const { body } = await server.request('GET', `/v1/tools?format=${format}`);
    expect(body.tools).toContainEqual(expect.objectContaining({}));
    const found = body.tools.find(
      (tool: { name?: string; function?: { name: string } }) =>
        (tool.name ?? tool.function?.name) === 'js_run',
    );
    expect(found).toMatchObject(expected);
  });

  test('typescript declares each tool as a function', async () => {
    const { body } = await server.request('GET', '/v1/tools?format=typescript');
    const found = body.tools.find((tool: { name: string }) => tool.name === 'js_run');
    expect(found.declaration).toContain('declare function js_run(args: { code: string');
  });

  test('an unknown format is named with the known ones', async () => {
    const { status, body } = await server.request('GET', '/v1/tools?format=xml');
    expect(status).toBe(400);
    expect(body.detail).toContain('sallyport, openai, openai-responses, anthropic, mcp, typescript');
  });
});
