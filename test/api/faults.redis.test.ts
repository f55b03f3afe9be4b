/** What is wrong on a host, in words that say what to do: at start by the exit code, later in `/ready`. Needs root. */
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from 'redis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openSqliteRecord } from '../../src/audit/sqlite/open-sqlite-record.ts';
import { createIdSource, createRandomSource } from '../../src/calls/ids.ts';
import { RedisServer } from '../support/redis-server.ts';
import { startServer } from '../support/server.ts';
import type { TestServer } from '../support/server.ts';

const noEngine = { DOCKER_HOST: 'unix:///nonexistent/docker.sock' };
const nobody = 65_534;
const asNobody = ['setpriv', `--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups'];

let home: string;
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'faults-'));
  chmodSync(home, 0o755);
});
afterAll(() => rmSync(home, { recursive: true }));

function directory(name: string, owner = 0): string {
  const path = join(home, name);
  mkdirSync(path, { mode: 0o700 });
  chownSync(path, owner, owner);
  return path;
}

interface Dependency {
  readonly name: string;
  readonly state: string;
  readonly reason: string | null;
}

async function dependency(server: TestServer, name: string): Promise<Dependency> {
  const { body } = await server.request('GET', '/ready');
  return body.dependencies.find((found: Dependency) => found.name === name);
}

/** Asks until it is so; the time limit of the test bounds it. */
async function until(server: TestServer, name: string, state: string): Promise<Dependency> {
  for (;;) {
    const found = await dependency(server, name);
    if (found.state === state) return found;
  }
}

describe('a start that cannot be', () => {
  const startWith = (dataDir: string, more: Parameters<typeof startServer>[0] = {}): Promise<TestServer> =>
    startServer({ dataDir, environment: noEngine, ...more });

  test('on a data directory of another user: exit code 2, and whose it is', async () => {
    const dataDir = directory('foreign');
    await expect(startWith(dataDir, { prefix: asNobody })).rejects.toThrow(
      `server ended with 2: sallyport: The configuration cannot be used:\n  SALLYPORT_DATA_DIR: ${dataDir} cannot be used: it belongs to user 0, and this process runs as ${nobody}; chown it, or run as its owner`,
    );
  });

  test('on files that another user left in it: each is named', async () => {
    const dataDir = directory('mixed', nobody);
    for (const name of ['record.db', 'data.key']) writeFileSync(join(dataDir, name), '', { mode: 0o600 });
    const failed = startWith(dataDir, { prefix: asNobody });
    await expect(failed).rejects.toThrow(/record\.db cannot be used[^]*data\.key cannot be used/);
  });

  test('where no data directory can be made', async () => {
    const dataDir = join(directory('closed'), 'data');
    await expect(startWith(dataDir, { prefix: asNobody })).rejects.toThrow(
      /ended with 2: [^]*cannot be made/,
    );
  });

  test('where the system answers ENOENT to a new directory, however often it is asked', async () => {
    await expect(startWith('/proc/nothing')).rejects.toThrow(
      /ended with 2: [^]*SALLYPORT_DATA_DIR: \/proc\/nothing cannot be made: ENOENT/,
    );
  });

  test('with a file in the place of the data directory', async () => {
    const dataDir = join(home, 'file');
    writeFileSync(dataDir, '');
    await expect(startWith(dataDir)).rejects.toThrow('server ended with 2');
  });

  test('on a full disk', async () => {
    const dataDir = directory('full');
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', dataDir]);
    try {
      writeFileSync(join(dataDir, 'ballast'), Buffer.alloc(240 * 1024));
      await expect(startWith(dataDir)).rejects.toThrow(`The disk of ${dataDir} is full; free some space.`);
    } finally {
      execFileSync('umount', ['-l', dataDir]);
    }
  });

  test('with a key that is half of one', async () => {
    const dataDir = directory('key');
    writeFileSync(join(dataDir, 'sealing.key'), 'abcd');
    await expect(startWith(dataDir)).rejects.toThrow('sealing.key does not hold 32 bytes in hex');
  });

  test('with a runner over TLS and no certificate: exit code 2', async () => {
    const environment = { ...noEngine, SALLYPORT_RUNNER: 'tls://127.0.0.1:9' };
    await expect(startServer({ environment })).rejects.toThrow(/ended with 2: [^]*SALLYPORT_RUNNER_TLS_CERT/);
  });
});

test('an engine that is too old is down alone, and the words say which versions do', async () => {
  const engine = createServer((_request, response) => {
    response.setHeader('Content-Type', 'application/json');
    response.end(
      JSON.stringify({ Version: '18.09', ApiVersion: '1.39', MinAPIVersion: '1.12', Os: 'linux' }),
    );
  });
  const socket = join(directory('engine'), 'docker.sock');
  await new Promise<void>((resolve) => engine.listen(socket, resolve));
  await using server = await startServer({ environment: { DOCKER_HOST: `unix://${socket}` } });
  const { state, reason } = await until(server, 'container', 'down');
  expect({ state, reason }).toEqual({
    state: 'down',
    reason: expect.stringContaining('Docker 20.10 and later'),
  });
  expect((await server.call('js_run', { code: 'return 1' })).body.result).toBe(1);
  engine.close();
});

test('a clock that was set back behind the record makes /ready degraded', async () => {
  const dataDir = directory('clock');
  const randomBytes = createRandomSource();
  const clock = { now: () => Date.now() + 3600_000 };
  const record = openSqliteRecord({
    dataDir,
    writer: 'earlier',
    clock,
    newId: createIdSource(randomBytes),
    randomBytes,
    retentionMs: null,
  });
  await record.write({ events: [{ type: 'stopped', details: { version: '0' } }] });
  await record[Symbol.asyncDispose]();
  await using server = await startServer({ dataDir, environment: noEngine });
  expect(await dependency(server, 'clock')).toMatchObject({
    state: 'degraded',
    reason: expect.stringMatching(/newest event is 3[56]\d\d s ahead of this host's clock/),
  });
});

test('a wrong password of Redis is said in /ready without the password, and needs no restart once it is right', async () => {
  await using redis = await RedisServer.start();
  await redis.command('CONFIG', 'SET', 'requirepass', 'another');
  const url = redis.url.replace('redis://', 'redis://:the-right-one@');
  await using server = await startServer({ environment: { ...noEngine, SALLYPORT_REDIS_URL: url } });
  const quotas = await until(server, 'quotas', 'degraded');
  expect(quotas.reason).toContain('WRONGPASS');
  expect((await until(server, 'rate-limits', 'degraded')).reason).toContain('WRONGPASS');
  expect(JSON.stringify([quotas, server.log])).not.toContain('the-right-one');
  const admin = createClient({ url: redis.url.replace('redis://', 'redis://:another@') });
  await admin.connect();
  await admin.sendCommand(['CONFIG', 'SET', 'requirepass', 'the-right-one']);
  admin.destroy();
  await until(server, 'quotas', 'ok');
  await until(server, 'rate-limits', 'ok');
});
