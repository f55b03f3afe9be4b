/** `sallyport serve` with two workers: what one of them is told holds for both, and no client sees which one it has. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PostgresServer } from '../support/postgres-server.ts';
import { descendants, gone, untilBusy } from '../support/processes.ts';
import { RedisServer } from '../support/redis-server.ts';
import { runCli, startServer } from '../support/server.ts';
import type { TestServer } from '../support/server.ts';
import { underLoad } from '../support/steady-load.ts';
import { WorkerClient } from '../support/worker-client.ts';

const policy = (message: string): string => `
apiVersion: sallyport/v1
kind: Tool
metadata: {name: js_run}
spec:
  input: {type: object, additionalProperties: false, required: [code], properties: {code: {type: string}}}
  runtime: {kind: isolate}
---
apiVersion: sallyport/v1
kind: Boundary
metadata: {name: live}
spec: {stream: live}
---
apiVersion: sallyport/v1
kind: Policy
metadata: {name: p}
spec:
  subjects: [{}]
  rules:
    - {name: all, effect: allow, tools: [js_run], boundary: live}
    - name: large
      effect: require_approval
      tools: [js_run]
      when: args.code.startsWith("//ask")
      message: ${message}
      approval: {approvers: [{roles: [lead]}], expires: 1h}
`;
/** Runs on until it is ended. */
const onAndOn = 'await new Promise((done) => setTimeout(done, 3_600_000))';

let postgres: PostgresServer;
let redis: RedisServer;
let directory = '';
let environment: NodeJS.ProcessEnv;
let server: TestServer;
let one: WorkerClient;
let other: WorkerClient;

async function startTwo(dataDir?: string): Promise<TestServer> {
  const started = await startServer({
    policyDir: directory,
    environment,
    ...(dataDir === undefined ? {} : { dataDir }),
  });
  await started.logged(({ msg }) => msg === 'supervising');
  return started;
}

beforeAll(async () => {
  [postgres, redis] = await Promise.all([PostgresServer.start(), RedisServer.start()]);
  directory = mkdtempSync(join(tmpdir(), 'workers-'));
  writeFileSync(join(directory, 'policy.yaml'), policy('A lead has to agree.'));
  environment = {
    DOCKER_HOST: 'unix:///nonexistent/docker.sock',
    SALLYPORT_DATABASE_URL: await postgres.createDatabase(),
    SALLYPORT_REDIS_URL: redis.url,
    SALLYPORT_HTTP_WORKERS: '2',
  };
  server = await startTwo();
  const clients = await WorkerClient.forEach(server, 2);
  [one, other] = clients as [WorkerClient, WorkerClient];
}, 120_000);
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await postgres[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
});

const call = (code: string, headers: Record<string, string> = {}) => ({
  body: { tool: 'js_run', args: { code } },
  headers: { Prefer: 'respond-async', ...headers },
});

async function until<T>(look: () => Promise<T>, fits: (seen: T) => boolean): Promise<T> {
  for (;;) {
    const seen = await look();
    if (fits(seen)) return seen;
  }
}

test('two workers: one port, one runner, a writer of the record each', async () => {
  expect(one.pid).not.toBe(other.pid);
  const runners = server.log.filter(({ msg, process }) => msg === 'runner listening' && process === 'runner');
  expect(runners).toHaveLength(1);
  const ready = await one.request('GET', '/ready');
  expect(ready.body.dependencies).toContainEqual(
    expect.objectContaining({ name: 'workers', state: 'ok', details: { count: '2', serving: '2' } }),
  );
  expect(ready.body.dependencies).toContainEqual(
    expect.objectContaining({
      name: 'runner',
      details: { identity: 'same-user', runner: 'shared child process' },
    }),
  );
  expect(String((await other.request('GET', '/metrics')).body)).toContain('sallyport_workers_serving 2\n');
}, 120_000);

