/** Sessions and their files over HTTP: what they keep, whose they are, what ends them, and what is on the record of it. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { buildImages, countContainers, dockerHost } from '../support/container-calls.ts';
import { ContainerEvents } from '../support/container-events.ts';
import { startRunnerService } from '../support/runner-service.ts';
import { repository, startServer } from '../support/server.ts';
import type { Answer, TestServer } from '../support/server.ts';

/** In pieces, here as in the code that prints it, so that only the boundary can have found it. */
const secret = ['AKIA', 'IOSFODNN7', 'EXAMPLQ'].join('');
const pythonSecret = `''.join(['AKIA', 'IOSFODNN7', 'EXAMPLQ'])`;
const home = mkdtempSync(join(tmpdir(), 'sessions-'));

let server: TestServer;
beforeAll(async () => {
  await buildImages('python', 'shell');
  server = await startServer();
}, 600_000);
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(home, { recursive: true, force: true });
});

interface SessionOptions {
  readonly on?: TestServer;
  readonly image?: string;
  readonly key?: string;
  readonly body?: object;
}

/** An open session, which ends with its scope. */
class Session implements AsyncDisposable {
  readonly id: string;
  readonly body: Answer['body'];
  readonly server: TestServer;
  readonly #key: string | undefined;

  constructor(on: TestServer, { body }: Answer, key: string | undefined) {
    this.id = String(body.id);
    this.body = body;
    this.server = on;
    this.#key = key;
  }

  static async open({
    on = server,
    image = 'python',
    key,
    body = {},
  }: SessionOptions = {}): Promise<Session> {
    const answer = await on.request('POST', '/v1/sessions', {
      body: { image, ...body },
      ...(key === undefined ? {} : { key }),
    });
    if (answer.status !== 201) throw new Error(`no session: ${JSON.stringify(answer.body)}`);
    return new Session(on, answer, key);
  }

  ask(method: string, path = '', body?: string, key = this.#key): Promise<Answer> {
    return this.server.request(method, `/v1/sessions/${this.id}${path}`, {
      ...(key === undefined ? {} : { key }),
      ...(body === undefined ? {} : { body, headers: { 'Content-Type': 'application/octet-stream' } }),
    });
  }

  call(code: string, key = this.#key): Promise<Answer> {
    return this.server.request('POST', '/v1/calls', {
      body: { tool: 'python_run', args: { code }, session: this.id },
      ...(key === undefined ? {} : { key }),
    });
  }

  /** Resolves with the call's id once it runs. */
  async start(code: string): Promise<string> {
    const { body } = await this.server.request('POST', '/v1/calls', {
      body: { tool: 'python_run', args: { code }, session: this.id },
      headers: { Prefer: 'respond-async' },
    });
    return String(body.id);
  }

  /** Its status once it has ended. */
  async statusOf(callId: string): Promise<string> {
    const { body } = await vi.waitUntil(
      async () => {
        const answer = await this.server.request('GET', `/v1/calls/${callId}`);
        return ['queued', 'running'].includes(answer.body.status) ? null : answer;
      },
      { timeout: 20_000, interval: 20 },
    );
    return body.status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.server.child.exitCode === null && this.server.child.signalCode === null)
      await this.ask('DELETE');
  }
}

async function eventsOf(session: Session): Promise<{ type: string; details: object; content: object }[]> {
  const { body } = await session.server.request('GET', '/v1/audit/events?limit=200&order=asc');
  return body.items.filter(
    ({ details }: { details: { sessionId?: string } }) => details.sessionId === session.id,
  );
}

/** As soon as the record says so. */
async function endOf(session: Session, on = session.server): Promise<string> {
  const { body } = await vi.waitUntil(
    async () => {
      const answer = await on.request('GET', `/v1/sessions/${session.id}`);
      return answer.body.status === 'ended' ? answer : null;
    },
    { timeout: 20_000, interval: 20 },
  );
  return body.endReason;
}

