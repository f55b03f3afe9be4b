/**
 * What is on the record, compared with the catalogue: every route that changes something leaves what it says it can leave,
 * early exits too; every kind of event is seen here, or shown by the test that is named. A new route or kind without an entry fails.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventCatalogue } from '../../src/audit/events.ts';
import type { EventType } from '../../src/audit/events.ts';
import type { StoredEvent } from '../../src/audit/record.ts';
import { refundDirectory } from '../support/refund-policy.ts';
import { repository, startServer } from '../support/server.ts';
import type { Answer, TestServer } from '../support/server.ts';

interface Step {
  /** As in the OpenAPI document. */
  readonly route: string;
  readonly status: number;
  readonly events: readonly EventType[];
  readonly ask: () => Promise<Answer>;
}

/** Routes that need a container, or leave nothing: the tests that show what they do. */
const elsewhere: Readonly<Record<string, string>> = {
  'post /mcp': 'test/mcp/calls.test.ts',
  'put /v1/sessions/{id}/files/{path}': 'test/api/sessions.docker.test.ts',
  'delete /v1/sessions/{id}/files/{path}': 'test/api/sessions.docker.test.ts',
  'delete /v1/sessions/{id}': 'test/api/sessions.docker.test.ts',
};

/** Kinds that no request here leads to: the tests that show them. */
const otherTests: Partial<Record<EventType, string>> = {
  not_started: 'test/api/life-cycle.test.ts',
  queued: 'test/api/events.test.ts',
  quota_exceeded: 'test/api/quotas.test.ts',
  approval_expired: 'test/calls/approvals/approval-desk.test.ts',
  approval_voided: 'test/calls/approvals/overtaken.test.ts',
  egress: 'test/calls/approvals/approval-webhook.test.ts',
  decoy_tripped: 'test/api/decoys.test.ts',
  tainted: 'test/api/live-prints.test.ts',
  session_opened: 'test/api/sessions.docker.test.ts',
  session_closed: 'test/api/sessions.docker.test.ts',
  policy_rejected: 'test/api/policy-reload.test.ts',
  chain_key_rotated: 'test/audit/sqlite/checkpoints.test.ts',
  quota_store_changed: 'test/api/shared-quotas.redis.test.ts',
  runner_lost: 'test/api/life-cycle.test.ts',
  sandbox_orphan_removed: 'test/resilience/server-killed.docker.test.ts',
  purged: 'test/contract/record-upkeep.ts',
  artifact_read: 'test/api/containers.docker.test.ts',
};

let server: TestServer;
let lead: string;
let admin: string;
let caller: string;

beforeAll(async () => {
  server = await startServer({
    policyDir: `${refundDirectory()}:${join(repository, 'policies')}`,
    environment: {
      DOCKER_HOST: 'unix:///nonexistent/docker.sock',
      SALLYPORT_AUDIT_MIN_RETENTION_DAYS: '0',
    },
  });
  lead = await server.keyFor('lena', ['lead'], ['approve']);
  admin = await server.keyFor('dana', [], ['admin', 'audit', 'policy']);
  caller = await server.keyFor('carl', ['developer'], ['call']);
});
afterAll(() => server[Symbol.asyncDispose]());

const why = { reason: 'r', legalBasis: 'l', ticket: 't' };
let requests = 0;

/** Sends with a request id of its own, by which its events are found. */
async function ask(method: string, path: string, key: string, body?: object): Promise<Answer> {
  requests += 1;
  return server.request(method, path, {
    key,
    headers: { 'X-Request-Id': `coverage-${requests}` },
    ...(body !== undefined && { body }),
  });
}

async function eventsOf(requestId: string): Promise<readonly StoredEvent[]> {
  const query = new URLSearchParams({ requestId, order: 'asc' }).toString();
  return (await server.request('GET', `/v1/audit/events?${query}`)).body.items as StoredEvent[];
}

function call(cents: unknown, key = caller, more: object = {}): Promise<Answer> {
  return ask('POST', '/v1/calls', key, { tool: 'refund', args: { cents }, ...more });
}

/** A call that waits; the approval, and then the call. */
async function waiting(): Promise<{ approval: string; id: string }> {
  const { body } = await server.request('POST', '/v1/calls', {
    key: caller,
    body: { tool: 'refund', args: { cents: 5000 } },
  });
  return { approval: String(body.approval.id), id: String(body.id) };
}

