/** A whole server whose isolate workers run in containers: none outlives it, whatever happens. */
import { beforeAll, describe, expect, test } from 'vitest';

import { callOf, tryCall } from '../support/acknowledged.ts';
import { dockerHost } from '../support/container-calls.ts';
import { buildWorkerImage, someoneLoops, workerPidsOf } from '../support/contained-isolates.ts';
import { ContainerEvents } from '../support/container-events.ts';
import { startServer } from '../support/server.ts';
import { nowhere, withoutBubblewrap } from '../support/taken-away.ts';

const address = dockerHost ?? 'unix:///var/run/docker.sock';
const environment = { SALLYPORT_ISOLATE_CONFINEMENT: 'container' };
const looping = { code: 'console.log(1); for (;;);' };

beforeAll(async () => await buildWorkerImage(), 600_000);

test('calls run in them, and after an orderly end there are none', async () => {
  await using server = await startServer({ environment });
  using events = await ContainerEvents.of(server, address);
  const { body } = await server.call('js_run', { code: 'return input * 7', input: 6 });
  expect(body).toMatchObject({
    status: 'succeeded',
    result: 42,
    runtime: { kind: 'isolate', confinement: 'container' },
  });
  expect(await events.count()).toBeGreaterThan(0);
  expect(await server.stop('SIGTERM')).toEqual({ code: 0, signal: null });
  expect(await events.count()).toBe(0);
});

test('one that loops is killed at its deadline, and another tenant is served', async () => {
  await using server = await startServer({ environment });
  const other = await server.keyFor('otto', ['developer'], ['call'], 'umbrella');
  const [bad, good] = await Promise.all([
    server.call('js_run', looping, { limits: { timeoutMs: 500 } }),
    server.request('POST', '/v1/calls', { key: other, body: { tool: 'js_run', args: { code: 'return 1' } } }),
  ]);
  expect(bad.body).toMatchObject({ status: 'timed_out', result: null });
  expect(good.body).toMatchObject({ status: 'succeeded', result: 1 });
});

describe('kill -9 of the runner', () => {
  test('in mid-call: unknown, and the next runner removes what loops and what is idle', async () => {
    await using server = await startServer({ environment });
    await server.call('js_run', { code: 'return 1' });
    const killed = server.runnerPid;
    using events = await ContainerEvents.of(server, address);
    const left = await events.count();
    const lost = tryCall(server, 'js_run', looping);
    await someoneLoops(() => workerPidsOf(events.instance));
    process.kill(killed, 'SIGKILL');
    expect(callOf(await lost)).toMatchObject({ status: 'unknown', result: null });
    await server.logged(({ msg, runnerPid }) => msg === 'runner connected' && runnerPid !== killed);
    const next = await server.call('js_run', { code: 'return 2' });
    expect(next.body).toMatchObject({ status: 'succeeded', result: 2 });
    await events.seen('destroy', left);
    expect(await server.stop('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(await events.count()).toBe(0);
  });
});

describe('which confinement is taken', () => {
  test('container, named, stops the start where there is no engine', async () => {
    const start = startServer({ environment: { ...environment, DOCKER_HOST: nowhere } });
    await expect(start).rejects.toThrow('isolate confinement container cannot be had');
  });

  test('container, by auto, where bubblewrap cannot be run; /ready says so and why', async () => {
    await using server = await startServer({ prefix: withoutBubblewrap });
    const { body } = await server.call('js_run', { code: 'return 3' });
    expect(body).toMatchObject({ status: 'succeeded', runtime: { confinement: 'container' } });
    const ready = await server.request('GET', '/ready');
    const isolate = ready.body.dependencies.find(({ name }: { name: string }) => name === 'isolate');
    expect(isolate).toMatchObject({ state: 'ok', details: { confinement: 'container' } });
    expect(isolate.reason).toContain('bwrap: bubblewrap is not installed');
  });
});
