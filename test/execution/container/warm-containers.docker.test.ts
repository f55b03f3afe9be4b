/** Containers that wait for a call, on a real engine. */
import { createConnection, createServer } from 'node:net';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

import type { ContainerExecutor } from '../../../src/execution/container/container-executor.ts';
import { Engine } from '../../../src/execution/container/engine.ts';
import { labels } from '../../../src/execution/container/sweep.ts';
import type { ContainerProfile, ExecutionFrame } from '../../../src/execution/executor.ts';
import {
  buildImages,
  collect,
  countContainers,
  dockerHost,
  generousLimits,
  openExecutor,
  profileOf,
  requestOf,
} from '../../support/container-calls.ts';
import type { ShippedImage } from '../../support/container-calls.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'sallyport-warm-'));
const never = new AbortController().signal;
const { docker } = new Engine(dockerHost);
beforeAll(async () => await buildImages('python', 'shell'), 600_000);
afterAll(() => rmSync(folder, { recursive: true }));

/** A tool whose image keeps so many warm. */
function warmProfile(image: ShippedImage, floor: number, ceiling = floor): ContainerProfile {
  const profile = profileOf(image);
  return { ...profile, image: { ...profile.image, warm: { floor, ceiling, memoryMiB: 512 } } };
}

async function openWarm(
  profile: ContainerProfile,
  changes: Parameters<typeof openExecutor>[0] = {},
): Promise<ContainerExecutor> {
  const executor = openExecutor({ profiles: () => [profile], ...changes });
  await executor.tend();
  await filled(executor);
  return executor;
}

async function filled(executor: ContainerExecutor): Promise<void> {
  await vi.waitFor(
    () => {
      const [pool] = executor.pools;
      expect(pool?.size).toBe(pool?.target);
      expect(pool?.size).toBeGreaterThan(0);
    },
    { timeout: 15_000 },
  );
}

async function idsOf(instance: string): Promise<string[]> {
  const filters = { label: [`${labels.instance}=${instance}`] };
  return (await docker.listContainers({ all: true, filters })).map(({ Id }) => Id);
}

async function run(
  executor: ContainerExecutor,
  profile: ContainerProfile,
  args: object,
): Promise<{ frames: ExecutionFrame[]; isWarm: boolean }> {
  const frames: ExecutionFrame[] = [];
  for await (const frame of executor.run(requestOf(profile, args), never)) frames.push(frame);
  const [started] = frames;
  return { frames, isWarm: started?.type === 'started' && started.runtime.warm };
}

test('a call that finds one asks nothing of the engine, and says that it was warm', async () => {
  const requests: string[] = [];
  const wire = path.join(folder, 'wire.sock');
  const server = createServer({ allowHalfOpen: true }, (near) => {
    near.once('data', (head: Buffer) => requests.push(head.toString('latin1').split('\r\n')[0] ?? ''));
    const far = createConnection({
      path: (dockerHost ?? 'unix:///var/run/docker.sock').replace('unix://', ''),
      allowHalfOpen: true,
    });
    for (const socket of [near, far]) socket.on('error', () => {});
    near.pipe(far).pipe(near);
  });
  await new Promise<void>((resolve) => server.listen(wire, resolve));
  const instance = `test-warm-hit-${process.pid}`;
  const profile = warmProfile('shell', 1);
  using _wire = { [Symbol.dispose]: () => void server.close() };
  await using executor = await openWarm(profile, { dockerHost: `unix://${wire}`, instance });
  const [idle = ''] = await idsOf(instance);
  const before = requests.length;
  const asked: string[] = [];
  let isWarm = false;
  for await (const frame of executor.run(requestOf(profile, { script: 'echo x >out/a; echo hi' }), never)) {
    if (frame.type === 'started') isWarm = frame.runtime.warm;
    if (frame.type === 'exit') asked.push(...requests.slice(before).filter((line) => line.includes(idle)));
  }
  expect(isWarm).toBe(true);
  expect(asked).toEqual([]);
});

test('a container runs one call: the next finds nothing of it', async () => {
  const profile = warmProfile('shell', 2);
  await using executor = await openWarm(profile);
  const script =
    'cat /work/mark /tmp/mark /dev/shm/mark; echo was here | tee /work/mark /tmp/mark >/dev/shm/mark';
  const first = await collect(executor.run(requestOf(profile, { script }), never));
  const second = await collect(executor.run(requestOf(profile, { script }), never));
  expect([first.stdout, second.stdout]).toEqual(['', '']);
  await filled(executor);
  expect(executor.pools[0]).toMatchObject({ hits: 2, misses: 0, size: 2 });
});

