/** Weights of containers for the processor, as the kernel has them: on an engine whose cgroup files can be written here. */
import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { beforeAll, expect, test } from 'vitest';
import { Engine } from '../../../src/execution/container/engine.ts';
import type { ContainerExecutor } from '../../../src/execution/container/container-executor.ts';
import { labels } from '../../../src/execution/container/sweep.ts';
import {
  buildImages,
  dockerHost,
  generousLimits,
  openExecutor,
  profileOf,
  requestOf,
} from '../../support/container-calls.ts';

beforeAll(async () => await buildImages('shell'), 600_000);

const engine = new Engine(dockerHost);
const { docker } = engine;
const { cgroupDriver } = await engine.facts();
const instance = `test-${randomUUID()}`;
const never = new AbortController().signal;

/** Of the one container that there is; null while there is none, or not any more. */
async function weight(): Promise<'normal' | 'low' | null> {
  const filters = { label: [`${labels.instance}=${instance}`] };
  const [container] = await docker.listContainers({ filters });
  const file = [
    `/sys/fs/cgroup/cpu/sallyport/${container?.Id}/cpu.shares`,
    `/sys/fs/cgroup/sallyport/${container?.Id}/cpu.weight`,
  ].find((candidate) => existsSync(candidate));
  if (file === undefined) return null;
  return Number(readFileSync(file, 'utf8')) === (file.endsWith('shares') ? 128 : 13) ? 'low' : 'normal';
}

/** Whether its container had the lower weight at its first word, and whether at any time after that. */
async function run(executor: ContainerExecutor, tenant: string, script: string, timeoutMs: number) {
  const profile = profileOf('shell', { limits: { ...generousLimits, timeoutMs } });
  const frames = executor.run({ ...requestOf(profile, { script }), tenant }, never);
  let first: Awaited<ReturnType<typeof weight>> = null;
  let wasLow = false;
  for await (const { type } of frames) {
    if (type !== 'stdout') continue;
    const now = await weight();
    first ??= now;
    wasLow ||= now === 'low';
  }
  return { first, wasLow };
}

const loop = 'for i in $(seq 200); do for j in $(seq 4000); do :; done; echo $i; done';
const idle = 'for i in $(seq 4); do echo $i; sleep 0.2; done';

// With the systemd driver the weights of containers are an operator's to set.
test.runIf(cgroupDriver === 'cgroupfs')(
  'a call in a loop steps back, one that waits does not, and the next of a tenant far ahead begins behind',
  async () => {
    await using executor = openExecutor({ instance });
    expect(await run(executor, 'calm', idle, 20_000)).toEqual({ first: 'normal', wasLow: false });
    expect(await run(executor, 'busy', loop, 3000)).toEqual({ first: 'normal', wasLow: true });
    expect(await run(executor, 'busy', idle, 20_000)).toMatchObject({ first: 'low' });
    expect(await run(executor, 'calm', idle, 20_000)).toEqual({ first: 'normal', wasLow: false });
  },
);
