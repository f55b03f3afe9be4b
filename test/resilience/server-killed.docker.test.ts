import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';

import { callOf, countEvents, expectNothingLost, tryCall } from '../support/acknowledged.ts';
import { buildImages, dockerHost } from '../support/container-calls.ts';
import { ContainerEvents } from '../support/container-events.ts';
import { gone } from '../support/processes.ts';
import { startServer } from '../support/server.ts';
import type { TestServer } from '../support/server.ts';

const engine = dockerHost ?? 'unix:///var/run/docker.sock';
const endless = { script: 'echo on; sleep 1000' };
const short = { script: 'echo done; echo kept > /work/out/kept.txt' };

let dataDir = '';
beforeAll(async () => await buildImages('shell'), 600_000);
beforeEach(() => {
  dataDir = mkdtempSync(path.join(tmpdir(), 'sallyport-killed-'));
});
afterEach(() => rmSync(dataDir, { recursive: true }));

describe('kill -9 of the server', () => {
  test('in the middle of a container call: it is closed as unknown, and its container is gone', async () => {
    await using first = await startServer({ dataDir });
    using events = await ContainerEvents.of(first, engine);
    const kept = await first.call('shell_run', short);
    const lost = tryCall(first, 'shell_run', endless);
    await events.runs(await events.seen('start', 2), 'sleep 1000');
    await killServer(first);
    expect(await lost).toBeNull();
    await events.allDestroyed();

    await using again = await startServer({ dataDir });
    await expectNothingLost(again, [kept]);
    expect(callOf(kept)).toMatchObject({ status: 'succeeded', artifacts: [{ name: 'kept.txt' }] });
    expect(await countEvents(again, 'outcome&status=unknown')).toBe(1);
    expect(await events.count()).toBe(0);
    expect((await again.call('shell_run', short)).body.status).toBe('succeeded');
  });

  test('and of its runner at once: the next start removes the container that both left', async () => {
    await using first = await startServer({ dataDir });
    using events = await ContainerEvents.of(first, engine);
    const lost = tryCall(first, 'shell_run', endless);
    const ran = await events.seen('start');
    await events.runs(ran, 'sleep 1000');
    process.kill(first.runnerPid, 'SIGSTOP');
    await killServer(first, 'SIGKILL');
    expect(await lost).toBeNull();
    expect(await events.count()).toBe(1);

    await using again = await startServer({ dataDir });
    await events.allDestroyed();
    await expectNothingLost(again, []);
    expect(await countEvents(again, 'outcome&status=unknown')).toBe(1);
    // Told once, to whoever asks the runner how it is: this server does so every few seconds by itself.
    await vi.waitFor(async () => {
      await again.request('GET', '/ready');
      const { body } = await again.request('GET', '/v1/audit/events?type=sandbox_orphan_removed');
      const removed = body.items.flatMap(
        ({ details }: { details: { containers: string[] } }) => details.containers,
      );
      expect(events.of('destroy')).toEqual(expect.arrayContaining(removed));
      expect(removed).toContain(ran);
    }, 20_000);
    expect(await events.count()).toBe(0);
  });

  test('between the intent and the runner: nothing ran, and the record says unknown', async () => {
    await using first = await startServer({ dataDir });
    using events = await ContainerEvents.of(first, engine);
    process.kill(first.runnerPid, 'SIGSTOP');
    const lost = tryCall(first, 'shell_run', endless);
    while ((await countEvents(first, 'intent')) === 0);
    await killServer(first, 'SIGKILL');
    expect(await lost).toBeNull();

    await using again = await startServer({ dataDir });
    await expectNothingLost(again, []);
    expect(await countEvents(again, 'outcome&status=unknown')).toBe(1);
    expect((await again.call('shell_run', short)).body.status).toBe('succeeded');
    expect(events.of('create')).toHaveLength(1);
  });

  test('a call tried again under its idempotency key after the loss is not run a second time', async () => {
    await using first = await startServer({ dataDir });
    using events = await ContainerEvents.of(first, engine);
    const asked = {
      body: { tool: 'shell_run', args: endless },
      headers: { 'Idempotency-Key': 'once' },
    };
    const lost = first.request('POST', '/v1/calls', asked).catch(() => null);
    await events.runs(await events.seen('start'), 'sleep 1000');
    await killServer(first);
    expect(await lost).toBeNull();

    await using again = await startServer({ dataDir });
    const answer = await again.request('POST', '/v1/calls', asked);
    expect(callOf(answer)).toMatchObject({ status: 'unknown', result: null, error: { name: 'Lost' } });
    await expectNothingLost(again, [answer]);
    expect(events.of('create')).toHaveLength(1);
  });

  test.each(['create', 'start', 'die', 'destroy'] as const)(
    'at the second %s of three calls at once: what was answered is there, what was not is ended',
    async (action) => {
      await using first = await startServer({ dataDir });
      using events = await ContainerEvents.of(first, engine);
      const kept = await first.call('shell_run', short);
      const calls = [1, 2, 3].map(() => tryCall(first, 'shell_run', short));
      await events.seen(action, 3);
      await killServer(first);
      const answers = await Promise.all(calls);
      await events.allDestroyed();

      await using again = await startServer({ dataDir });
      await expectNothingLost(again, [kept, ...answers]);
      expect(await events.count()).toBe(0);
    },
  );

  test('twice in a row keeps one outcome for each call', async () => {
    await using first = await startServer({ dataDir });
    using events = await ContainerEvents.of(first, engine);
    const lost = tryCall(first, 'shell_run', endless);
    await events.runs(await events.seen('start'), 'sleep 1000');
    await killServer(first);
    expect(await lost).toBeNull();
    await killServer(await startServer({ dataDir }));

    await using again = await startServer({ dataDir });
    await events.allDestroyed();
    await expectNothingLost(again, []);
    expect(await countEvents(again, 'outcome&status=unknown')).toBe(1);
    expect(await events.count()).toBe(0);
  });
});

