import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { callOf, countEvents, expectNothingLost, tryCall } from '../support/acknowledged.ts';
import { buildImages } from '../support/container-calls.ts';
import { ContainerEvents } from '../support/container-events.ts';
import { PrivateEngine } from '../support/private-engine.ts';
import { gone } from '../support/processes.ts';
import { startServer } from '../support/server.ts';

const endless = { script: 'echo on; sleep 1000' };
const short = { script: 'echo done; echo kept > /work/out/kept.txt' };

let engine: PrivateEngine;
beforeAll(async () => {
  await buildImages('shell');
  engine = await PrivateEngine.start('shell');
}, 600_000);
afterAll(async () => await engine[Symbol.asyncDispose](), 60_000);

describe('kill -9 of dockerd in the middle of a call', { timeout: 90_000 }, () => {
  test('the call is unknown, isolates run on, containers are refused, and all is well once it is back', async () => {
    await using server = await startServer({ environment: { DOCKER_HOST: engine.address } });
    using events = await ContainerEvents.of(server, engine.address);
    const kept = await server.call('shell_run', short);
    const lost = tryCall(server, 'shell_run', endless);
    const sandbox = await events.runs(await events.seen('start', 2), 'sleep 1000');
    await engine.kill();
    const answer = await lost;
    expect(callOf(answer)).toMatchObject({ status: 'unknown', result: null, error: { name: 'Lost' } });
    await gone(sandbox);

    const ready = await server.request('GET', '/ready');
    expect(ready).toMatchObject({ status: 200, body: { status: 'degraded' } });
    expect(ready.body.dependencies).toContainEqual(
      expect.objectContaining({
        name: 'container',
        state: 'down',
        reason: expect.stringContaining(`no container engine answers at ${engine.address}`),
      }),
    );
    expect((await server.call('js_run', { code: 'return 1' })).body.result).toBe(1);
    expect(await server.call('shell_run', short)).toMatchObject({
      status: 503,
      body: { code: 'runtime_unavailable' },
    });

    await engine.up();
    using back = await ContainerEvents.of(server, engine.address);
    const next = await server.call('shell_run', short);
    expect(callOf(next).status).toBe('succeeded');
    expect((await server.request('GET', '/ready')).body.dependencies).toContainEqual(
      expect.objectContaining({ name: 'container', state: 'ok' }),
    );
    await expectNothingLost(server, [kept, answer, next]);
    await server.stop('SIGTERM');
    expect(await back.count()).toBe(0);
  });

  test('and of the server too: the next start closes the call and removes the container', async () => {
    const dataDir = mkdtempSync(path.join(tmpdir(), 'sallyport-killed-'));
    try {
      const environment = { DOCKER_HOST: engine.address };
      await using first = await startServer({ dataDir, environment });
      using events = await ContainerEvents.of(first, engine.address);
      const kept = await first.call('shell_run', short);
      const lost = tryCall(first, 'shell_run', endless);
      const container = await events.seen('start', 2);
      const sandbox = await events.runs(container, 'sleep 1000');
      const runner = first.runnerPid;
      process.kill(runner, 'SIGSTOP');
      await engine.kill();
      await first.stop('SIGKILL');
      process.kill(runner, 'SIGKILL');
      expect(await lost).toBeNull();
      await engine.up();
      await gone(sandbox);

      await using again = await startServer({ dataDir, environment });
      using back = await ContainerEvents.of(again, engine.address);
      const next = await again.call('shell_run', short);
      expect(callOf(next).status).toBe('succeeded');
      await expectNothingLost(again, [kept, next]);
      expect(await countEvents(again, 'outcome&status=unknown')).toBe(1);
      await again.stop('SIGTERM');
      expect(await back.count()).toBe(0);
    } finally {
      rmSync(dataDir, { recursive: true });
    }
  });

  test('a shim that is killed ends its call as crashed and leaves no container', async () => {
    await using server = await startServer({ environment: { DOCKER_HOST: engine.address } });
    using events = await ContainerEvents.of(server, engine.address);
    const lost = tryCall(server, 'shell_run', endless);
    const container = await events.seen('start');
    const sandbox = await events.runs(container, 'sleep 1000');
    process.kill(engine.shimOf(container), 'SIGKILL');
    expect(callOf(await lost)).toMatchObject({ status: 'crashed', result: null });
    await gone(sandbox);
    await events.allDestroyed();
    expect(await events.count()).toBe(0);
  });
});

test(
  'a dockerd that hangs cannot keep a call past its deadline and the grace',
  { timeout: 90_000 },
  async () => {
    await using server = await startServer({ environment: { DOCKER_HOST: engine.address } });
    using events = await ContainerEvents.of(server, engine.address);
    const running = server.call('shell_run', endless, { limits: { timeoutMs: 5000 } });
    const sandbox = await events.runs(await events.seen('start'), 'sleep 1000');
    engine.signal('SIGSTOP');
    try {
      const answer = await running;
      expect(callOf(answer)).toMatchObject({ status: 'timed_out', result: null });
      expect(Date.parse(answer.body.finishedAt) - Date.parse(answer.body.startedAt)).toBeLessThan(40_000);
      await gone(sandbox);
      expect((await server.call('js_run', { code: 'return 1' })).body.result).toBe(1);
    } finally {
      engine.signal('SIGCONT');
    }
    await events.allDestroyed();
    const next = await server.call('shell_run', short);
    expect(callOf(next).status).toBe('succeeded');
    await expectNothingLost(server, [next]);
  },
);