async function uploaded(): Promise<string> {
  const { body } = await server.request('POST', '/v1/files', { key: caller, body: { any: 'bytes' } });
  return String(body.id);
}

async function finished(): Promise<string> {
  const { body } = await server.request('POST', '/v1/calls', {
    key: caller,
    body: { tool: 'refund', args: { cents: 1 } },
  });
  return String(body.id);
}

const steps: readonly Step[] = [
  { route: 'post /v1/calls', status: 200, events: ['intent', 'outcome'], ask: () => call(1) },
  { route: 'post /v1/calls', status: 202, events: ['approval_requested'], ask: () => call(2000) },
  { route: 'post /v1/calls', status: 422, events: ['invalid'], ask: () => call('much') },
  {
    route: 'post /v1/calls',
    status: 422,
    events: ['invalid'],
    ask: () => call(1, caller, { limits: { timeoutMs: 999_999_999 } }),
  },
  {
    route: 'post /v1/calls',
    status: 404,
    events: ['invalid'],
    ask: () => ask('POST', '/v1/calls', caller, { tool: 'none', args: {} }),
  },
  { route: 'post /v1/calls', status: 403, events: ['scope_denied'], ask: () => call(1, lead) },
  {
    route: 'post /v1/files',
    status: 201,
    events: ['file_written'],
    ask: () => ask('POST', '/v1/files', caller, { any: 'bytes' }),
  },
  {
    route: 'post /v1/files',
    status: 403,
    events: ['denied'],
    ask: async () => ask('POST', '/v1/files', await server.keyFor('idle', [], ['call']), { any: 'bytes' }),
  },
  {
    route: 'get /v1/files/{id}/content',
    status: 200,
    events: ['file_read'],
    ask: async () => ask('GET', `/v1/files/${await uploaded()}/content`, caller),
  },
  {
    route: 'delete /v1/files/{id}',
    status: 204,
    events: ['file_written'],
    ask: async () => ask('DELETE', `/v1/files/${await uploaded()}`, caller),
  },
  {
    route: 'post /v1/blocks',
    status: 201,
    events: ['block_added'],
    ask: () => ask('POST', '/v1/blocks', admin, { tool: 'refund', reason: 'r', expiresInMs: 60_000 }),
  },
  { route: 'post /v1/calls', status: 403, events: ['denied'], ask: () => call(1) },
  {
    route: 'delete /v1/blocks/{id}',
    status: 204,
    events: ['block_removed'],
    async ask() {
      const { body } = await server.request('GET', '/v1/blocks');
      return ask('DELETE', `/v1/blocks/${body.items[0].id}`, admin);
    },
  },
  {
    route: 'delete /v1/calls/{id}',
    status: 200,
    events: ['call_cancelled'],
    ask: async () => ask('DELETE', `/v1/calls/${(await waiting()).id}`, caller),
  },
  {
    route: 'post /v1/approvals/{id}',
    status: 200,
    events: ['approval_decided'],
    ask: async () =>
      ask('POST', `/v1/approvals/${(await waiting()).approval}`, lead, { decision: 'reject', reason: 'no' }),
  },
  {
    route: 'post /v1/decisions',
    status: 200,
    events: [],
    ask: () => ask('POST', '/v1/decisions', caller, { tool: 'refund', args: { cents: 1 } }),
  },
  {
    route: 'post /v1/sessions',
    status: 404,
    events: [],
    ask: () => ask('POST', '/v1/sessions', caller, { image: 'none' }),
  },
  {
    route: 'post /v1/audit/holds',
    status: 201,
    events: ['hold_set'],
    ask: async () => ask('POST', '/v1/audit/holds', admin, { principal: 'carl', reason: 'r' }),
  },
  {
    route: 'post /v1/audit/erasures',
    status: 409,
    events: ['erasure_refused'],
    ask: async () => ask('POST', '/v1/audit/erasures', admin, { ...why, callId: await finished() }),
  },
  {
    route: 'delete /v1/audit/holds/{id}',
    status: 204,
    events: ['hold_released'],
    async ask() {
      const { body } = await server.request('GET', '/v1/audit/holds');
      return ask('DELETE', `/v1/audit/holds/${body.items[0].id}?reason=r`, admin);
    },
  },
  {
    route: 'post /v1/audit/erasures',
    status: 200,
    events: ['erased', 'erased'],
    ask: async () => ask('POST', '/v1/audit/erasures', admin, { ...why, callId: await finished() }),
  },
  {
    route: 'post /v1/audit/backups',
    status: 201,
    events: ['backup'],
    ask: () => ask('POST', '/v1/audit/backups', admin, { name: 'tape 7' }),
  },
  {
    route: 'post /v1/policy/reload',
    status: 200,
    events: [],
    ask: () => ask('POST', '/v1/policy/reload', admin),
  },
  {
    route: 'post /v1/policy/activate',
    status: 200,
    events: ['policy_activated'],
    async ask() {
      const { body } = await server.request('GET', '/v1/policy');
      return ask('POST', '/v1/policy/activate', admin, { revision: body.revision, reason: 'r' });
    },
  },
  {
    route: 'post /v1/policy/unpin',
    status: 200,
    events: ['policy_activated'],
    ask: () => ask('POST', '/v1/policy/unpin', admin, { reason: 'r' }),
  },
  {
    route: 'post /v1/keys',
    status: 201,
    events: ['key_created'],
    ask: () =>
      ask('POST', '/v1/keys', admin, { principal: 'eve', tenant: 'default', roles: [], scopes: ['call'] }),
  },
  {
    route: 'delete /v1/keys/{id}',
    status: 204,
    events: ['key_revoked'],
    async ask() {
      const { body } = await server.request('GET', '/v1/keys');
      const { id } = body.items.find(({ principal }: { principal: string }) => principal === 'eve');
      return ask('DELETE', `/v1/keys/${id}`, admin);
    },
  },
];

