import { beforeAll, describe, expect, test } from 'vitest';

import { callOf, countEvents, expectNothingLost, tryCall } from '../support/acknowledged.ts';
import { buildImages, dockerHost } from '../support/container-calls.ts';
import { ContainerEvents } from '../support/container-events.ts';
import { startServer } from '../support/server.ts';

const engine = dockerHost ?? 'unix:///var/run/docker.sock';
const endless = { script: 'echo on; sleep 1000' };
const short = { script: 'echo done' };

beforeAll(async () => await buildImages('shell'), 600_000);

describe('kill -9 of the runner', () => {
  test('in the middle of a container call: unknown, then a new runner that removes the container', async () => {
    await using server = await startServer();
    using events = await ContainerEvents.of(server, engine);
    const kept = await server.call('shell_run', short);
    const lost = tryCall(server, 'shell_run', endless);
    await events.runs(await events.seen('start', 2), 'sleep 1000');
    const killed = server.runnerPid;
    process.kill(killed, 'SIGKILL');
    const answer = await lost;
    expect(callOf(answer)).toMatchObject({ status: 'unknown', result: null, error: { name: 'Lost' } });
    await server.logged(({ msg, runnerPid }) => msg === 'runner connected' && runnerPid !== killed);
    await events.allDestroyed();
    expect(await events.count()).toBe(0);
    const next = await server.call('shell_run', short);
    expect(callOf(next).status).toBe('succeeded');
    await expectNothingLost(server, [kept, answer, next]);
    expect(await countEvents(server, 'runner_lost')).toBe(1);
  });

  test.each(['create', 'start', 'die', 'destroy'] as const)(
    'at the first %s of two calls at once: both are answered, neither leaves a container',
    async (action) => {
      await using server = await startServer();
      using events = await ContainerEvents.of(server, engine);
      const calls = [1, 2].map(() => tryCall(server, 'shell_run', short));
      await events.seen(action);
      const killed = server.runnerPid;
      process.kill(killed, 'SIGKILL');
      const answers = await Promise.all(calls);
      for (const answer of answers) expect(['succeeded', 'unknown']).toContain(callOf(answer).status);
      await server.logged(({ msg, runnerPid }) => msg === 'runner connected' && runnerPid !== killed);
      const next = await server.call('shell_run', short);
      expect(callOf(next).status).toBe('succeeded');
      await events.allDestroyed();
      expect(await events.count()).toBe(0);
      await expectNothingLost(server, [...answers, next]);
    },
  );
});

describe('kill -9 of the sandbox', () => {
  test('by the engine: the call crashed, the container is gone, the next call runs', async () => {
    await using server = await startServer();
    using events = await ContainerEvents.of(server, engine);
    const lost = tryCall(server, 'shell_run', endless);
    const container = await events.seen('start');
    await events.runs(container, 'sleep 1000');
    await events.kill(container);
    const answer = await lost;
    expect(callOf(answer)).toMatchObject({
      status: 'crashed',
      result: null,
      error: { name: 'SandboxCrashed', message: 'the container ended with exit status 137' },
    });
    await events.allDestroyed();
    expect(await events.count()).toBe(0);
    expect((await server.call('shell_run', short)).body.status).toBe('succeeded');
    await expectNothingLost(server, [answer]);
  });

  test('of its first process from the host: the same', async () => {
    await using server = await startServer();
    using events = await ContainerEvents.of(server, engine);
    const lost = tryCall(server, 'shell_run', endless);
    process.kill(await events.runs(await events.seen('start'), 'sleep 1000'), 'SIGKILL');
    expect(callOf(await lost)).toMatchObject({ status: 'crashed', result: null });
    await events.allDestroyed();
    expect(await events.count()).toBe(0);
  });
});
