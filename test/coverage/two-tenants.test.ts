/**
 * Two tenants, and every route: what belongs to one does not exist for the other, whatever the other's key may do in its
 * own tenant. A new route without an entry fails.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Contract } from '../support/contract.ts';
import type { OpenApiDocument } from '../support/contract.ts';
import { refundDirectory } from '../support/refund-policy.ts';
import { repository, startServer } from '../support/server.ts';
import type { Answer, TestServer } from '../support/server.ts';

/** What a key of another tenant is answered. */
type Expected =
  /** There is nothing, as for an id that nobody has. */
  | { readonly kind: 'hidden'; readonly path: () => string; readonly body?: object }
  /** An answer in which nothing of the first tenant stands. */
  | { readonly kind: 'empty'; readonly query?: string }
  /** Why the route says nothing of tenants. */
  | { readonly kind: 'of nobody'; readonly why: string };

const hidden = (path: () => string, body?: object): Expected => ({
  kind: 'hidden',
  path,
  ...(body === undefined ? {} : { body }),
});
const empty = (query = ''): Expected => ({ kind: 'empty', query });
const ofNobody = (why: string): Expected => ({ kind: 'of nobody', why });

let server: TestServer;
let mine = '';
let theirs = '';
/** Ids of the first tenant. */
const own = { call: '', approval: '', event: '', file: '' };

beforeAll(async () => {
  server = await startServer({
    policyDir: `${refundDirectory()}:${join(repository, 'policies')}`,
    environment: { DOCKER_HOST: 'unix:///nonexistent/docker.sock' },
  });
  const scopes = ['call', 'run', 'approve', 'audit', 'policy'];
  mine = await server.keyFor('ann-of-blue', ['lead', 'developer'], scopes, 'blue');
  theirs = await server.keyFor('eve-of-red', ['lead', 'developer', 'operator', 'auditor'], scopes, 'red');
  const body = { tool: 'refund', args: { cents: 5000 } };
  const { body: call } = await server.request('POST', '/v1/calls', { key: mine, body });
  const events = await server.request('GET', `/v1/audit/calls/${call.id}`, { key: mine });
  const { body: file } = await server.request('POST', '/v1/files', { key: mine, body: 'a,b' });
  Object.assign(own, {
    file: file.id,
    call: call.id,
    approval: call.approval.id,
    event: events.body.events[0].id,
  });
});
afterAll(() => server[Symbol.asyncDispose]());

const decision = { decision: 'approve', reason: 'r' };
const ofTheInstallation = ofNobody('of the installation: whoever has the scope runs all of it');
const needsAdmin = ofNobody('asks for the scope admin, which reaches all tenants');
const open = ofNobody('open to everybody, says nothing of calls');
const inContainers = ofNobody('test/api/sessions.docker.test.ts: needs a container');

