import { execFileSync } from 'node:child_process';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { descendants, gone, untilBusy } from '../support/processes.ts';
import { startServer } from '../support/server.ts';

const noEngine = { DOCKER_HOST: 'unix:///nonexistent/docker.sock' };
/** Busy for a while, so that it can be seen running from outside, then done. */
const busyCode = 'for (const end = Date.now() + 4000; Date.now() < end; ); return "done"';

describe('start', () => {
  test('the log line `listening` carries the real url', async () => {
    await using server = await startServer();
    const line = server.log.find(({ msg }) => msg === 'listening');
    expect(line?.['url']).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect((await server.request('GET', '/health', { key: null })).body).toEqual({ status: 'ok' });
  });

  test('a busy port, an unknown variable and a broken policy each stop it with a clear message', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as AddressInfo;
    await expect(startServer({ environment: { SALLYPORT_PORT: String(port) } })).rejects.toThrow(
      'the port is in use',
    );
    taken.close();
    await expect(startServer({ environment: { SALLYPORT_PROT: '1' } })).rejects.toThrow(
      'did you mean SALLYPORT_PORT?',
    );
    const policyDir = mkdtempSync(join(tmpdir(), 'policy-'));
    writeFileSync(
      join(policyDir, 'bad.yaml'),
      'apiVersion: sallyport/v1\nkind: Tool\nmetadata: {name: x}\nspec: {inptu: {}}\n',
    );
    await expect(startServer({ policyDir })).rejects.toThrow(/bad\.yaml:4:/);
  });

  test('a second server on the same data directory is refused', async () => {
    await using server = await startServer();
    await expect(startServer({ dataDir: server.dataDir })).rejects.toThrow(
      `Another process writes to the data directory ${server.dataDir}; stop it, or give this one a directory of its own (servers count quotas together only with SALLYPORT_REDIS_URL).`,
    );
  });

  test('without an engine isolates run, containers say what is missing, and /ready is degraded', async () => {
    await using server = await startServer({ environment: noEngine });
    expect((await server.call('js_run', { code: 'return 1' })).body.result).toBe(1);
    const refused = await server.call('python_run', { code: '1' });
    expect(refused).toMatchObject({ status: 503, body: { code: 'runtime_unavailable', retryable: true } });
    expect(refused.headers.get('retry-after')).toBe('1');
    const ready = await server.request('GET', '/ready');
    expect(ready).toMatchObject({ status: 200, body: { status: 'degraded' } });
    expect(ready.body.dependencies).toContainEqual(
      expect.objectContaining({ name: 'container', state: 'down' }),
    );
    const events = await server.request('GET', '/v1/audit/events?type=not_started');
    expect(events.body.items).toHaveLength(1);
  });
});

test('an engine that takes connections and never answers is down alone: isolates are served', async () => {
  const engine = createServer(() => {});
  const directory = mkdtempSync(join(tmpdir(), 'engine-'));
  const socket = join(directory, 'docker.sock');
  await new Promise<void>((resolve) => engine.listen(socket, resolve));
  await using server = await startServer({ environment: { DOCKER_HOST: `unix://${socket}` } });
  const ready = await server.request('GET', '/ready');
  expect(ready).toMatchObject({ status: 200, body: { status: 'degraded' } });
  const { dependencies } = ready.body;
  expect(dependencies).toContainEqual(expect.objectContaining({ name: 'isolate', state: 'ok' }));
  expect(dependencies).toContainEqual(expect.objectContaining({ name: 'container', state: 'down' }));
  expect((await server.call('js_run', { code: 'return 1' })).body.result).toBe(1);
  engine.close();
  rmSync(directory, { recursive: true });
});

describe('stop', () => {
  test('SIGTERM lets a running call finish, refuses new ones, records `stopped` and exits 0', async () => {
    await using server = await startServer({ environment: noEngine });
    const running = server.call('js_run', { code: busyCode });
    await untilBusy(server.runnerPid);
    const stopped = server.stop('SIGTERM');
    const { body, headers } = await running;
    expect(body).toMatchObject({ status: 'succeeded', result: 'done' });
    // Its request came before: who would send the next one on this connection is told not to.
    expect(headers.get('connection')).toBe('close');
    expect(await stopped).toEqual({ code: 0, signal: null });
    await using again = await startServer({ dataDir: server.dataDir, environment: noEngine });
    const events = await again.request('GET', '/v1/audit/events?type=stopped');
    expect(events.body.items).toHaveLength(1);
  });

  test('when the drain time is over, what still runs is cancelled and recorded', async () => {
    await using server = await startServer({ environment: { ...noEngine, SALLYPORT_DRAIN_MS: '0' } });
    const running = server.call('js_run', { code: 'for(;;){}' });
    await untilBusy(server.runnerPid);
    await server.stop('SIGTERM');
    expect((await running).body).toMatchObject({ status: 'cancelled', result: null });
  });
});

