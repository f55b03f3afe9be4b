/**
 * Where a call's container comes from: the engine with what is known of it, the images, and the pools. Trusted: the
 * profile, which comes from policy alone, and the engine.
 */
import { randomUUID } from 'node:crypto';

import { NotStarted } from '../executor.ts';
import type { ContainerProfile, PoolReport } from '../executor.ts';
import type { RuntimeReport } from '../../model/call.ts';
import type { Limits } from '../../model/limits.ts';
import type { ContainerConfinementWord } from '../../model/confinement.ts';
import type { EngineRuntime, Image, WarmPolicy } from '../../model/tool.ts';
import { prepareCgroupParent } from './cgroup-parent.ts';
import type { CgroupParent } from './cgroup-parent.ts';
import { EngineUnavailable, statusOf } from './engine.ts';
import type { Engine, EngineFacts } from './engine.ts';
import { containerSpec } from './host-config.ts';
import { resolveImage } from './images.ts';
import { sandboxDeadlineMs, startTimeoutMs } from './limits.ts';
import type { Logger } from './logger.ts';
import { WarmPools } from './pool/warm-pools.ts';
import type { SandboxShape, StartWish } from './pool/warm-pools.ts';
import { Sandbox } from './sandbox.ts';
import { labels } from './sweep.ts';

export interface SandboxSourceOptions {
  readonly engine: Engine;
  readonly instance: string;
  readonly imagesDirectory: string;
  /** What sweeps must leave alone: the names of containers that are ours are kept in it. */
  readonly live: Set<string>;
  readonly clock: { now(): number };
  readonly logger: Logger;
  readonly keepsWarm: boolean;
  readonly refusesKnownHoles: boolean;
  /** A container may be left on an engine that did not answer. */
  readonly onLeft: () => void;
  /** Of the present policy. Missing: pools come with the calls that use them. */
  readonly profiles?: (() => readonly ContainerProfile[]) | undefined;
}

/** What a call needs of the engine before its container can be made. */
interface Ground {
  readonly facts: EngineFacts;
  readonly cgroupParent: CgroupParent;
}

export interface SandboxWish {
  readonly profile: ContainerProfile;
  /** The tool's own limits, before anything narrowed those of the profile. */
  readonly own: Limits;
  readonly tenant: string;
  readonly stop: AbortSignal;
}

export class SandboxSource implements AsyncDisposable {
  readonly #options: SandboxSourceOptions;
  readonly #engine: Engine;
  readonly #pools: WarmPools<Sandbox>;
  readonly #imageIds = new Map<string, string>();
  #cgroupParent: Promise<CgroupParent> | null = null;
  #tending: Promise<void> | null = null;
  #isClosing = false;
  #hasComplained = false;