test('a call is followed while it prints, replayed, and cancelled at the worker that does not run it', async () => {
  const started = await one.request(
    'POST',
    '/v1/calls',
    call(`console.log('first'); ${onAndOn}`, { 'Idempotency-Key': 'once' }),
  );
  expect(started).toMatchObject({ status: 202, body: { status: 'running' } });
  const { id } = started.body;
  const printed = Promise.withResolvers<void>();
  let told = '';
  const followed = other.request('GET', `/v1/calls/${id}/events`, {
    onText(text) {
      told += text;
      if (told.includes('"text":"first')) printed.resolve();
    },
  });
  await printed.promise;
  const [further] = await WorkerClient.forEach(server, 2);
  const third = further?.pid === one.pid ? undefined : further;
  const elsewhere = third ?? (await WorkerClient.forEach(server, 2)).find(({ pid }) => pid === other.pid);
  const again = await elsewhere?.request('POST', '/v1/calls', {
    ...call(`console.log('first'); ${onAndOn}`, { 'Idempotency-Key': 'once' }),
  });
  expect(again).toMatchObject({ status: 409, body: { code: 'idempotency_in_flight', callId: id } });
  expect((await elsewhere?.request('DELETE', `/v1/calls/${id}`))?.status).toBe(202);
  expect(String((await followed).body)).toContain('"status":"cancelled"');
}, 120_000);

test('a call that was asked for at one is approved, run and read at the other', async () => {
  const lead = await server.keyFor('mia', ['lead'], ['approve']);
  const asked = await one.request('POST', '/v1/calls', call('//ask\nreturn 7'));
  expect(asked.body).toMatchObject({ status: 'pending_approval' });
  const path = `/v1/approvals/${asked.body.approval.id}`;
  const decision = { decision: 'approve', reason: 'fine' };
  expect((await other.request('POST', path, { key: lead, body: decision })).status).toBe(200);
  const { body } = await until(
    () => one.request('GET', `/v1/calls/${asked.body.id}`),
    ({ body }) => body.status !== 'running' && body.status !== 'pending_approval',
  );
  expect(body).toMatchObject({ status: 'succeeded', result: 7 });
}, 120_000);

test('a block, a roll-back and its end hold at both as soon as one of them has answered', async () => {
  const before = (await one.request('GET', '/v1/policy')).body.revision;
  writeFileSync(join(directory, 'policy.yaml'), policy('Two leads have to agree.'));
  expect((await one.request('POST', '/v1/policy/reload')).body).toMatchObject({ outcome: 'activated' });
  const after = (await other.request('GET', '/v1/policy')).body.revision;
  expect(after).not.toBe(before);
  const back = { revision: before, reason: 'INC-2' };
  expect((await other.request('POST', '/v1/policy/activate', { body: back })).status).toBe(200);
  expect((await one.request('GET', '/v1/policy')).body).toMatchObject({
    revision: before,
    pin: { reason: 'INC-2' },
  });
  expect((await one.request('POST', '/v1/policy/unpin', { body: { reason: 'over' } })).status).toBe(200);
  expect((await other.request('GET', '/v1/policy')).body).toMatchObject({ revision: after, pin: null });
  const { items } = (await one.request('GET', `/v1/audit/events?type=policy_activated&limit=100`)).body;
  // Whichever of them made the change, and neither once more for having taken it up.
  const triggers = items.map(({ details }: { details: { trigger: string } }) => details.trigger);
  expect(triggers.toSorted()).toEqual(['api', 'rollback', 'start', 'start', 'unpin']);

  const block = { tool: 'js_run', reason: 'INC-1', expiresInMs: 60_000 };
  const added = await one.request('POST', '/v1/blocks', { body: block });
  expect(added.status).toBe(201);
  expect((await other.request('POST', '/v1/calls', call('return 1'))).status).toBe(403);
  expect((await other.request('DELETE', `/v1/blocks/${added.body.id}`)).status).toBe(204);
  expect((await one.request('POST', '/v1/calls', call('return 1'))).status).toBeLessThan(300);
}, 120_000);

test('an MCP client cancels its request at the worker that does not hold it, and finds its task at either', async () => {
  const mcp = (id: number | null, method: string, params: object, session?: string) => ({
    body: { jsonrpc: '2.0', ...(id === null ? {} : { id }), method, params },
    headers: {
      Accept: 'application/json, text/event-stream',
      'MCP-Protocol-Version': '2025-11-25',
      ...(session === undefined ? {} : { 'Mcp-Session-Id': session }),
    },
  });
  const hello = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 't', version: '1' } };
  const opened = await one.request('POST', '/mcp', mcp(1, 'initialize', hello));
  const session = String(opened.headers['mcp-session-id']);
  const tool = { name: 'js_run', arguments: { code: onAndOn } };
  const before = await newestIntent();
  const waiting = one.request('POST', '/mcp', mcp(2, 'tools/call', tool, session));
  const taskId = await until(newestIntent, (id) => id !== before);
  await other.request('POST', '/mcp', mcp(3, 'tools/list', {}, session));
  await other.request('POST', '/mcp', mcp(null, 'notifications/cancelled', { requestId: 2 }, session));
  await waiting;
  const task = await other.request('POST', '/mcp', mcp(4, 'tasks/get', { taskId }, session));
  expect(JSON.stringify(task.body)).toContain('cancelled');
}, 120_000);

