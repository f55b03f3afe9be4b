/** Weights of containers for the processor, as the kernel has them: on an engine whose cgroup files can be written here. */
import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
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

type Weight = 'normal' | 'low' | 'spare time' | null;

/** Of the one container that there is; null while there is none, or not any more. */
async function weight(): Promise<Weight> {
  const filters = { label: [`${labels.instance}=${instance}`] };
  const [container] = await docker.listContainers({ filters });
  const file = [
    `/sys/fs/cgroup/cpu/sallyport/${container?.Id}/cpu.shares`,
    `/sys/fs/cgroup/sallyport/${container?.Id}/cpu.weight`,
  ].find((candidate) => existsSync(candidate));
  if (file === undefined) return null;
  if (readFileSync(join(dirname(file), 'cpu.idle'), 'utf8') === '1\n') return 'spare time';
  return Number(readFileSync(file, 'utf8')) === (file.endsWith('shares') ? 128 : 13) ? 'low' : 'normal';
}

/** What its container had at its first word, and what at any time. */
async function run(executor: ContainerExecutor, tenant: string, script: string, timeoutMs: number) {
  const profile = profileOf('shell', { limits: { ...generousLimits, timeoutMs } });
  const frames = executor.run({ ...requestOf(profile, { script }), tenant }, never);
  const seen: Weight[] = [];
  for await (const { type } of frames) if (type === 'stdout') seen.push(await weight());
  return { first: seen[0], seen: new Set(seen.filter((now) => now !== null)) };
}

const loop = 'for i in $(seq 200); do for j in $(seq 4000); do :; done; echo $i; done';
const idle = 'for i in $(seq 4); do echo $i; sleep 0.2; done';

// With the systemd driver the weights of containers are an operator's to set.
test.runIf(cgroupDriver === 'cgroupfs')(
  'a call in a loop steps back; of a tenant that is alone it keeps a share',
  async () => {
    await using executor = openExecutor({ instance });
    const seen = new Set(['normal', 'low']);
    expect(await run(executor, 'only', loop, 1500)).toEqual({ first: 'normal', seen });
  },
);

test.runIf(cgroupDriver === 'cgroupfs')(
  'a call that waits does not step back, and those of a tenant far ahead have spare time alone',
  async () => {
    await using executor = openExecutor({ instance });
    const unmoved = { first: 'normal', seen: new Set(['normal']) };
    expect(await run(executor, 'calm', idle, 20_000)).toEqual(unmoved);
    const busy = await run(executor, 'busy', loop, 3000);
    expect(busy.first).toBe('normal');
    expect(busy.seen).toContain('spare time');
    expect(await run(executor, 'busy', idle, 20_000)).toMatchObject({ first: 'spare time' });
    expect(await run(executor, 'calm', idle, 20_000)).toEqual(unmoved);
  },
);
