/**
 * `container`: every isolate worker in a container of its own, built as those of tools are, with less in it: nothing
 * can be written. For runners that have an engine but no user namespaces. Node's permission model stays on inside.
 */
import { randomUUID } from 'node:crypto';

import type { Confinement, LaunchedWorker, WorkerProgram } from '../isolate/confinement.ts';
import { nodeArguments } from '../isolate/confinement.ts';
import { AttachedContainer } from './attached-container.ts';
import { prepareCgroupParent } from './cgroup-parent.ts';
import type { CgroupParent } from './cgroup-parent.ts';
import { ContainedWorker } from './contained-worker.ts';
import { Engine } from './engine.ts';
import type { EngineFacts } from './engine.ts';
import { workerContainerSpec } from './host-config.ts';
import type { ContainerShape } from './host-config.ts';
import { findPlanned } from './images.ts';
import { startTimeoutMs, workerDeadlineMs, workerLifetimeMs, workerStartsMax } from './limits.ts';
import type { Logger } from './logger.ts';
import { labels } from './sweep.ts';
import { planWorkerImage, programInImage } from './worker-image.ts';

/** One thread runs the guest; the collector's and the compiler's share its core. */
const workerCpus = 1;
/** Threads of Node, V8 and isolated-vm: about a dozen. */
const workerPids = 64;
/** Beside the guest's own memory: Node at rest (85 MiB), arguments, results and log lines in passing. */
const workerOwnMiB = 256;

export interface ContainerConfinementOptions {
  /** Value of DOCKER_HOST; null for the engine's default socket. */
  readonly dockerHost: string | null;
  /** Who owns the containers, as for those of tools. */
  readonly instance: string;
  /** What the sweep must leave alone: the names of living workers are kept in it. */
  readonly live: Set<string>;
  readonly imagesDirectory: string;
  /** Memory of the largest isolate tool; asked at each start. */
  readonly guestMemoryMiBMax: () => number;
  readonly engineRuntime: ContainerShape['engineRuntime'];
  readonly clock: { now(): number };
  readonly logger: Logger;
}

/** Throws, with what to do, when the engine, its runtime or the image of the worker is missing. */
export async function confineInContainer(
  options: ContainerConfinementOptions,
): Promise<ContainerConfinement> {
  const engine = new Engine(options.dockerHost);
  const facts = await engine.ping();
  const { engineRuntime } = options;
  if (!facts.runtimes.includes(engineRuntime)) throw new Error(`the engine has no runtime ${engineRuntime}`);
  const plan = planWorkerImage(options.imagesDirectory, facts.architecture);
  const { imageId } = await findPlanned(engine, plan);
  if (imageId === null) {
    throw new Error(
      'the image of isolate workers is not built from their present files: run `sallyport images build isolate`',
    );
  }
  return new ContainerConfinement(options, engine, imageId, facts, await prepareCgroupParent(facts));
}

export class ContainerConfinement implements Confinement, AsyncDisposable {
  readonly name = 'container';
  readonly pace = { startsMax: workerStartsMax, lifetimeMs: workerLifetimeMs };
  readonly protections: readonly string[];
  readonly missing: readonly string[];
  readonly #options: ContainerConfinementOptions;
  readonly #engine: Engine;
  readonly #imageId: string;
  readonly #cgroupParent: CgroupParent;
  readonly #workers = new Set<ContainedWorker>();

  constructor(
    options: ContainerConfinementOptions,
    engine: Engine,
    imageId: string,
    facts: EngineFacts,
    cgroupParent: CgroupParent,
  ) {
    this.#options = options;
    this.#engine = engine;
    this.#imageId = imageId;
    this.#cgroupParent = cgroupParent;
    this.protections = [
      `container under ${options.engineRuntime}`,
      'no network',
      'read-only root of Node and the worker',
      'user 65534',
      'no capabilities',
      'no_new_privs',
      ...(facts.hasSeccomp ? ['seccomp allow list'] : []),
      'cgroups of its own for memory, processes and CPU',
      'node --permission',
      'empty environment',
    ];
    this.missing = [
      ...facts.warnings,
      ...(cgroupParent.reason === null ? [] : [`no total memory limit: ${cgroupParent.reason}`]),
    ];
  }

  launch(program: WorkerProgram): LaunchedWorker {
    const name = `worker_${randomUUID()}`;
    const { live } = this.#options;
    live.add(name);
    const worker = new ContainedWorker({
      create: (signal) => this.#create(name, program, signal),
      startTimeoutMs,
    });
    this.#workers.add(worker);
    void this.#forget(name, worker);
    return worker;
  }

  /** Ends every worker; resolves when their containers are removed, as far as the engine answers. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const worker of this.#workers) worker.kill();
    await Promise.all([...this.#workers].map((worker) => worker.removed));
  }

  async #forget(name: string, worker: ContainedWorker): Promise<void> {
    await worker.removed;
    this.#options.live.delete(name);
    this.#workers.delete(worker);
  }

  async #create(name: string, program: WorkerProgram, signal: AbortSignal): Promise<AttachedContainer> {
    const { clock, engineRuntime, guestMemoryMiBMax, instance, logger } = this.#options;
    const shape: ContainerShape = {
      memoryMiB: workerOwnMiB + guestMemoryMiBMax(),
      cpus: workerCpus,
      pids: workerPids,
      engineRuntime,
    };
    const placement = {
      imageId: this.#imageId,
      cgroupParent: this.#cgroupParent.name,
      labels: {
        [labels.instance]: instance,
        [labels.call]: name,
        [labels.deadline]: String(clock.now() + workerDeadlineMs),
      },
    };
    const spec = workerContainerSpec(shape, placement, nodeArguments(programInImage(program)));
    return await AttachedContainer.create(this.#engine, spec, signal, logger);
  }
}