test('with 50 clients, a reload by SIGHUP and SIGTERM of one of the two lose no request', async () => {
  const before = server.log.filter(({ msg }) => msg === 'listening').length;
  const started = (count: number) => (): boolean =>
    server.log.filter(({ msg }) => msg === 'listening').length >= before + count;
  const { failures, served } = await underLoad(server, 50, async (more) => {
    await more(50);
    server.child.kill('SIGHUP');
    await server.logged(started(2));
    await server.logged(({ msg }) => msg === 'reloaded');
    await more(50);
    const pid = Number(server.log.findLast(({ msg }) => msg === 'listening')?.['pid']);
    process.kill(pid, 'SIGTERM');
    await server.logged(started(3));
    await more(50);
  });
  expect(failures).toEqual([]);
  expect(served).toBeGreaterThan(150);
  const page = String((await server.request('GET', '/metrics')).body);
  expect(page).toContain('sallyport_workers_serving 2\n');
  const { code, stdout } = await runCli(['audit', 'verify', '--offline', '--json'], environment);
  expect(code).toBe(0);
  const { writers } = JSON.parse(stdout) as { writers: { writer: string }[] };
  expect(writers.map(({ writer }) => writer).toSorted()).toEqual(['node/api-1', 'node/api-2']);
}, 300_000);

test('a worker that is killed is told of by the other, and comes back under its name', async () => {
  const [first, second] = await WorkerClient.forEach(server, 2);
  if (first === undefined || second === undefined) throw new Error('there are two');
  const workers = async () =>
    (await second.request('GET', '/ready')).body.dependencies.find(
      ({ name }: { name: string }) => name === 'workers',
    );
  process.kill(first.pid, 'SIGKILL');
  await gone(first.pid);
  const told = await until(workers, ({ state }) => state !== 'ok');
  expect(told).toMatchObject({ state: 'degraded', details: { serving: '1' } });
  await until(workers, ({ state }) => state === 'ok');
}, 120_000);

test('a runner that is killed comes back for both', async () => {
  const pid = Number(server.log.find(({ msg }) => msg === 'runner listening')?.['pid']);
  process.kill(pid, 'SIGKILL');
  await gone(pid);
  for (const client of await WorkerClient.forEach(server, 2)) {
    const answer = await until(
      () => client.request('POST', '/v1/calls', { body: { tool: 'js_run', args: { code: 'return 1' } } }),
      ({ status }) => status !== 503,
    );
    expect(answer).toMatchObject({ status: 200, body: { result: 1 } });
  }
}, 120_000);

test('SIGTERM ends both in order, with the calls that run, and leaves nothing', async () => {
  const below = descendants(Number(server.child.pid));
  const running = server.call('js_run', {
    code: 'for (const end = Date.now() + 4000; Date.now() < end; ); return "done"',
  });
  await untilBusy(Number(server.log.findLast(({ msg }) => msg === 'runner listening')?.['pid']));
  const stopped = server.stop('SIGTERM');
  expect((await running).body).toMatchObject({ status: 'succeeded', result: 'done' });
  expect(await stopped).toEqual({ code: 0, signal: null });
  await Promise.all(below.map(gone));
}, 120_000);

test('a supervisor that is killed takes workers and runner along', async () => {
  await server.stop('SIGTERM');
  await using killed = await startTwo(server.dataDir);
  const below = descendants(Number(killed.child.pid));
  expect(below.length).toBeGreaterThan(2);
  await killed.stop('SIGKILL');
  await Promise.all(below.map(gone));
}, 120_000);

async function newestIntent(): Promise<string | undefined> {
  const { body } = await other.request('GET', '/v1/audit/events?type=intent&order=desc&limit=1');
  return body.items[0]?.callId as string | undefined;
}