test('keeps variables and files from call to call; every step is on the record', async () => {
  await using session = await Session.open({ body: { labels: { job: 'sums' }, idleMs: 60_000 } });
  expect(session.body).toMatchObject({
    id: expect.stringMatching(/^ses_/),
    image: 'python',
    status: 'open',
    endReason: null,
    labels: { job: 'sums' },
    runtime: { kind: 'container' },
    idleMs: 60_000,
    endedAt: null,
  });
  const put = await session.ask('PUT', '/files/data/in.csv', 'a,b\n1,2\n');
  expect([put.status, put.body]).toMatchObject([200, { path: 'data/in.csv', sizeBytes: 8 }]);
  expect((await session.call('rows = open("data/in.csv").read().split()')).body.status).toBe('succeeded');
  const second = await session.call('open("out/n.txt", "w").write(str(len(rows)))\nlen(rows)');
  expect(second.body).toMatchObject({ result: 2, session: session.id, artifacts: [{ name: 'n.txt' }] });
  const list = await session.ask('GET', '/files?prefix=data');
  expect(list.body).toMatchObject({ items: [{ path: 'data/in.csv', sizeBytes: 8 }], dropped: 0 });
  const got = await session.ask('GET', '/files/out/n.txt');
  expect([got.status, got.body]).toEqual([200, 2]);
  expect((await session.ask('DELETE', '/files/out/n.txt')).status).toBe(204);
  expect((await session.ask('GET', '/files/out/n.txt')).body.code).toBe('not_found');
  expect((await server.request('GET', '/v1/sessions?status=open')).body.items[0]).toEqual(session.body);

  const ended = await session.ask('DELETE');
  expect(ended.body).toMatchObject({ status: 'ended', endReason: 'deleted', endedAt: expect.any(String) });
  expect((await session.ask('DELETE')).body).toEqual(ended.body);
  expect((await session.ask('GET')).body).toEqual(ended.body);
  for (const late of [
    await session.call('1'),
    await session.ask('GET', '/files'),
    await session.ask('PUT', '/files/x', 'x'),
  ])
    expect([late.status, late.body.code]).toEqual([410, 'session_ended']);
  const events = await eventsOf(session);
  expect(events.map(({ type }) => type)).toEqual([
    'session_opened',
    'file_written',
    'intent',
    'intent',
    'file_read',
    'file_read',
    'file_written',
    'session_closed',
  ]);
  expect(events[0]).toMatchObject({
    // Nobody has called one yet.
    tool: null,
    details: { image: 'python', idleMs: 60_000 },
    content: { labels: { job: 'sums' } },
  });
  expect(events[1]).toMatchObject({
    details: { change: 'put', sizeBytes: 8 },
    content: { path: 'data/in.csv' },
  });
  expect(events[7]).toMatchObject({
    status: 'deleted',
    principal: 'bootstrap',
    details: { reason: 'deleted' },
  });
});

describe('is refused', () => {
  test('a second request while one is served; the end of the session cancels the call in it', async () => {
    await using session = await Session.open();
    const running = await session.start('while True: pass');
    const requests = [
      session.call('1'),
      session.ask('PUT', '/files/a', 'a'),
      session.ask('DELETE', '/files/a'),
    ];
    for (const { status, body } of await Promise.all(requests))
      expect([status, body.code, body.retryable]).toEqual([409, 'session_busy', true]);
    expect((await session.ask('DELETE')).body.endReason).toBe('deleted');
    expect(await session.statusOf(running)).toBe('cancelled');
  });

  test('of two calls in one moment exactly one runs', async () => {
    await using session = await Session.open();
    await session.call('n = 0');
    const both = await Promise.all([session.call('n += 1\nn'), session.call('n += 1\nn')]);
    expect(new Set(both.map(({ status }) => status))).toEqual(new Set([200, 409]));
    expect((await session.call('n')).body.result).toBe(1);
  });

  test('a tool of another image, limits above policy, an unknown image, one too many', async () => {
    const key = await server.keyFor('counted', ['developer'], ['call']);
    await using session = await Session.open({ key });
    const other = await server.request('POST', '/v1/calls', {
      key,
      body: { tool: 'shell_run', args: { script: ':' }, session: session.id },
    });
    expect([other.status, other.body.code]).toEqual([409, 'session_image_mismatch']);
    const isolate = await server.request('POST', '/v1/calls', {
      key,
      body: { tool: 'js_run', args: { code: 'return 1' }, session: session.id },
    });
    expect(isolate.body.code).toBe('session_image_mismatch');
    const open = (body: object): Promise<Answer> => server.request('POST', '/v1/sessions', { key, body });
    const long = await open({ image: 'python', idleMs: 3_600_001 });
    expect(long).toMatchObject({ status: 422, body: { limit: 'idleMs', limitMax: 600_000 } });
    expect((await open({ image: 'nothing' })).body).toMatchObject({
      status: 404,
      detail: expect.stringContaining('python'),
    });
    expect((await open({ image: 'shell' })).body.code).toBe('policy_denied');
    const both = await Promise.all([open({ image: 'python' }), open({ image: 'python' })]);
    const statuses = both.map(({ status }) => status);
    expect(new Set(statuses)).toEqual(new Set([201, 429]));
    expect(both[statuses.indexOf(429)]?.body).toMatchObject({ code: 'quota_exceeded', limit: 2 });
    const made = both[statuses.indexOf(201)]?.body.id;
    await server.request('DELETE', `/v1/sessions/${made}`, { key });
    const nobody = await server.keyFor('nobody', ['auditor'], ['call']);
    expect(
      (await server.request('POST', '/v1/sessions', { key: nobody, body: { image: 'python' } })).status,
    ).toBe(404);
  });
});