  constructor(options: SandboxSourceOptions) {
    this.#options = options;
    this.#engine = options.engine;
    this.#pools = new WarmPools({
      start: (shape, wish) => this.#startSandbox(shape, wish),
      clock: options.clock,
      logger: options.logger,
    });
  }

  /** What is kept warm, and how well that went. */
  get pools(): readonly PoolReport[] {
    return this.#pools.report();
  }

  /**
   * A look around, off the path of calls: which sizes of which images are to be kept warm now, and how those are that
   * wait. Never rejects.
   */
  async tend(): Promise<void> {
    this.#tending ??= this.#tend().finally(() => {
      this.#tending = null;
    });
    await this.#tending;
  }

  /** Ends a container in the background, after so long; `[Symbol.asyncDispose]` waits for it. */
  discard(sandbox: Sandbox, restMs = 0): void {
    void this.#pools.discard(sandbox, restMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosing = true;
    await this.#tending;
    await this.#pools[Symbol.asyncDispose]();
  }

  /** A container whose harness waits. Throws NotStarted, or the signal's reason when it is aborted. */
  async acquire({
    own,
    profile,
    stop,
    tenant,
  }: SandboxWish): Promise<{ sandbox: Sandbox; runtime: RuntimeReport }> {
    try {
      stop.throwIfAborted();
      const { facts } = await this.ground();
      this.#requireRuntime(facts, profile);
      const shape = shapeOf(profile, await this.#imageId(profile));
      // Limits that a rule or a request narrowed make another container: it is nobody's but this call's.
      const mayBeWarm = this.#options.keepsWarm && isSameSize(shape, own);
      const warm = mayBeWarm ? (profile.image.warm ?? null) : null;
      const { sandbox, isWarm } = await this.#pools.acquire(shape, warm, tenant, stop);
      const confinement = confinementOf(facts, profile.engineRuntime);
      return { sandbox, runtime: { kind: 'container', confinement, image: shape.imageId, warm: isWarm } };
    } catch (error) {
      stop.throwIfAborted();
      throw this.#notStarted(profile, error);
    }
  }

  /** For the pools: from create to a harness that waits. */
  async #startSandbox(shape: SandboxShape, { needed, signal }: StartWish): Promise<Sandbox> {
    const { clock, instance, live, logger, onLeft } = this.#options;
    const tooLate = AbortSignal.timeout(startTimeoutMs);
    const name = `box_${randomUUID()}`;
    const onRemoved = (isGone: boolean): void => {
      live.delete(name);
      if (!isGone) onLeft();
    };
    live.add(name);
    try {
      const { cgroupParent } = await this.ground();
      const spec = containerSpec(
        { limits: shape, engineRuntime: shape.engineRuntime },
        {
          imageId: shape.imageId,
          cgroupParent: cgroupParent.name,
          labels: {
            [labels.instance]: instance,
            [labels.call]: name,
            [labels.deadline]: String(clock.now() + deadlineMsOf(shape)),
          },
        },
      );
      const starting = AbortSignal.any([signal, tooLate]);
      const { weights } = cgroupParent;
      return await Sandbox.start(this.#engine, spec, {
        signal: starting,
        logger,
        weights,
        needed,
        onRemoved,
      });
    } catch (error) {
      // Only an answer of the engine says what it has not made.
      onRemoved(statusOf(error) !== null);
      if (statusOf(error) === 404) this.#imageIds.clear();
      if (tooLate.aborted) throw new StartTooSlow('a container was not ready in time', { cause: error });
      throw error;
    }
  }

  async #tend(): Promise<void> {
    const { keepsWarm, logger, profiles } = this.#options;
    try {
      if (keepsWarm && profiles !== undefined) this.#pools.keep(await this.#shapesOf(profiles()));
      await this.#pools.tend();
      this.#hasComplained = false;
    } catch (error) {
      // The sweep tells of an engine that is away; anything else is told once, until it has gone well again.
      if (error instanceof EngineUnavailable || this.#isClosing || this.#hasComplained) return;
      this.#hasComplained = true;
      logger.warn({ err: error }, 'warm containers could not be looked after');
    }
  }

  /** Of tools whose image keeps some warm and is there. An image that was built anew has another id from here on. */
  async #shapesOf(
    profiles: readonly ContainerProfile[],
  ): Promise<{ shape: SandboxShape; policy: WarmPolicy }[]> {
    const kept: { shape: SandboxShape; policy: WarmPolicy }[] = [];
    const { facts } = await this.ground();
    for (const profile of profiles) {
      const { engineRuntime, image } = profile;
      if (image.warm === undefined || !facts.runtimes.includes(engineRuntime)) continue;
      if (this.#options.refusesKnownHoles && facts.objections[engineRuntime] !== null) continue;
      try {
        const imageId = await resolveImage(this.#engine, this.#options.imagesDirectory, image);
        this.#imageIds.set(keyOf(image), imageId);
        kept.push({ shape: shapeOf(profile, imageId), policy: image.warm });
      } catch (error) {
        if (!(error instanceof NotStarted)) throw error;
      }
    }
    return kept;
  }

  #requireRuntime({ objections, runtimes }: EngineFacts, { engineRuntime }: ContainerProfile): void {
    if (!runtimes.includes(engineRuntime))
      throw new NotStarted(
        'runtime_unavailable',
        `the engine has no runtime ${engineRuntime}, which policy asks for: install it, or change the tool's engineRuntime`,
      );
    const objection = objections[engineRuntime];
    if (objection !== null && this.#options.refusesKnownHoles)
      throw new NotStarted('runtime_unavailable', `SALLYPORT_ENGINE_FLOOR is refuse, and ${objection}`);
  }

  #notStarted(profile: ContainerProfile, cause: unknown): NotStarted {
    if (cause instanceof NotStarted) return cause;
    if (cause instanceof EngineUnavailable)
      return new NotStarted('runtime_unavailable', cause.message, { cause });
    this.#options.logger.error({ err: cause, image: profile.image.name }, 'a container could not be started');
    const what =
      cause instanceof StartTooSlow
        ? `was not ready within ${startTimeoutMs} ms: the machine may have too much to do`
        : `could not be started: the runner's log says why`;
    return new NotStarted('runtime_unavailable', `the container of image ${profile.image.name} ${what}`, {
      cause,
    });
  }

  /** Throws EngineUnavailable. */
  async ground(): Promise<Ground> {
    const facts = await this.#engine.facts();
    this.#cgroupParent ??= this.#prepareCgroupParent(facts);
    return { facts, cgroupParent: await this.#cgroupParent };
  }

  async #prepareCgroupParent(facts: EngineFacts): Promise<CgroupParent> {
    const { logger } = this.#options;
    const parent = await prepareCgroupParent(facts);
    for (const warning of facts.warnings) logger.warn({ engine: facts.version }, warning);
    if (parent.reason !== null)
      logger.warn({ parent: parent.name }, `no total memory limit: ${parent.reason}`);
    return parent;
  }

  async #imageId({ image }: ContainerProfile): Promise<string> {
    const known = this.#imageIds.get(keyOf(image));
    if (known !== undefined) return known;
    const imageId = await resolveImage(this.#engine, this.#options.imagesDirectory, image);
    this.#imageIds.set(keyOf(image), imageId);
    return imageId;
  }
}

class StartTooSlow extends Error {
  override readonly name = 'StartTooSlow';
}

function shapeOf({ engineRuntime, image, limits }: ContainerProfile, imageId: string): SandboxShape {
  const { memoryMiB, cpus, pids } = limits;
  return { image, imageId, engineRuntime, memoryMiB, cpus, pids };
}

function isSameSize(shape: SandboxShape, limits: Limits): boolean {
  return shape.memoryMiB === limits.memoryMiB && shape.cpus === limits.cpus && shape.pids === limits.pids;
}

/** Revisions may give one name to different images. */
function keyOf({ source }: Image): string {
  return source.from === 'local' ? `local ${source.folder}` : `digest ${source.reference}`;
}

/** In words, for answers and `/ready`. */
export function confinementOf(facts: EngineFacts, runtime: EngineRuntime): string {
  const seccomp: readonly ContainerConfinementWord[] = facts.hasSeccomp ? ['seccomp'] : [];
  const words: readonly ContainerConfinementWord[] = [
    runtime,
    ...seccomp,
    'no network',
    'read-only',
    'uid 65534',
  ];
  return words.join(', ');
}

/** Until when it may be in use at the latest, counted from its start. */
function deadlineMsOf({ image }: SandboxShape): number {
  return sandboxDeadlineMs + (image.sessions?.lifetimeMs ?? 0);
}
