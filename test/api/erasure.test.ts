import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startServer } from '../support/server.ts';
import type { Answer, TestServer } from '../support/server.ts';

let server: TestServer;
let admin: string;
let auditor: string;
let caller: string;
const why = { reason: 'asked by the person', legalBasis: 'GDPR Art. 17(1)(b)', ticket: 'DPO-7' };

beforeAll(async () => {
  server = await startServer({ environment: { SALLYPORT_AUDIT_MIN_RETENTION_DAYS: '0' } });
  admin = await server.keyFor('dana', [], ['admin']);
  auditor = await server.keyFor('ada', [], ['audit']);
  caller = await server.keyFor('carl', ['developer'], ['call']);
});
afterAll(() => server[Symbol.asyncDispose]());

async function callAs(key: string, code: string): Promise<string> {
  const body = { tool: 'js_run', args: { code }, labels: { person: 'Erika' } };
  const answer = await server.request('POST', '/v1/calls', { key, body });
  expect(answer.body).toMatchObject({ status: 'succeeded' });
  return String(answer.body.id);
}

function erase(key: string, body: object): Promise<Answer> {
  return server.request('POST', '/v1/audit/erasures', { key, body: { ...why, ...body } });
}

test('a call that was erased keeps who, what and how it ended; nothing of what it said is left', async () => {
  const id = await callAs(caller, 'console.log("Erika prints"); return "Erika Mustermann"');
  const done = await erase(admin, { callId: id });
  expect(done).toMatchObject({
    status: 200,
    body: { calls: 1, events: 2, remaining: false, scrubbed: true, backups: [] },
  });
  const { body: call } = await server.request('GET', `/v1/calls/${id}`);
  expect(call).toMatchObject({ id, tool: 'js_run', status: 'succeeded', result: null, labels: {} });
  expect(call).toMatchObject({ output: { stdout: '' }, erasedAt: expect.any(String) });
  const { body: story } = await server.request('GET', `/v1/audit/calls/${id}`);
  expect(story.events.map(({ type }: { type: string }) => type)).toEqual(['intent', 'outcome', 'erased']);
  expect(story.events[1]).toMatchObject({ principal: 'carl', status: 'succeeded', content: null });
  expect(JSON.stringify(story)).not.toContain('Erika');
  const found = await server.request('GET', '/v1/audit/events?text=mustermann');
  expect(found.body.items).toEqual([]);
  expect((await server.request('GET', '/v1/audit/verify')).body).toMatchObject({ valid: true });
  expect(await erase(admin, { callId: id })).toMatchObject({ status: 404 });
});

test('who took a call of somebody else back may erase it', async () => {
  const code = 'await new Promise((done) => setTimeout(done, 9000))';
  const asked = await server.request('POST', '/v1/calls', {
    key: caller,
    headers: { Prefer: 'respond-async' },
    body: { tool: 'js_run', args: { code } },
  });
  const path = `/v1/calls/${asked.body.id}`;
  expect((await server.request('DELETE', path, { key: admin })).status).toBe(202);
  await vi.waitUntil(
    async () => (await server.request('GET', path, { key: admin })).body.status === 'cancelled',
    5000,
  );
  expect(await erase(admin, { callId: asked.body.id })).toMatchObject({ status: 200 });
});

test('an auditor cannot erase, nobody their own calls, nobody what is held; each try is on the record', async () => {
  const id = await callAs(caller, 'return 1');
  expect(await erase(auditor, { callId: id })).toMatchObject({ status: 403 });
  const own = await callAs(server.key, 'return 2');
  expect(await erase(server.key, { callId: own })).toMatchObject({ status: 409, body: { why: 'own_calls' } });
  expect(await erase(server.key, { principal: 'bootstrap' })).toMatchObject({ body: { why: 'own_calls' } });

  const body = { principal: 'carl', reason: 'Az. 3 O 17/26' };
  expect(await server.request('POST', '/v1/audit/holds', { key: auditor, body })).toMatchObject({
    status: 403,
  });
  const hold = await server.request('POST', '/v1/audit/holds', { key: admin, body });
  expect(hold).toMatchObject({ status: 201, body: { selection: { principal: 'carl' }, setBy: 'dana' } });
  const refused = await erase(admin, { callId: id });
  expect(refused).toMatchObject({ status: 409, body: { code: 'erasure_refused', why: 'held' } });
  expect(refused.body.detail).toContain(hold.body.id);
  const path = `/v1/audit/holds/${hold.body.id}`;
  expect(await server.request('DELETE', `${path}?reason=x`, { key: auditor })).toMatchObject({ status: 403 });
  expect(await server.request('DELETE', path, { key: admin })).toMatchObject({ status: 400 });
  expect(await server.request('DELETE', `${path}?reason=settled`, { key: admin })).toMatchObject({
    status: 204,
  });
  expect(await erase(admin, { callId: id })).toMatchObject({ status: 200 });

  const tries = await server.request('GET', '/v1/audit/events?type=erasure_refused&order=asc');
  expect(tries.body.items.map(({ status }: { status: string }) => status)).toEqual([
    'own_calls',
    'own_calls',
    'held',
  ]);
  const denied = await server.request('GET', '/v1/audit/events?type=scope_denied');
  expect(denied.body.items).toHaveLength(3);
});

test('a replay of an erased call runs nothing, shows nothing, and says so; how it ended can still be asked for', async () => {
  const headers = { 'Idempotency-Key': 'once' };
  const body = { tool: 'js_run', args: { code: 'return "Erika again"' } };
  const first = await server.request('POST', '/v1/calls', { key: caller, body, headers });
  await erase(admin, { callId: first.body.id });
  const replay = await server.request('POST', '/v1/calls', { key: caller, body, headers });
  const { id } = first.body;
  expect(replay).toMatchObject({
    status: 410,
    body: { code: 'idempotency_erased', callId: id, retryable: false },
  });
  const shown = await server.request('GET', `/v1/calls/${id}`, { key: caller });
  expect(shown.body).toMatchObject({ status: 'succeeded', result: null, erasedAt: expect.any(String) });
  const stranger = await server.keyFor('carla', ['developer'], ['call']);
  const other = await server.request('POST', '/v1/calls', { key: stranger, body, headers });
  expect(other.body).toMatchObject({ status: 'succeeded' });
});

test('what names nobody is refused, with the pointer', async () => {
  const answer = await server.request('POST', '/v1/audit/erasures', { key: admin, body: why });
  expect(answer).toMatchObject({ status: 400, body: { code: 'malformed_request' } });
  expect(await erase(admin, { principal: 'carl', ticket: undefined })).toMatchObject({ status: 400 });
});

test('what is younger than the minimum retention cannot be erased', async () => {
  await using young = await startServer();
  const key = await young.keyFor('dana', [], ['admin']);
  const { body } = await young.call('js_run', { code: 'return 1' });
  const refused = await young.request('POST', '/v1/audit/erasures', {
    key,
    body: { ...why, callId: body.id },
  });
  expect(refused).toMatchObject({ status: 409, body: { why: 'too_recent' } });
});