test('paths do not leave /work, however they are written', async () => {
  await using session = await Session.open();
  const code = 'import os\nos.symlink("/etc", "etc")\nos.symlink("/proc/1/environ", "env")\nos.mkdir("d")';
  await session.call(code);
  for (const path of [
    '..%2Fetc%2Fpasswd',
    'a%2F..%2F..%2Fetc',
    '%2Fetc%2Fpasswd',
    'a%00b',
    'a%0Ab',
    'd%2F',
    `${'x'.repeat(256)}`,
  ]) {
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const answer = await session.ask(method, `/files/${path}`, method === 'PUT' ? 'x' : undefined);
      expect([method, path, answer.status, answer.body.code]).toEqual([
        method,
        path,
        422,
        'invalid_arguments',
      ]);
    }
  }
  for (const path of ['etc/passwd', 'env', 'etc', 'd'])
    expect([path, (await session.ask('GET', `/files/${path}`)).body.code]).toEqual([path, 'file_conflict']);
  expect((await session.ask('PUT', '/files/etc/x', 'x')).body.code).toBe('file_conflict');
  expect((await session.ask('GET', '/files?prefix=%00')).status).toBe(422);
  expect((await session.ask('GET', '/files/%E0%A4%A')).status).toBe(400);
  // Composed and decomposed are two names, and each is its own file.
  await session.ask('PUT', '/files/%C3%A9', 'one');
  await session.ask('PUT', '/files/e%CC%81', 'two');
  expect((await session.ask('GET', '/files/%C3%A9')).body).toBe('one');
  expect((await session.call('sorted(os.listdir("."))')).body.result).toHaveLength(6);
});

test('a link that is swapped all the time leads no read or write out of /work', async () => {
  await using session = await Session.open();
  const swap = [
    'import os, threading',
    'os.mkdir("a"); open("a/f", "w").write("inside"); os.symlink("/etc", "b")',
    'def swap():',
    '    while True:',
    '        os.rename("a", "c"); os.rename("b", "a"); os.rename("a", "b"); os.rename("c", "a")',
    'threading.Thread(target=swap, daemon=True).start()',
  ].join('\n');
  await session.call(swap);
  for (let turn = 0; turn < 20; turn++) {
    const got = await session.ask('GET', '/files/a/f');
    expect(['inside', 'not_found', 'file_conflict']).toContain(got.status === 200 ? got.body : got.body.code);
    expect(['not_found', 'file_conflict']).toContain((await session.ask('GET', '/files/a/passwd')).body.code);
    await session.call('import time; time.sleep(0.001)');
  }
});