describe('SIGTERM in the middle of a container call', () => {
  const waiting = { script: 'until [ -e /work/go ]; do sleep 0.01; done; echo went' };

  test('lets it finish within the drain time and leaves no container', async () => {
    await using first = await startServer({ dataDir });
    using events = await ContainerEvents.of(first, engine);
    const running = tryCall(first, 'shell_run', waiting);
    const container = await events.seen('start');
    const stopped = first.stop('SIGTERM');
    await first.logged(({ msg }) => msg === 'draining');
    await events.execute(container, ['touch', '/work/go']);
    const answer = await running;
    expect(callOf(answer)).toMatchObject({ status: 'succeeded', output: { stdout: 'went\n' } });
    expect(await stopped).toEqual({ code: 0, signal: null });
    expect(await events.count()).toBe(0);

    await using again = await startServer({ dataDir });
    await expectNothingLost(again, [answer]);
  });

  test('cancels it when the drain time is over, and leaves no container', async () => {
    await using first = await startServer({ dataDir, environment: { SALLYPORT_DRAIN_MS: '0' } });
    using events = await ContainerEvents.of(first, engine);
    const running = tryCall(first, 'shell_run', endless);
    await events.runs(await events.seen('start'), 'sleep 1000');
    expect(await first.stop('SIGTERM')).toEqual({ code: 0, signal: null });
    const answer = await running;
    expect(callOf(answer)).toMatchObject({ status: 'cancelled', result: null });
    expect(await events.count()).toBe(0);

    await using again = await startServer({ dataDir });
    await expectNothingLost(again, [answer]);
  });
});

/** `kill -9` of the api. Its runner then ends by itself, or with the same signal when one is given. */
async function killServer(server: TestServer, runnerSignal?: NodeJS.Signals): Promise<void> {
  const runner = server.runnerPid;
  await server.stop('SIGKILL');
  if (runnerSignal !== undefined) process.kill(runner, runnerSignal);
  await gone(runner);
}
