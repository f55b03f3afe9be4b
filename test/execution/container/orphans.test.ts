import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test, vi } from 'vitest';

import { Engine } from '../../../src/execution/container/engine.ts';
import { isForgotten, labels } from '../../../src/execution/container/sweep.ts';
import {
  buildImages,
  countContainers,
  dockerHost,
  openExecutor,
  profileOf,
  requestOf,
} from '../../support/container-calls.ts';

beforeAll(async () => await buildImages('shell'), 600_000);

test('after kill -9 a sandbox ends by itself, and the next start removes it', async () => {
  const instance = `test-killed-${process.pid}`;
  const support = fileURLToPath(new URL('../../support/container-calls.ts', import.meta.url));
  const program = `
    const { openExecutor, profileOf, requestOf } = await import(${JSON.stringify(support)});
    const executor = openExecutor({ instance: ${JSON.stringify(instance)} });
    const request = requestOf(profileOf('shell'), { script: 'echo on; sleep 1000' });
    for await (const frame of executor.run(request, new AbortController().signal)) {
      if (frame.type === 'stdout') console.log('running');
    }`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const { promise: running, resolve } = Promise.withResolvers<void>();
  child.stdout.once('data', () => resolve());
  await running;
  const { docker } = new Engine(dockerHost);
  const [container] = await docker.listContainers({
    all: true,
    filters: { label: [`${labels.instance}=${instance}`] },
  });
  child.kill('SIGKILL');
  const ended = (await docker.getContainer(container?.Id ?? '').wait()) as { StatusCode: number };
  expect(ended.StatusCode).toBe(3);
  expect(await countContainers(instance)).toBe(1);
  await using successor = openExecutor({ instance });
  await successor.sweep();
  expect(await countContainers(instance)).toBe(0);
  expect(successor.takeOrphans()).toEqual([container?.Id]);
  expect(successor.takeOrphans()).toEqual([]);
});

test('a sweep leaves live calls of its own alone', async () => {
  const instance = `test-live-${process.pid}`;
  await using executor = openExecutor({ instance });
  const frames = executor.run(
    requestOf(profileOf('shell'), { script: 'echo on; read x; sleep 0.2; echo off' }),
    new AbortController().signal,
  );
  const types: string[] = [];
  const removed: number[] = [];
  for await (const frame of frames) {
    if (frame.type === 'stdout' && types.at(-1) === 'started') removed.push(await executor.sweep());
    types.push(frame.type);
  }
  expect(removed).toEqual([0]);
  expect(types).toEqual(['started', 'stdout', 'stdout', 'result', 'usage', 'exit']);
});

test('what is left behind is removed on a timer', async () => {
  const instance = `test-timer-${process.pid}`;
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  try {
    await using executor = openExecutor({ instance });
    await executor.sweep();
    const { docker } = new Engine(dockerHost);
    const [image] = await docker.listImages({ filters: { reference: ['sallyport/shell'] } });
    const left = await docker.createContainer({
      Image: image?.Id ?? '',
      Labels: { [labels.instance]: instance, [labels.call]: 'c', [labels.deadline]: String(Date.now()) },
    });
    const removed = left.wait({ condition: 'removed' });
    vi.advanceTimersByTime(60_000);
    await removed;
    expect(await countContainers(instance)).toBe(0);
  } finally {
    vi.useRealTimers();
  }
});

test("another instance's containers are removed only after their deadline", async () => {
  const { docker } = new Engine(dockerHost);
  const [image] = await docker.listImages({ filters: { reference: ['sallyport/shell'] } });
  const create = async (deadlineMs: number, instance: string): Promise<void> => {
    await docker.createContainer({
      Image: image?.Id ?? '',
      Labels: { [labels.instance]: instance, [labels.call]: 'c', [labels.deadline]: String(deadlineMs) },
    });
  };
  await create(1_000_000, `test-other-expired-${process.pid}`);
  await create(Date.now() + 3_600_000, `test-other-live-${process.pid}`);
  await using executor = openExecutor();
  await executor.sweep();
  expect(await countContainers(`test-other-expired-${process.pid}`)).toBe(0);
  expect(await countContainers(`test-other-live-${process.pid}`)).toBe(1);
  await using owner = openExecutor({ instance: `test-other-live-${process.pid}` });
  await owner.sweep();
  expect(await countContainers(`test-other-live-${process.pid}`)).toBe(0);
});

test('who is forgotten', () => {
  const scope = { instance: 'i', live: new Set(['live']), nowMs: 1_000_000 };
  const of = (instance: string, call: string, deadline: string): boolean =>
    isForgotten({ [labels.instance]: instance, [labels.call]: call, [labels.deadline]: deadline }, scope);
  expect(of('i', 'live', '0')).toBe(false);
  expect(of('i', 'dead', '2000000')).toBe(true);
  expect(of('j', 'live', '939999')).toBe(true);
  expect(of('j', 'live', '940000')).toBe(false);
  expect(of('j', 'live', 'soon')).toBe(false);
});