describe('what leaves as a file', () => {
  test('is filtered as the result of a call is, its name too, and no browser runs it', async () => {
    await using session = await Session.open();
    await session.call(`s = ${pythonSecret}
open("t.html", "w").write("<script>key = '" + s + "'</script>")
open("b.bin", "wb").write(b"\\0\\xff" + s.encode() + b"\\0")
open(s, "w").close()`);
    const url = `${server.url}/v1/sessions/${session.id}/files`;
    const headers = { Authorization: `Bearer ${server.key}` };
    const text = await fetch(`${url}/t.html`, { headers });
    expect(text.headers.get('sallyport-boundary')).toBe('redacted');
    expect(text.headers.get('content-type')).toBe('application/octet-stream');
    expect(text.headers.get('content-disposition')).toBe("attachment; filename*=UTF-8''t.html");
    expect(text.headers.get('content-security-policy')).toBe("sandbox; default-src 'none'");
    expect(text.headers.get('x-content-type-options')).toBe('nosniff');
    expect(await text.text()).toMatch(/^<script>key = '\[REDACTED:/);
    const binary = await fetch(`${url}/b.bin`, { headers });
    expect([binary.status, await binary.text()]).toEqual([403, expect.stringContaining('content_withheld')]);
    const names = await (await fetch(url, { headers })).text();
    expect(names).toContain('[REDACTED:');
    expect(names).not.toContain(secret);
    expect(JSON.stringify(await eventsOf(session))).not.toContain(secret);
  });

  test('is no larger than the cap, and a list names no more than it may', async () => {
    await using session = await Session.open();
    await session.call(`for i in range(3000):
    open(f"f{i}", "w").close()
    if i % 500 == 499: import os; os.mkdir(f"d{i}")`);
    const { body } = await session.ask('GET', '/files');
    expect(body.items.length).toBeLessThanOrEqual(2000);
    expect(body.items.length + body.dropped).toBeGreaterThanOrEqual(3000);
    await session.call('f = open("huge", "wb")\ntry: f.truncate(10 << 30)\nexcept OSError: pass\nf.close()');
    expect([404, 413, 200]).toContain((await session.ask('GET', '/files/huge')).status);
    expect((await session.call('1')).body.result).toBe(1);
  });
});

test('belongs to one principal: for everybody else there is none, on every route', async () => {
  const owner = await server.keyFor('owner', ['developer'], ['call'], 'acme');
  await using session = await Session.open({ key: owner });
  await session.ask('PUT', '/files/mine', 'mine');
  const strangers = {
    tenant: await server.keyFor('neighbour', ['developer'], ['call', 'audit'], 'other'),
    principal: await server.keyFor('colleague', ['developer'], ['call'], 'acme'),
    auditor: await server.keyFor('auditor', ['developer'], ['call', 'audit'], 'acme'),
    admin: server.key,
  };
  const document = (await server.request('GET', '/openapi.json')).body as { paths: Record<string, object> };
  const routes = Object.entries(document.paths)
    .filter(([path]) => path.startsWith('/v1/sessions/{id}'))
    .flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => [method.toUpperCase(), path] as const),
    );
  expect(routes).toHaveLength(6);
  for (const [who, key] of Object.entries(strangers)) {
    for (const [method, path] of routes) {
      const isOfTheSession = path === '/v1/sessions/{id}';
      if (isOfTheSession && (who === 'admin' || (who === 'auditor' && method === 'GET'))) continue;
      const place = path.slice('/v1/sessions/{id}'.length).replace('{path}', 'mine');
      const answer = await session.ask(method, place, method === 'PUT' ? 'theirs' : undefined, key);
      expect([who, method, path, answer.status]).toEqual([who, method, path, 404]);
    }
    expect([who, (await session.call('1', key)).status]).toEqual([who, 404]);
    const { body } = await server.request('GET', '/v1/sessions', { key });
    expect(body.items.map(({ id }: { id: string }) => id)).not.toContain(session.id);
  }
  expect((await session.ask('GET', '', undefined, strangers.auditor)).body.id).toBe(session.id);
  expect((await session.ask('GET', '/files/mine')).body).toBe('mine');
  // An administrator may end it, and nothing else.
  expect((await session.ask('DELETE', '', undefined, server.key)).body.endReason).toBe('deleted');
  expect((await eventsOf(session)).at(-1)).toMatchObject({ type: 'session_closed', principal: 'bootstrap' });
});

test('the kill switch and a revoked key close it at once, for calls and files', async () => {
  const key = await server.keyFor('stopped', ['developer'], ['call']);
  await using session = await Session.open({ key });
  const block = await server.request('POST', '/v1/blocks', {
    body: { tool: 'python_*', principal: 'stopped', reason: 'test', expiresInMs: 60_000 },
  });
  const opened = server.request('POST', '/v1/sessions', { key, body: { image: 'python' } });
  for (const { status, body } of [
    await session.call('1'),
    await session.ask('GET', '/files'),
    await session.ask('PUT', '/files/a', 'a'),
    await opened,
  ])
    expect([status, body.code]).toEqual([403, 'policy_denied']);
  await server.request('DELETE', `/v1/blocks/${block.body.id}`);
  expect((await session.call('1')).body.result).toBe(1);
  await server.request('DELETE', `/v1/keys/${key.split('_')[1]}`);
  expect((await session.call('1')).status).toBe(401);
  expect((await session.ask('GET', '/files')).status).toBe(401);
  await session.ask('DELETE', '', undefined, server.key);
});