test('the deadline starts at the claim, not when the container did', async () => {
  const limits = { ...generousLimits, timeoutMs: 1000 };
  const profile = { ...warmProfile('shell', 1), limits };
  await using executor = await openWarm(profile);
  const { frames, isWarm } = await run(executor, profile, { script: 'sleep 0.7' });
  expect(isWarm).toBe(true);
  expect(frames.at(-1)).toMatchObject({ reason: 'completed' });
});

test('a call whose memory, cpus or pids were narrowed starts cold', async () => {
  const profile = warmProfile('shell', 1);
  await using executor = await openWarm(profile);
  for (const narrowed of [{ memoryMiB: 64 }, { cpus: 0.5 }, { pids: 16 }]) {
    const request = { ...requestOf(profile, { script: ':' }), limits: { ...profile.limits, ...narrowed } };
    const [started] = await Array.fromAsync(executor.run(request, never));
    expect(started).toMatchObject({ type: 'started', runtime: { warm: false } });
  }
  expect(executor.pools[0]).toMatchObject({ hits: 0, misses: 0, size: 1 });
});

test('one that is killed while it waits is noticed at once; the call starts cold', async () => {
  const instance = `test-warm-killed-${process.pid}`;
  const profile = warmProfile('shell', 1);
  await using executor = await openWarm(profile, { instance });
  const [idle = ''] = await idsOf(instance);
  await docker.getContainer(idle).kill();
  await vi.waitFor(() => expect(executor.pools[0]?.spoiled).toBe(1), { timeout: 15_000 });
  const { frames, isWarm } = await run(executor, profile, { script: ':' });
  expect([isWarm, frames.at(-1)]).toEqual([false, { type: 'exit', reason: 'completed', error: null }]);
  await filled(executor);
});

test('one that is paused while it waits is found by the look around', async () => {
  const instance = `test-warm-paused-${process.pid}`;
  const profile = warmProfile('shell', 1);
  await using executor = await openWarm(profile, { instance });
  const [idle = ''] = await idsOf(instance);
  await docker.getContainer(idle).pause();
  await executor.tend();
  await filled(executor);
  expect(await idsOf(instance)).not.toContain(idle);
  expect((await run(executor, profile, { script: ':' })).isWarm).toBe(true);
});

test('without warm containers wanted, none is made', async () => {
  const instance = `test-warm-off-${process.pid}`;
  const profile = warmProfile('shell', 1);
  await using executor = openExecutor({ profiles: () => [profile], instance, keepsWarm: false });
  await executor.tend();
  expect((await run(executor, profile, { script: ':' })).isWarm).toBe(false);
  expect(executor.pools).toEqual([]);
});

test('disposing leaves none, also of those that still start', async () => {
  const instance = `test-warm-dispose-${process.pid}`;
  const executor = openExecutor({ profiles: () => [warmProfile('python', 4)], instance });
  await executor.tend();
  await vi.waitFor(() => expect(executor.pools[0]?.size).toBeGreaterThan(0), { timeout: 15_000 });
  await executor[Symbol.asyncDispose]();
  expect(await countContainers(instance)).toBe(0);
});

test('after kill -9 those that wait end by themselves, and the next start removes them', async () => {
  const instance = `test-warm-orphans-${process.pid}`;
  const support = fileURLToPath(new URL('../../support/container-calls.ts', import.meta.url));
  const program = `
    const { openExecutor } = await import(${JSON.stringify(support)});
    const profile = ${JSON.stringify(warmProfile('shell', 2))};
    const executor = openExecutor({ profiles: () => [profile], instance: ${JSON.stringify(instance)} });
    await executor.tend();
    setInterval(() => executor.pools[0]?.size === 2 && console.log('filled'), 20);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise((resolve) => child.stdout.once('data', resolve));
  const ids = await idsOf(instance);
  child.kill('SIGKILL');
  const ends = await Promise.all(ids.map((id) => docker.getContainer(id).wait()));
  expect(ends).toMatchObject([{ StatusCode: 3 }, { StatusCode: 3 }]);
  await using successor = openExecutor({ instance });
  await successor.sweep();
  expect(await countContainers(instance)).toBe(0);
});
