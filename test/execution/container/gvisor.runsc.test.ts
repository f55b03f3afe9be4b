/** The same sandboxes under gVisor, on an engine that has its runtime `runsc`. */
import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

import { examineHost } from '../../../src/cli/doctor/examine.ts';
import { loadConfig } from '../../../src/config/config.ts';
import { Engine } from '../../../src/execution/container/engine.ts';
import { readRunscRelease, runscReleaseMin } from '../../../src/execution/container/runtime-versions.ts';
import { containerObjection } from '../../../src/execution/container/self-test.ts';
import type { ContainerProfile } from '../../../src/execution/executor.ts';
import {
  buildImages,
  call,
  collect,
  dockerHost,
  generousLimits,
  imagesDirectory,
  openExecutor,
  profileOf,
  requestOf,
} from '../../support/container-calls.ts';

const never = new AbortController().signal;
const executor = openExecutor();
beforeAll(async () => await buildImages('python', 'node', 'shell'), 600_000);
afterAll(async () => await executor[Symbol.asyncDispose]());

const gvisor = (limits: object = {}): Partial<ContainerProfile> => ({
  engineRuntime: 'runsc',
  limits: { ...generousLimits, ...limits },
});

test('a container under runsc passes the self-test, which asks its kernel who it is', async () => {
  expect(await containerObjection(executor, 'runsc')).toBeNull();
});

test('doctor starts one and says what it protects', async () => {
  const { config } = loadConfig({ DOCKER_HOST: dockerHost ?? undefined });
  const { runtimes } = await examineHost(config, imagesDirectory, { isDeep: true });
  const finding = runtimes.find(({ confinement }) => confinement === 'runsc');
  expect(finding).toMatchObject({ state: 'works', isUsed: false, reason: null });
  expect(finding?.protections).toContain('a kernel of its own (gVisor)');
  // What its own kernel lets code do, to itself; see the container corpus.
  const known = new Set(['no user namespaces', 'no host devices', 'no look into process 1']);
  expect(finding?.hardening?.open.filter((id) => !known.has(id))).toEqual([]);
  expect(finding?.hardening?.held).toContain('a kernel of its own');
});

test('its release is read, and is new enough', async () => {
  const { objections, runscRelease } = await new Engine(dockerHost).facts();
  expect(Number(runscRelease)).toBeGreaterThanOrEqual(Number(runscReleaseMin));
  expect(objections.runsc).toBeNull();
  expect(await readRunscRelease('/bin/true')).toBeNull();
});

test('python, node and shell answer, with artifacts, and say that they ran in gVisor', async () => {
  const python = await call(
    executor,
    'python',
    { code: 'open("/work/out/a.txt", "w").write("a")\n1 + 1' },
    gvisor(),
  );
  expect([python.result, python.artifacts]).toEqual([2, { 'a.txt': 'a' }]);
  expect((await call(executor, 'node', { code: 'return 1 + 1' }, gvisor())).result).toBe(2);
  const shell = await call(executor, 'shell', { script: 'dmesg | head -n 1; exit 3' }, gvisor());
  expect(shell.result).toEqual({ exitCode: 3 });
  expect(shell.stdout).toMatch(/gVisor/);
  expect(shell.usage.cpuMs).toBeGreaterThan(0);
});

test('a warm one answers without a start', async () => {
  const profile = profileOf('shell', gvisor());
  const warmed = { ...profile, image: { ...profile.image, warm: { floor: 1, ceiling: 1, memoryMiB: 256 } } };
  await using pooled = openExecutor({ profiles: () => [warmed] });
  await pooled.tend();
  await vi.waitFor(() => expect(pooled.pools[0]?.size).toBe(1), { timeout: 20_000 });
  const frames = await Array.fromAsync(pooled.run(requestOf(warmed, { script: 'dmesg | head -n 1' }), never));
  expect(frames[0]).toMatchObject({ type: 'started', runtime: { warm: true } });
  expect(String(frames[0]?.type === 'started' && frames[0].runtime.confinement)).toMatch(/^runsc/);
});

describe('limits', () => {
  test('a loop ends at its deadline', async () => {
    const seen = await call(executor, 'python', { code: 'while True: pass' }, gvisor({ timeoutMs: 500 }));
    expect(seen.exit.reason).toBe('timed_out');
  });

  test('memory that runs out is out_of_memory', async () => {
    const seen = await call(executor, 'python', { code: 'x = "a" * 10**9' }, gvisor());
    expect(seen.exit).toEqual({ type: 'exit', reason: 'out_of_memory', error: null });
  });

  test('processes without end take gVisor with them, and nothing else', async () => {
    const code = 'import os, time\nwhile True:\n  if os.fork() == 0: time.sleep(1000)';
    const seen = await call(executor, 'python', { code }, gvisor({ pids: 16, memoryMiB: 512 }));
    expect(['crashed', 'threw', 'timed_out']).toContain(seen.exit.reason);
    expect((await call(executor, 'shell', { script: 'echo well' }, gvisor())).stdout).toBe('well\n');
  });
});

test('no process of a sandbox is left on the host', async () => {
  const controller = new AbortController();
  const request = requestOf(profileOf('shell', gvisor()), { script: 'echo on; sleep 54321' });
  const run = executor.run(request, controller.signal);
  for await (const frame of run) if (frame.type === 'stdout') controller.abort();
  await executor[Symbol.asyncDispose]();
  expect(execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' })).not.toContain('sleep 54321');
  await expect(collect(executor.run(request, never))).resolves.toMatchObject({
    exit: { reason: 'cancelled' },
  });
});