test('every route that changes something leaves what it says, refusals included', async () => {
  const { body: document } = await server.request('GET', '/openapi.json', { key: null });
  const operations = new Map<string, readonly string[]>(
    Object.entries(document.paths as Record<string, Record<string, { 'x-audit-events': string[] }>>).flatMap(
      ([path, methods]) =>
        Object.entries(methods).map(([method, operation]): [string, readonly string[]] => [
          `${method} ${path}`,
          operation['x-audit-events'],
        ]),
    ),
  );
  const seen: object[] = [];
  for (const { route, ask } of steps) {
    const { status, body } = await ask();
    const events = (await eventsOf(`coverage-${requests}`)).map(({ type }) => type);
    seen.push({ route, status, events, ...(status >= 500 && { body }) });
    for (const type of events)
      expect({ route, may: operations.get(route) }).toMatchObject({
        may: expect.arrayContaining(type === 'scope_denied' ? [] : [type]),
      });
  }
  expect(seen).toEqual(steps.map(({ route, status, events }) => ({ route, status, events })));

  const changing = [...operations.keys()].filter((name) => !name.startsWith('get ')).toSorted();
  const stepped = steps.map(({ route }) => route).filter((route) => !route.startsWith('get '));
  const covered = new Set([...stepped, ...Object.keys(elsewhere)]);
  expect(changing).toEqual([...covered].toSorted());
  const declared = new Set([...operations.values()].flat());
  for (const type of declared) expect(Object.keys(eventCatalogue)).toContain(type);
});

test('every kind of event of the catalogue is seen, here or in the test that is named', async () => {
  const recorded = new Set<string>();
  await server.request('GET', '/v1/audit/export');
  expect((await server.request('GET', '/v1/tools', { key: 'spk_nobody' })).status).toBe(401);
  // What was counted until then is written at the end.
  await server.stop('SIGTERM');
  const { openSqliteRecordReadOnly } = await import('../../src/audit/sqlite/open-sqlite-record.ts');
  using record = openSqliteRecordReadOnly({ dataDir: server.dataDir, clock: { now: () => Date.now() } });
  for await (const row of (await record.export({ tenant: null })).rows)
    if (row.kind === 'event') recorded.add((JSON.parse(row.canonical) as StoredEvent).type);
  const named = Object.entries(otherTests).filter(([type]) => !recorded.has(type));
  for (const [type, file] of named)
    expect({ type, file, names: readFileSync(join(repository, file), 'utf8').includes(type) }).toMatchObject({
      names: true,
    });
  const covered = [...recorded, ...named.map(([type]) => type)].toSorted();
  expect(covered).toEqual(Object.keys(eventCatalogue).toSorted());
});
