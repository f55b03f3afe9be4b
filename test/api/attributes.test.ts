/** What a key says of its principal besides roles, from `POST /v1/keys` to the rules that read it. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runCli, startServer } from '../support/server.ts';
import type { Answer, TestServer } from '../support/server.ts';

const policy = `
apiVersion: sallyport/v1
kind: Tool
metadata: {name: pay}
spec:
  input: {type: object, additionalProperties: false, properties: {}}
  runtime: {kind: isolate, code: ./pay.js}
---
apiVersion: sallyport/v1
kind: Policy
metadata: {name: by-level}
spec:
  subjects: [{}]
  conditions: {known: has(principal.attributes.level)}
  rules:
    - {name: high, effect: allow, tools: [pay], when: known && principal.attributes.level >= 3}
    - name: low
      effect: require_approval
      tools: [pay]
      when: known && principal.attributes.level == 2 && "ams" in principal.attributes.sites
      approval: {approvers: [{ids: [approver]}]}
`;

let server: TestServer;
let policyDir: string;
beforeAll(async () => {
  policyDir = mkdtempSync(join(tmpdir(), 'sallyport-attributes-'));
  writeFileSync(join(policyDir, 'policy.yaml'), policy);
  writeFileSync(join(policyDir, 'pay.js'), 'export default () => "paid";');
  server = await startServer({ policyDir, environment: { DOCKER_HOST: 'unix:///nonexistent/docker.sock' } });
});
afterAll(() => server[Symbol.asyncDispose]());

const keyFor = (principal: string, attributes?: object): Promise<Answer> =>
  server.request('POST', '/v1/keys', {
    body: { principal, tenant: 'default', roles: [], scopes: ['call', 'approve'], attributes },
  });
const pay = (key: string): Promise<Answer> =>
  server.request('POST', '/v1/calls', { key, body: { tool: 'pay', args: {} } });

test('rules decide by the attributes of the key, which are listed and on the record', async () => {
  const made = await keyFor('ana', { level: 3, team: 'payments' });
  expect(made.body).toMatchObject({ attributes: { level: 3, team: 'payments' } });
  expect((await pay(made.body.secret)).body).toMatchObject({ status: 'succeeded', result: 'paid' });

  const plain = await keyFor('bob');
  expect(plain.body.attributes).toEqual({});
  expect(await pay(plain.body.secret)).toMatchObject({ status: 403, body: { code: 'policy_denied' } });

  const { body: keys } = await server.request('GET', '/v1/keys');
  const listed = keys.items.find(({ id }: { id: string }) => id === made.body.id);
  expect(listed.attributes).toEqual({ level: 3, team: 'payments' });
  const { body: events } = await server.request('GET', '/v1/audit/events?type=key_created&limit=2');
  expect(events.items[1].details.attributes).toEqual({ level: 3, team: 'payments' });
  for (const [principal, type, decidedWith] of [
    ['ana', 'intent', { roles: [], attributes: { level: 3, team: 'payments' } }],
    ['bob', 'denied', { roles: [] }],
  ] as const) {
    const query = new URLSearchParams({ principal, type }).toString();
    const { body: found } = await server.request('GET', `/v1/audit/events?${query}`);
    expect(found.items[0].details.decidedWith).toEqual(decidedWith);
  }
});

test('a call that waited is decided again by them', async () => {
  const { body } = await keyFor('cleo', { level: 2, sites: ['ams', 'fra'] });
  const waiting = await pay(body.secret);
  expect(waiting.body).toMatchObject({ status: 'pending_approval', decision: { rule: 'low' } });

  const decided = await server.request('POST', `/v1/approvals/${waiting.body.approval.id}`, {
    key: readFileSync(join(server.dataDir, 'approver.key'), 'utf8').trim(),
    body: { decision: 'approve', reason: 'known' },
  });
  expect(decided.body.approval.status).toBe('approved');
  const events = await fetch(`${server.url}/v1/calls/${waiting.body.id}/events`, {
    headers: { Authorization: `Bearer ${body.secret}` },
  });
  expect(await events.text()).toContain('"result":"paid"');
});

test('a principal has one set of them', async () => {
  await keyFor('dan', { level: 3 });
  expect((await keyFor('dan', { level: 3 })).status).toBe(201);
  for (const other of [{ level: 4 }, {}])
    expect((await keyFor('dan', other)).body).toMatchObject({ status: 409, code: 'conflict' });
});

test.each([
  ['a text about somebody', { note: 'likes long walks' }],
  ['an object', { at: { level: 3 } }],
  ['a name that means something else', { __proto__x: 1, ['__proto__']: 1 }],
  ['a fraction', { level: 2.5 }],
  ['too many', Object.fromEntries(Array.from({ length: 33 }, (_, at) => [`a${at}`, true]))],
])('%s is no attribute', async (_what, attributes) => {
  expect((await keyFor('eve', attributes)).body).toMatchObject({ status: 400, code: 'malformed_request' });
});

test('the command line makes keys with attributes, and explains by them', async () => {
  const options = ['--attribute', 'level=3', '--attribute', 'team=payments'];
  const made = await runCli(
    ['keys', 'create', '--principal', 'fay', '--scope', 'call', ...options],
    environment(),
  );
  expect(JSON.parse(made.stdout)).toMatchObject({ attributes: { level: 3, team: 'payments' } });

  const explain = ['policy', 'explain', '--dir', policyDir, '--principal', 'fay', '--tool', 'pay'];
  expect((await runCli([...explain, ...options])).code).toBe(0);
  expect((await runCli(explain)).code).toBe(1);
});

function environment(): NodeJS.ProcessEnv {
  return { SALLYPORT_URL: server.url, SALLYPORT_DATA_DIR: server.dataDir };
}