const routes: Readonly<Record<string, Expected>> = {
  'POST /v1/calls': ofNobody('makes a call of its own'),
  'POST /v1/files': ofNobody(
    'stores a file of its own; test/api/uploaded-files.docker.test.ts: names of others',
  ),
  'GET /v1/files': empty('?limit=100'),
  'GET /v1/files/{id}': hidden(() => `/v1/files/${own.file}`),
  'GET /v1/files/{id}/content': hidden(() => `/v1/files/${own.file}/content`),
  'DELETE /v1/files/{id}': hidden(() => `/v1/files/${own.file}`),
  'GET /v1/calls': empty('?limit=100'),
  'GET /v1/calls/{id}': hidden(() => `/v1/calls/${own.call}`),
  'GET /v1/calls/{id}/events': hidden(() => `/v1/calls/${own.call}/events`),
  'DELETE /v1/calls/{id}': hidden(() => `/v1/calls/${own.call}`),
  'GET /v1/tools': ofNobody('what policy shows to a principal'),
  'POST /v1/decisions': ofNobody('what policy would say'),
  'POST /v1/sessions': inContainers,
  'GET /v1/sessions': empty(),
  'GET /v1/sessions/{id}': inContainers,
  'DELETE /v1/sessions/{id}': inContainers,
  'GET /v1/sessions/{id}/files': inContainers,
  'PUT /v1/sessions/{id}/files/{path}': inContainers,
  'GET /v1/sessions/{id}/files/{path}': inContainers,
  'DELETE /v1/sessions/{id}/files/{path}': inContainers,
  'GET /v1/artifacts/{id}': ofNobody('test/api/containers.docker.test.ts: needs a container'),
  'GET /v1/approvals': empty(),
  'GET /v1/approvals/{id}': hidden(() => `/v1/approvals/${own.approval}`),
  'POST /v1/approvals/{id}': hidden(() => `/v1/approvals/${own.approval}`, decision),
  'GET /v1/audit/events': empty('?limit=1000'),
  'GET /v1/audit/events/{id}': hidden(() => `/v1/audit/events/${own.event}`),
  'GET /v1/audit/calls/{id}': hidden(() => `/v1/audit/calls/${own.call}`),
  'GET /v1/audit/export': empty('?format=csv'),
  'GET /v1/audit/tail': empty(),
  'GET /v1/audit/holds': empty(),
  'GET /v1/audit/verify': ofNobody('the chains of all, in numbers and hashes'),
  'GET /v1/audit/checkpoints': ofNobody('the chains of all, in numbers and hashes'),
  'POST /v1/audit/erasures': needsAdmin,
  'POST /v1/audit/backups': needsAdmin,
  'POST /v1/audit/holds': needsAdmin,
  'DELETE /v1/audit/holds/{id}': needsAdmin,
  'GET /v1/policy': ofTheInstallation,
  'GET /v1/policy/revisions': ofTheInstallation,
  'GET /v1/policy/revisions/{revision}': ofTheInstallation,
  'POST /v1/policy/reload': ofTheInstallation,
  'POST /v1/policy/activate': ofTheInstallation,
  'POST /v1/policy/unpin': ofTheInstallation,
  'GET /v1/blocks': ofTheInstallation,
  'POST /v1/blocks': ofTheInstallation,
  'DELETE /v1/blocks/{id}': ofTheInstallation,
  'POST /mcp': ofNobody("test/mcp/tasks.test.ts: tasks are one principal's"),
  'GET /v1/keys': needsAdmin,
  'POST /v1/keys': needsAdmin,
  'DELETE /v1/keys/{id}': needsAdmin,
  'GET /health': open,
  'GET /ready': ofTheInstallation,
  'GET /metrics': open,
  'GET /openapi.json': open,
  'GET /docs': open,
};

const ask = (key: string, method: string, path: string, body?: object): Promise<Answer> =>
  server.request(method, path, { key, ...(body === undefined ? {} : { body }) });

test('every route is here', async () => {
  const document = (await server.request('GET', '/openapi.json')).body as OpenApiDocument;
  const named = new Contract(document).operations.map(({ method, path }) => `${method} ${path}`);
  expect(named.toSorted()).toEqual(Object.keys(routes).toSorted());
});

test('what is of one tenant does not exist for another, and is still there for its own', async () => {
  for (const [route, expected] of Object.entries(routes)) {
    if (expected.kind !== 'hidden') continue;
    const [method = ''] = route.split(' ');
    const { status, body } = await ask(theirs, method, expected.path(), expected.body);
    expect({ route, status, code: body.code }).toEqual({ route, status: 404, code: 'not_found' });
    if (method === 'GET' && !route.endsWith('/events'))
      expect({ route, status: (await ask(mine, 'GET', expected.path())).status }).toEqual({
        route,
        status: 200,
      });
  }
  const call = await ask(mine, 'GET', `/v1/calls/${own.call}`);
  expect(call.body).toMatchObject({ status: 'pending_approval', approval: { status: 'pending' } });
});

test('lists of one tenant hold nothing of another', async () => {
  for (const [route, expected] of Object.entries(routes)) {
    if (expected.kind !== 'empty') continue;
    const [method = '', path = ''] = route.split(' ');
    const answer = await ask(theirs, method, path + (expected.query ?? ''));
    expect({ route, status: answer.status }).toEqual({ route, status: 200 });
    const text = JSON.stringify(answer.body);
    for (const trace of [...Object.values(own), 'ann-of-blue'])
      expect({ route, holds: text.includes(trace) ? trace : null }).toEqual({ route, holds: null });
  }
});

test('the same lists of its own tenant do hold it', async () => {
  expect(JSON.stringify((await ask(mine, 'GET', '/v1/files')).body)).toContain(own.file);
  for (const path of ['/v1/calls', '/v1/audit/events', '/v1/audit/export?format=csv', '/v1/audit/tail'])
    expect(JSON.stringify((await ask(mine, 'GET', path)).body)).toContain(own.call);
});
