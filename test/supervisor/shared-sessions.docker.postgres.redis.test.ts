/** A session is the node's: whichever of two workers a request comes to, and also when the one that opened it is gone. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { buildImages, dockerHost } from '../support/container-calls.ts';
import { PostgresServer } from '../support/postgres-server.ts';
import { gone } from '../support/processes.ts';
import { RedisServer } from '../support/redis-server.ts';
import { repository, startServer } from '../support/server.ts';
import { WorkerClient } from '../support/worker-client.ts';

test('a session that one worker opened is used, kept and ended by the other', async () => {
  await buildImages('python');
  await using postgres = await PostgresServer.start();
  await using redis = await RedisServer.start();
  const policyDir = mkdtempSync(join(tmpdir(), 'policies-'));
  cpSync(join(repository, 'policies'), policyDir, { recursive: true });
  await using server = await startServer({
    policyDir,
    environment: {
      ...(dockerHost === null ? {} : { DOCKER_HOST: dockerHost }),
      SALLYPORT_DATABASE_URL: await postgres.createDatabase(),
      SALLYPORT_REDIS_URL: redis.url,
      SALLYPORT_HTTP_WORKERS: '2',
    },
  });
  await server.logged(({ msg }) => msg === 'supervising');
  const [one, other] = await WorkerClient.forEach(server, 2);
  if (one === undefined || other === undefined) throw new Error('there are two');
  const session = (await one.request('POST', '/v1/sessions', { body: { image: 'python' } })).body;
  expect(session).toMatchObject({ status: 'open' });
  const run = (at: WorkerClient, code: string) =>
    at.request('POST', '/v1/calls', { body: { tool: 'python_run', args: { code }, session: session.id } });

  expect((await run(one, 'open("n", "w").write("1")')).body).toMatchObject({ status: 'succeeded' });
  // Turn about, as fast as answers come: never busy, for nothing runs in it any more.
  for (let turn = 0; turn < 6; turn += 1) {
    const at = turn % 2 === 0 ? other : one;
    const answer = await run(at, 'n = int(open("n").read()) + 1; open("n", "w").write(str(n)); print(n)');
    expect(answer.body).toMatchObject({
      status: 'succeeded',
      error: null,
      output: { stdout: `${turn + 2}\n` },
    });
  }
  const intents = async (): Promise<number> =>
    (await other.request('GET', '/v1/audit/events?type=intent&limit=100')).body.items.length;
  const before = await intents();
  const slow = run(one, 'import time; time.sleep(1.5)');
  while ((await intents()) === before);
  expect(await run(other, 'pass')).toMatchObject({ status: 409, body: { code: 'session_busy' } });
  expect((await slow).body).toMatchObject({ status: 'succeeded' });
  expect((await other.request('GET', `/v1/sessions/${session.id}/files/n`)).body).toBe(7);

  process.kill(one.pid, 'SIGTERM');
  await gone(one.pid);
  expect((await run(other, 'print(open("n").read())')).body.output.stdout).toBe('7\n');
  await server.logged(({ msg, pid }) => msg === 'listening' && pid !== one.pid && pid !== other.pid);
  const third = (await WorkerClient.forEach(server, 2)).find(({ pid }) => pid !== other.pid);
  expect(third).toBeDefined();
  expect((await third?.request('DELETE', `/v1/sessions/${session.id}`))?.body).toMatchObject({
    status: 'ended',
    endReason: 'deleted',
  });
  expect(await run(other, 'pass')).toMatchObject({ status: 410, body: { code: 'session_ended' } });
  const { items } = (await other.request('GET', '/v1/audit/events?type=session_closed')).body;
  expect(items).toHaveLength(1);
  rmSync(policyDir, { recursive: true });
}, 180_000);
