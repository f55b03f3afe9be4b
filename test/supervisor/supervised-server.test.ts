/** `sallyport serve` with SALLYPORT_HTTP_WORKERS, as an operator runs it. */
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { mkdtempSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { descendants, gone, untilBusy } from '../support/processes.ts';
import { runCli, startServer } from '../support/server.ts';
import type { LogLine, TestServer } from '../support/server.ts';
import { underLoad } from '../support/steady-load.ts';

const environment = {
  DOCKER_HOST: 'unix:///nonexistent/docker.sock',
  SALLYPORT_HTTP_WORKERS: '1',
};
const loadMsMax = 60_000;

const startsOf = (server: TestServer): LogLine[] => server.log.filter(({ msg }) => msg === 'listening');
const workerPid = (server: TestServer): number => Number(startsOf(server).at(-1)?.['pid']);

/** Resolves when a worker listens that is not this one. */
async function nextWorker(server: TestServer, pid: number): Promise<number> {
  const line = await server.logged((line) => line.msg === 'listening' && line['pid'] !== pid);
  return Number(line['pid']);
}

describe('with 50 clients that call without a pause', () => {
  test(
    'SIGHUP puts a new worker in the place of the old one, and no request fails',
    async () => {
      await using server = await startServer({ environment });
      const before = workerPid(server);
      const { failures, served } = await underLoad(server, 50, async (more) => {
        await more(50);
        server.child.kill('SIGHUP');
        await nextWorker(server, before);
        await more(50);
      });
      expect(failures).toEqual([]);
      await gone(before);
      const { body } = await server.request('GET', '/metrics', { key: null });
      const line = 'sallyport_calls_total{tool="js_run",status="succeeded",runtime="isolate"}';
      expect((body as string).split('\n')).toContain(`${line} ${served}`);
      const { items } = (await server.request('GET', '/v1/audit/events?type=stopped')).body;
      expect(items).toHaveLength(1);
      expect((await server.request('GET', '/v1/audit/verify')).body).toMatchObject({ valid: true });
    },
    loadMsMax,
  );

  test(
    'SIGTERM to the worker itself is no more than that',
    async () => {
      await using server = await startServer({ environment });
      const before = workerPid(server);
      const { failures } = await underLoad(server, 50, async (more) => {
        await more(50);
        process.kill(before, 'SIGTERM');
        await nextWorker(server, before);
        await more(50);
      });
      expect(failures).toEqual([]);
    },
    loadMsMax,
  );
});

test('a worker that is killed is started anew, the port stays, and the log says that somebody has to look', async () => {
  await using server = await startServer({ environment });
  const first = workerPid(server);
  process.kill(first, 'SIGKILL');
  await gone(first);
  const [answer, next] = await Promise.all([server.request('GET', '/health'), nextWorker(server, first)]);
  expect(answer.status).toBe(200);
  expect(next).not.toBe(first);
  expect(await server.logged(({ msg }) => msg === 'a worker ended by itself')).toMatchObject({
    level: 'error',
    process: 'supervisor',
    signal: 'SIGKILL',
  });
});

test('a reload with a configuration that cannot be used changes nothing', async () => {
  const secret = join(mkdtempSync(join(tmpdir(), 'secret-')), 'redis');
  await using server = await startServer({
    environment: { ...environment, SALLYPORT_APPROVAL_WEBHOOK_FILE: writeSecret(secret) },
  });
  const first = workerPid(server);
  unlinkSync(secret);
  server.child.kill('SIGHUP');
  const line = await server.logged(({ msg }) => msg.includes('nothing is reloaded'));
  expect(JSON.stringify(line)).toContain('SALLYPORT_APPROVAL_WEBHOOK_FILE');
  expect((await server.request('GET', '/health')).status).toBe(200);
  expect(workerPid(server)).toBe(first);
});

test('SIGTERM lets the running call end, frees the port, and exits 0 with nothing left', async () => {
  const server = await startServer({ environment });
  const code = 'for (const end = Date.now() + 4000; Date.now() < end; ); return "done"';
  const running = server.call('js_run', { code });
  await untilBusy(server.runnerPid);
  const below = descendants(Number(server.child.pid));
  const stopped = server.stop('SIGTERM');
  expect((await running).body).toMatchObject({ status: 'succeeded', result: 'done' });
  expect(await stopped).toEqual({ code: 0, signal: null });
  await Promise.all(below.map(gone));
});

test('a supervisor that is killed takes its worker along', async () => {
  await using server = await startServer({ environment });
  const below = descendants(Number(server.child.pid));
  expect(below.length).toBeGreaterThan(1);
  await server.stop('SIGKILL');
  await Promise.all(below.map(gone));
});

describe('does not start', () => {
  test('with more workers than the record has writers: exit code 2', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'sallyport-test-'));
    const { code, stderr } = await runCli(['serve'], {
      SALLYPORT_DATA_DIR: dataDir,
      SALLYPORT_HTTP_WORKERS: '2',
      SALLYPORT_PORT: '0',
    });
    expect(code).toBe(2);
    expect(stderr).toContain('SALLYPORT_DATABASE_URL, for the record on SQLite has one writer');
    expect(stderr).toContain('SALLYPORT_REDIS_URL');
  });

  test('where its worker cannot: with the exit code and the words of the worker', async () => {
    const policyDir = mkdtempSync(join(tmpdir(), 'policy-'));
    const { code, stderr } = await runCli(['serve'], {
      ...environment,
      SALLYPORT_DATA_DIR: mkdtempSync(join(tmpdir(), 'sallyport-test-')),
      SALLYPORT_POLICY_DIR: join(policyDir, 'none'),
      SALLYPORT_PORT: '0',
    });
    expect(code).toBe(1);
    expect(stderr).toContain('none');
    expect(stderr).toContain('The server did not start');
  });

  test('on a port that is taken', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as AddressInfo;
    await expect(
      startServer({ environment: { ...environment, SALLYPORT_PORT: String(port) } }),
    ).rejects.toThrow('the port is in use');
    taken.close();
  });

  test('a worker that nobody supervises: exit code 2', async () => {
    const { code, stderr } = await runCli(['worker', '--index', '1', '--url', 'http://127.0.0.1:1']);
    expect(code).toBe(2);
    expect(stderr).toContain('SALLYPORT_HTTP_WORKERS');
  });
});

function writeSecret(path: string): string {
  writeFileSync(path, 'http://127.0.0.1:9/hook');
  return path;
}