test('the log line of an ordinary request comes by itself, and names the request once', async () => {
  await using server = await startServer({ environment: noEngine });
  const { headers } = await server.request('GET', '/v1/tools');
  const requestId = headers.get('x-request-id');
  // Not the first: what holds answers to the OpenAPI document has asked for it before.
  const line = await server.logged(
    (one) => one.msg === 'request completed' && one['requestId'] === requestId,
  );
  expect(line).toMatchObject({ res: { status: 200 } });
  expect(line).not.toHaveProperty('reqId');
});

describe('kill -9 in mid-call', () => {
  test('of the server: the intent is closed as unknown at the next start, the chain verifies', async () => {
    const first = await startServer({ environment: noEngine });
    const acknowledged = await first.call('js_run', { code: 'return "kept"' });
    const lost = first.call('js_run', { code: busyCode }).catch(() => 'connection lost');
    await untilBusy(first.runnerPid);
    const runner = first.runnerPid;
    await first.stop('SIGKILL');
    expect(await lost).toBe('connection lost');
    await gone(runner);
    await using again = await startServer({ dataDir: first.dataDir, environment: noEngine });
    expect((await again.request('GET', `/v1/calls/${acknowledged.body.id}`)).body).toEqual(acknowledged.body);
    const outcomes = await again.request('GET', '/v1/audit/events?type=outcome&status=unknown');
    expect(outcomes.body.items).toHaveLength(1);
    expect((await again.request('GET', '/v1/audit/verify')).body).toMatchObject({
      valid: true,
      problems: [],
    });
    rmSync(first.dataDir, { recursive: true });
  });

  test('of the runner: the call is unknown, the runner comes back, the loss is on the record', async () => {
    await using server = await startServer({ environment: noEngine });
    const lost = server.call('js_run', { code: busyCode });
    await untilBusy(server.runnerPid);
    process.kill(server.runnerPid, 'SIGKILL');
    expect(await lost).toMatchObject({ status: 200, body: { status: 'unknown', result: null } });
    await server.logged(
      ({ msg, runnerPid }) =>
        msg === 'runner connected' &&
        runnerPid !== server.log.find((line) => line.msg === 'runner connected')?.['runnerPid'],
    );
    expect((await server.call('js_run', { code: 'return 1' })).body.result).toBe(1);
    expect((await server.request('GET', '/v1/audit/events?type=runner_lost')).body.items).toMatchObject([
      { details: { reason: 'signal SIGKILL' } },
    ]);
  });

  test('a runner that hangs makes /ready say down, however often it is asked', async () => {
    await using server = await startServer({ environment: noEngine });
    process.kill(server.runnerPid, 'SIGSTOP');
    const asked = Array.from({ length: 20 }, () => server.request('GET', '/ready'));
    const states = (await Promise.all(asked)).map(({ status, body }) => [status, body.status]);
    process.kill(server.runnerPid, 'SIGCONT');
    expect(states).toEqual(Array.from({ length: 20 }, () => [503, 'down']));
    expect((await server.call('js_run', { code: 'return 1' })).body.result).toBe(1);
  });

  test('of the worker: the call crashed, the next one runs', async () => {
    await using server = await startServer({ environment: noEngine });
    const crashed = server.call('js_run', { code: 'for(;;){}' });
    await untilBusy(server.runnerPid);
    const workers = descendants(server.runnerPid);
    for (const pid of workers) process.kill(pid, 'SIGKILL');
    // No zombie either: the runner knows that they are gone.
    for (const pid of workers) await gone(pid);
    expect((await crashed).body).toMatchObject({ status: 'crashed', result: null });
    expect((await server.call('js_run', { code: 'return 1' })).body.result).toBe(1);
  });
});

describe('a disk that fills up', () => {
  test('refuses calls with 503 before anything runs, and recovers by itself', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'disk-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=96m', 'tmpfs', dataDir]);
    try {
      await using server = await startServer({
        dataDir,
        environment: { ...noEngine, SALLYPORT_DISK_RESERVE_BYTES: '32MiB' },
      });
      expect((await server.call('js_run', { code: 'return 1' })).status).toBe(200);
      const { bavail, bsize } = statfsSync(dataDir);
      mkdirSync(join(dataDir, 'ballast'));
      writeFileSync(join(dataDir, 'ballast/file'), Buffer.alloc(bavail * bsize - 1024 * 1024));
      expect(await answersWith(server.url, server.key, 503)).toBe('audit_unavailable');
      rmSync(join(dataDir, 'ballast'), { recursive: true });
      await answersWith(server.url, server.key, 200);
      expect((await server.request('GET', '/v1/audit/verify')).body.valid).toBe(true);
    } finally {
      execFileSync('umount', ['-l', dataDir]);
    }
  });
});

/** Calls until the wanted status comes; the attempts are bounded by the test's own time limit. */
async function answersWith(url: string, key: string, wanted: number): Promise<string | undefined> {
  for (;;) {
    const response = await fetch(`${url}/v1/calls`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ tool: 'js_run', args: { code: 'return 1' } }),
    });
    const { code } = (await response.json()) as { code?: string };
    if (response.status === wanted) return code;
  }
}