describe('ends', () => {
  test('when nothing is asked of it, and at its lifetime, each with its reason', async () => {
    const idle = await Session.open({ body: { idleMs: 1000 } });
    const short = await Session.open({ body: { lifetimeMs: 1000, idleMs: 1000 } });
    expect(await endOf(idle)).toBe('idle');
    expect(await endOf(short)).toBe('lifetime');
    expect((await eventsOf(idle)).at(-1)).toMatchObject({ type: 'session_closed', status: 'idle' });
  });

  test('with a call that its container does not survive', async () => {
    await using session = await Session.open();
    const lost = await session.call('import os\nos.abort()');
    expect(lost.body.status).toBe('crashed');
    expect(await endOf(session)).toBe('crashed');
    expect((await session.call('1')).body.code).toBe('session_ended');
  });

  test('when policy defines its image otherwise; an edit of something else leaves it', async () => {
    const policyDir = join(home, 'policies');
    cpSync(join(repository, 'policies'), policyDir, { recursive: true });
    await using own = await startServer({ policyDir });
    await using session = await Session.open({ on: own });
    const file = join(policyDir, 'images.yaml');
    const edit = async (from: string, to: string): Promise<void> => {
      writeFileSync(file, readFileSync(file, 'utf8').replace(from, to));
      expect((await own.request('POST', '/v1/policy/reload')).status).toBe(200);
    };
    await edit('floor: 1, ceiling: 8', 'floor: 0, ceiling: 7');
    expect((await session.call('1')).body.result).toBe(1);
    await edit('perPrincipal: 2', 'perPrincipal: 3');
    expect(await endOf(session)).toBe('policy_changed');
    expect((await session.call('1')).body.code).toBe('session_ended');
  });

  test('with its runner, killed while a call runs; nothing is left of its container', async () => {
    await using own = await startServer();
    using events = await ContainerEvents.of(own, dockerHost ?? 'unix:///var/run/docker.sock');
    await using session = await Session.open({ on: own });
    const running = await session.start('while True: pass');
    process.kill(own.runnerPid, 'SIGKILL');
    expect(await session.statusOf(running)).toBe('unknown');
    expect(await endOf(session)).toBe('runner_lost');
    await vi.waitUntil(async () => (await countContainers(events.instance)) === 0, {
      timeout: 20_000,
      interval: 50,
    });
  });

  test('with its server, killed or stopped, when the runner is a child of it', async () => {
    const dataDir = join(home, 'child');
    let own = await startServer({ dataDir });
    using events = await ContainerEvents.of(own, dockerHost ?? 'unix:///var/run/docker.sock');
    const killed = await Session.open({ on: own });
    await own.stop('SIGKILL');
    own = await startServer({ dataDir });
    expect(await endOf(killed, own)).toBe('runner_lost');
    const stopped = await Session.open({ on: own });
    await own.stop('SIGTERM');
    expect(await countContainers(events.instance)).toBe(0);
    await using last = await startServer({ dataDir });
    expect((await last.request('GET', `/v1/sessions/${stopped.id}`)).body.endReason).toBe('server_stopped');
  });
});

test('goes on over a restart of the server, killed or stopped, when the runner is a service of its own', async () => {
  const address = `unix:${join(home, 'runner.sock')}`;
  const dataDir = join(home, 'service');
  const environment = { SALLYPORT_RUNNER: address };
  let runner = await startRunnerService(address);
  const start = async (): Promise<TestServer> => {
    const started = await startServer({ dataDir, environment });
    await started.logged(({ msg }) => msg === 'runner connected');
    return started;
  };
  let own = await start();
  const { id } = await Session.open({ on: own });
  const run = async (code: string): Promise<Answer> => own.call('python_run', { code }, { session: id });
  expect((await run('n = 41')).body.status).toBe('succeeded');
  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    await own.stop(signal);
    own = await start();
    expect((await run('n += 1\nn')).body.status).toBe('succeeded');
  }
  expect((await run('n')).body.result).toBe(43);
  await runner.stop('SIGKILL');
  expect((await run('n')).body.code).toBe('runtime_unavailable');
  runner = await startRunnerService(address);
  const { body } = await vi.waitUntil(
    async () => {
      const answer = await own.request('GET', `/v1/sessions/${id}`);
      return answer.body.status === 'ended' ? answer : null;
    },
    { timeout: 20_000, interval: 50 },
  );
  expect(body.endReason).toBe('runner_lost');
  await own.stop();
  await runner.stop('SIGTERM');
});
