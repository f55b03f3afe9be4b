/** Processes killed while containers wait for calls: nothing acknowledged is lost, and none of them is left. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';

import { callOf, expectNothingLost, tryCall } from '../support/acknowledged.ts';
import { buildImages, dockerHost } from '../support/container-calls.ts';
import { ContainerEvents } from '../support/container-events.ts';
import { PrivateEngine } from '../support/private-engine.ts';
import { gone } from '../support/processes.ts';
import { startServer } from '../support/server.ts';
import type { TestServer } from '../support/server.ts';

const sharedEngine = dockerHost ?? 'unix:///var/run/docker.sock';
const endless = { script: 'echo on; sleep 1000' };
const short = { script: 'echo done; echo kept > /work/out/kept.txt' };

let dataDir = '';
beforeAll(async () => await buildImages('shell', 'python'), 600_000);
beforeEach(() => {
  dataDir = mkdtempSync(path.join(tmpdir(), 'sallyport-warm-killed-'));
});
afterEach(() => rmSync(dataDir, { recursive: true }));

function warmServer(engine: string): Promise<TestServer> {
  return startServer({
    dataDir,
    environment: { DOCKER_HOST: engine, SALLYPORT_WARM_CONTAINERS: 'on' },
  });
}

/** Idle containers of shell, by the server's own metrics. */
async function idleShells(server: TestServer): Promise<number> {
  const { body } = await server.request('GET', '/metrics', { key: null });
  const line = /^sallyport_warm_containers\{.*image="shell".*\} (\d+)$/m.exec(String(body));
  return Number(line?.[1] ?? 0);
}

/** A server that has an idle container of shell. */
async function filled(server: TestServer): Promise<void> {
  expect(callOf(await server.call('shell_run', short)).status).toBe('succeeded');
  await vi.waitFor(async () => expect(await idleShells(server)).toBeGreaterThan(0), {
    timeout: 20_000,
    interval: 100,
  });
}

async function destroyed(events: ContainerEvents, ids: readonly string[]): Promise<void> {
  await vi.waitFor(() => expect(ids.filter((id) => !events.of('destroy').includes(id))).toEqual([]), {
    timeout: 20_000,
  });
}

test('with SALLYPORT_WARM_CONTAINERS=off the server makes none that no call asked for', async () => {
  await using server = await startServer({ dataDir });
  using events = await ContainerEvents.of(server, sharedEngine);
  for (const _ of [1, 2]) {
    const { body } = await server.call('shell_run', short);
    expect(body).toMatchObject({ status: 'succeeded', runtime: { warm: false } });
  }
  await events.allDestroyed();
  expect(events.of('create')).toHaveLength(2);
});

test('a second call is warm, /metrics counts it, and SIGTERM leaves no container', async () => {
  await using server = await warmServer(sharedEngine);
  using events = await ContainerEvents.of(server, sharedEngine);
  await filled(server);
  const answer = await server.call('shell_run', short);
  expect(answer.body).toMatchObject({ status: 'succeeded', runtime: { warm: true } });
  const { body } = await server.request('GET', '/metrics', { key: null });
  expect(body).toMatch(/^sallyport_warm_claims_total\{.*image="shell".*outcome="hit"\} 1$/m);
  expect(await server.stop('SIGTERM')).toEqual({ code: 0, signal: null });
  expect(await events.count()).toBe(0);
});

describe('kill -9 of the runner', () => {
  test.each(['create', 'start', 'die', 'destroy'] as const)(
    'at a %s among warm calls: both are answered, nothing that it had is left',
    async (action) => {
      await using server = await warmServer(sharedEngine);
      using events = await ContainerEvents.of(server, sharedEngine);
      await filled(server);
      const seen = events.of(action).length;
      const calls = [1, 2].map(() => tryCall(server, 'shell_run', short));
      await events.seen(action, seen + 1);
      const killed = server.runnerPid;
      process.kill(killed, 'SIGKILL');
      const answers = await Promise.all(calls);
      for (const answer of answers) expect(['succeeded', 'unknown']).toContain(callOf(answer).status);
      await server.logged(({ msg, runnerPid }) => msg === 'runner connected' && runnerPid !== killed);
      const left = [...events.of('create')];
      const next = await server.call('shell_run', short);
      expect(callOf(next).status).toBe('succeeded');
      await destroyed(events, left);
      await expectNothingLost(server, [...answers, next]);
      await server.stop('SIGTERM');
      expect(await events.count()).toBe(0);
    },
  );
});

describe('kill -9 of the server', () => {
  test.each(['create', 'start', 'die', 'destroy'] as const)(
    'at a %s among warm calls: what was answered is there, and no container',
    async (action) => {
      await using first = await warmServer(sharedEngine);
      using events = await ContainerEvents.of(first, sharedEngine);
      await filled(first);
      const seen = events.of(action).length;
      const calls = [1, 2].map(() => tryCall(first, 'shell_run', short));
      await events.seen(action, seen + 1);
      const runner = first.runnerPid;
      await first.stop('SIGKILL');
      await gone(runner);
      const answers = await Promise.all(calls);
      await events.allDestroyed();

      await using again = await warmServer(sharedEngine);
      await expectNothingLost(again, answers);
      await again.stop('SIGTERM');
      expect(await events.count()).toBe(0);
    },
  );
});

describe('kill -9 of dockerd', { timeout: 90_000 }, () => {
  let engine: PrivateEngine;
  beforeAll(async () => {
    engine = await PrivateEngine.start('shell');
  }, 600_000);
  afterAll(async () => await engine[Symbol.asyncDispose](), 60_000);

  test('in mid-call, with idle ones beside it: unknown, then warm again, and none is left', async () => {
    await using server = await warmServer(engine.address);
    await filled(server);
    using events = await ContainerEvents.of(server, engine.address);
    const [idle = ''] = await events.ids();
    const lost = tryCall(server, 'shell_run', endless);
    const sandbox = await events.runs(idle, 'sleep 1000');
    await engine.kill();
    const answer = await lost;
    expect(callOf(answer)).toMatchObject({ status: 'unknown', result: null, error: { name: 'Lost' } });
    await gone(sandbox);
    await engine.up();
    await filled(server);
    const next = await server.call('shell_run', short);
    expect(next.body).toMatchObject({ status: 'succeeded', runtime: { warm: true } });
    await expectNothingLost(server, [answer, next]);
    using back = await ContainerEvents.of(server, engine.address);
    await server.stop('SIGTERM');
    expect(await back.count()).toBe(0);
  });
});
