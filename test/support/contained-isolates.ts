/** Isolate executors whose workers run in containers: on the engine of DOCKER_HOST, with an instance of their own. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect, vi } from 'vitest';

import { confineInContainer } from '../../src/execution/container/confine-in-container.ts';
import type {
  ContainerConfinement,
  ContainerConfinementOptions,
} from '../../src/execution/container/confine-in-container.ts';
import { Engine } from '../../src/execution/container/engine.ts';
import { buildImage } from '../../src/execution/container/images.ts';
import { planWorkerImage } from '../../src/execution/container/worker-image.ts';
import type { SandboxExecutor } from '../../src/execution/executor.ts';
import { createExecutor } from '../execution/isolate/support.ts';
import { dockerHost, imagesDirectory, silentLogger } from './container-calls.ts';

export const engine = new Engine(dockerHost);

/** Does nothing when it is there. */
export async function buildWorkerImage(): Promise<void> {
  const { architecture } = await engine.facts();
  await buildImage(engine, planWorkerImage(imagesDirectory, architecture));
}

export function openConfinement(
  changes: Partial<ContainerConfinementOptions> = {},
): Promise<ContainerConfinement> {
  return confineInContainer({
    dockerHost,
    instance: `test-${randomUUID()}`,
    live: new Set(),
    imagesDirectory,
    guestMemoryMiBMax: () => 128,
    engineRuntime: 'runc',
    clock: { now: () => Date.now() },
    logger: silentLogger,
    ...changes,
  });
}

/** An executor that takes its confinement down with itself. */
export async function createContainedExecutor(
  instance: string,
  changes: Partial<ContainerConfinementOptions> = {},
): Promise<SandboxExecutor> {
  const stack = new AsyncDisposableStack();
  const confineInContainer = async (): Promise<ContainerConfinement> =>
    stack.use(await openConfinement({ instance, ...changes }));
  const executor = await createExecutor({ confinement: 'container', confineInContainer });
  stack.use(executor);
  return {
    kind: executor.kind,
    run: (request, signal) => executor.run(request, signal),
    health: () => executor.health(),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** Host pids of the first processes of an instance's containers that run now. One that is gone meanwhile is left out. */
export async function workerPidsOf(instance: string): Promise<number[]> {
  const filters = { label: [`sallyport.instance=${instance}`] };
  const running = await engine.docker.listContainers({ filters });
  const pids = await Promise.all(
    running.map(({ Id }) =>
      engine.docker
        .getContainer(Id)
        .inspect()
        .then(
          ({ State }) => State.Pid,
          () => 0,
        ),
    ),
  );
  return pids.filter((pid) => pid > 0);
}

/** Resolves once one of the processes has used more CPU time since it was first seen than a start takes. */
export async function someoneLoops(pidsNow: () => Promise<readonly number[]>): Promise<void> {
  const first = new Map<number, number>();
  const isLooping = (pid: number): boolean => {
    const ms = cpuMs(pid);
    if (!first.has(pid)) first.set(pid, ms);
    return ms - (first.get(pid) ?? ms) > startCpuMsMax;
  };
  await vi.waitFor(async () => expect((await pidsNow()).some(isLooping)).toBe(true), 20_000);
}

const startCpuMsMax = 400;

/** Of the main thread; zero when the process is gone (proc(5), schedstat). */
function cpuMs(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, 'latin1').split(' ')[0]) / 1e6;
  } catch {
    return 0;
  }
}
