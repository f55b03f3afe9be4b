/**
 * Runs calls in containers: one container for one call. The request is trusted as far as policy decided it; the
 * container is built from the profile alone; whatever comes out of it is hostile and capped on the way.
 */
import type {
  ContainerProfile,
  ExecutionFrame,
  ExecutorHealth,
  SandboxExecutor,
  SandboxRequest,
} from '../executor.ts';
import { Lost, NotStarted } from '../executor.ts';
import type { RuntimeReport } from '../../model/call.ts';
import { CallOutput } from './call-output.ts';
import { prepareRequest } from './call-request.ts';
import type { CallRequest } from './call-request.ts';
import { prepareCgroupParent } from './cgroup-parent.ts';
import type { CgroupParent } from './cgroup-parent.ts';
import { Engine, EngineUnavailable, statusOf } from './engine.ts';
import type { EngineFacts } from './engine.ts';
import { containerSpec } from './host-config.ts';
import { listImages, resolveImage } from './images.ts';
import {
  concurrentCallsMax,
  killGraceMs,
  startTimeoutMs,
  sweepIntervalMs,
  waitingCallsMax,
} from './limits.ts';
import type { Logger } from './logger.ts';
import { narrowLimits } from './narrow-limits.ts';
import { Sandbox } from './sandbox.ts';
import { serveCall } from './serve-call.ts';
import { Slots } from './slots.ts';
import { labels, sweep } from './sweep.ts';

export interface ContainerExecutorOptions {
  /** Value of DOCKER_HOST; null for the engine's default socket. */
  readonly dockerHost: string | null;
  /** Who owns the containers: one id for each data directory, the same after a restart. */
  readonly instance: string;
  /** The folder of image folders, `sandbox-images/`. */
  readonly imagesDirectory: string;
  /** What sweeps must leave alone: the calls of this executor, and whoever else has containers of this instance. */
  readonly live?: Set<string>;
  /** Milliseconds since 1970. */
  readonly clock: { now(): number };
  readonly logger: Logger;
  /** Containers at once; `concurrentCallsMax` when missing. */
  readonly concurrentCallsMax?: number;
  /** Calls that wait for one; `waitingCallsMax` when missing. */
  readonly waitingCallsMax?: number;
}

/** Never throws for a missing engine: `health` and each run say so, and it is used as soon as it is there. */
export function createContainerExecutor(options: ContainerExecutorOptions): ContainerExecutor {
  return new ContainerExecutor(options);
}

/** What a call needs of the engine before its container can be made. */
interface Ground {
  readonly facts: EngineFacts;
  readonly cgroupParent: CgroupParent;
}

export class ContainerExecutor implements SandboxExecutor {
  #isEngineAway = false;
  readonly kind = 'container';
  readonly #options: ContainerExecutorOptions;
  readonly #engine: Engine;
  readonly #slots: Slots;
  readonly #imageIds = new Map<string, string>();
  readonly #live: Set<string>;
  readonly #pending = new Set<Promise<void>>();
  readonly #closing = new AbortController();
  readonly #sweepTimer: NodeJS.Timeout;
  #cgroupParent: Promise<CgroupParent> | null = null;
  /** One sweep after the other: two at once would each leave to the other what it is about to remove. */
  #sweeping: Promise<void> = Promise.resolve();

  constructor(options: ContainerExecutorOptions) {
    this.#options = options;
    this.#engine = new Engine(options.dockerHost);
    this.#live = options.live ?? new Set();
    this.#slots = new Slots({
      runningMax: options.concurrentCallsMax ?? concurrentCallsMax,
      waitingMax: options.waitingCallsMax ?? waitingCallsMax,
    });
    this.#sweepTimer = setInterval(() => this.#track(this.#sweepQuietly()), sweepIntervalMs);
    this.#sweepTimer.unref();
    this.#track(this.#sweepQuietly());
  }

  async *run(request: SandboxRequest, signal: AbortSignal): AsyncGenerator<ExecutionFrame, void, undefined> {
    if (request.profile.kind !== 'container') {
      throw new TypeError(`a ${request.profile.kind} profile cannot run in a container`);
    }
    const profile = { ...request.profile, limits: narrowLimits(request.profile.limits, request.limits) };
    const prepared = prepareRequest(profile, request.args);
    if (prepared.kind === 'refused') {
      yield* neverStarted({ reason: 'threw', error: { name: 'RequestRefused', message: prepared.message } });
      return;
    }
    const abandoned = new AbortController();
    const stop = AbortSignal.any([signal, this.#closing.signal, abandoned.signal]);
    const output = new CallOutput(profile.limits, profile.image.entry === 'json');
    // Its container is removed after the last frame has left, and before the executor is disposed.
    this.#track(this.#serve({ request, profile, prepared, output, stop }));
    try {
      yield* output.queue;
    } finally {
      abandoned.abort(new Error('nobody reads this call any more'));
    }
  }

  async health(): Promise<ExecutorHealth> {
    try {
      await this.#engine.ping();
      const { facts, cgroupParent } = await this.#ground();
      const images = await listImages(this.#engine, this.#options.imagesDirectory);
      const missing = images.filter((image) => image.imageId === null).map((image) => image.folder);
      const reasons = [...facts.warnings];
      if (cgroupParent.reason !== null) reasons.push(`no total memory limit: ${cgroupParent.reason}`);
      if (missing.length > 0) {
        reasons.push(
          `images not built: ${missing.join(', ')}; run \`sallyport images build ${missing.join(' ')}\``,
        );
      }
      return {
        kind: this.kind,
        state: images.length > 0 && missing.length === images.length ? 'down' : 'ok',
        confinement: confinementOf(facts, 'runc'),
        reason: reasons.length === 0 ? null : reasons.join('; '),
      };
    } catch (error) {
      if (!(error instanceof EngineUnavailable)) throw error;
      return { kind: this.kind, state: 'down', confinement: 'none', reason: error.message };
    }
  }

  /** Removes forgotten containers now; returns how many. Also done at start, every minute, and at the end. */
  async sweep(): Promise<number> {
    const { instance, clock, logger } = this.#options;
    const earlier = this.#sweeping;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#sweeping = promise;
    await earlier;
    try {
      return await sweep(this.#engine, { instance, live: this.#live, nowMs: clock.now() }, logger);
    } finally {
      resolve();
    }
  }

  /** Ends every call as cancelled and removes every container of this instance. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#sweepTimer);
    this.#closing.abort(new Error('the executor is closing'));
    while (this.#pending.size > 0) await Promise.all(this.#pending);
    await this.#sweepQuietly();
  }

  /** Runs one call into its output's queue, then removes its container and frees its slot. Never rejects. */
  async #serve(call: ServedCall): Promise<void> {
    const { request, output, stop } = call;
    await using cleanup = new AsyncDisposableStack();
    this.#live.add(request.callId);
    cleanup.defer(() => void this.#live.delete(request.callId));
    try {
      cleanup.use(await this.#slots.take(request.tenant, stop));
      const { sandbox, runtime } = await this.#start(call);
      cleanup.use(sandbox);
      await serveCall({ ...call, sandbox, runtime, clock: this.#options.clock });
      output.queue.end();
    } catch (error) {
      if (stop.aborted && !(error instanceof NotStarted) && !(error instanceof Lost)) {
        for (const frame of neverStarted({ reason: 'cancelled', error: null })) output.queue.push(frame);
        output.queue.end();
      } else {
        output.queue.end(error instanceof Error ? error : new Error('a run failed', { cause: error }));
      }
    }
  }

  /** A container whose harness waits. Throws NotStarted, or the signal's reason when it is aborted. */
  async #start({
    request,
    profile,
    stop,
  }: ServedCall): Promise<{ sandbox: Sandbox; runtime: RuntimeReport }> {
    const { clock, instance, logger } = this.#options;
    const starting = new AbortController();
    const onStop = (): void => starting.abort(stop.reason);
    stop.addEventListener('abort', onStop, { once: true });
    const timer = setTimeout(() => starting.abort(new Error('too slow')), startTimeoutMs);
    try {
      stop.throwIfAborted();
      const { facts, cgroupParent } = await this.#ground();
      requireRuntime(facts, profile);
      const imageId = await this.#imageId(profile);
      const deadlineMs = clock.now() + startTimeoutMs + profile.limits.timeoutMs + killGraceMs;
      const spec = containerSpec(profile, {
        imageId,
        cgroupParent: cgroupParent.name,
        labels: {
          [labels.instance]: instance,
          [labels.call]: request.callId,
          [labels.deadline]: String(deadlineMs),
        },
      });
      const sandbox = await Sandbox.start(this.#engine, spec, starting.signal, logger);
      const confinement = confinementOf(facts, profile.engineRuntime);
      return { sandbox, runtime: { kind: 'container', confinement, image: imageId, warm: false } };
    } catch (error) {
      stop.throwIfAborted();
      if (statusOf(error) === 404) this.#imageIds.clear();
      throw this.#notStarted(profile, starting.signal, error);
    } finally {
      clearTimeout(timer);
      stop.removeEventListener('abort', onStop);
    }
  }

  #notStarted(profile: ContainerProfile, starting: AbortSignal, cause: unknown): NotStarted {
    if (cause instanceof NotStarted) return cause;
    if (cause instanceof EngineUnavailable)
      return new NotStarted('runtime_unavailable', cause.message, { cause });
    this.#options.logger.error({ err: cause, image: profile.image.name }, 'a container could not be started');
    const what = starting.aborted
      ? `was not ready within ${startTimeoutMs} ms: the machine may have too much to do`
      : `could not be started: the runner's log says why`;
    return new NotStarted('runtime_unavailable', `the container of image ${profile.image.name} ${what}`, {
      cause,
    });
  }

  async #ground(): Promise<Ground> {
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
    const known = this.#imageIds.get(image.name);
    if (known !== undefined) return known;
    const imageId = await resolveImage(this.#engine, this.#options.imagesDirectory, image);
    this.#imageIds.set(image.name, imageId);
    return imageId;
  }

  /** An engine that is away is said once, in words; anything else with all that is known. */
  async #sweepQuietly(): Promise<void> {
    const { logger } = this.#options;
    try {
      await this.sweep();
      this.#isEngineAway = false;
    } catch (error) {
      if (!(error instanceof EngineUnavailable))
        logger.warn({ err: error }, 'forgotten sandboxes could not be looked for');
      else if (!this.#isEngineAway)
        logger.warn({ reason: error.message }, 'container tools are not available');
      this.#isEngineAway = error instanceof EngineUnavailable;
    }
  }

  #track(work: Promise<void>): void {
    this.#pending.add(work);
    void work.finally(() => this.#pending.delete(work));
  }
}

interface ServedCall {
  readonly request: SandboxRequest;
  readonly profile: ContainerProfile;
  readonly prepared: Extract<CallRequest, { kind: 'frames' }>;
  readonly output: CallOutput;
  readonly stop: AbortSignal;
}

function requireRuntime(facts: EngineFacts, profile: ContainerProfile): void {
  if (facts.runtimes.includes(profile.engineRuntime)) return;
  throw new NotStarted(
    'runtime_unavailable',
    `the engine has no runtime ${profile.engineRuntime}, which policy asks for: install it, or change the tool's engineRuntime`,
  );
}

function confinementOf(facts: EngineFacts, runtime: string): string {
  return [runtime, ...(facts.hasSeccomp ? ['seccomp'] : []), 'no network', 'read-only', 'uid 65534'].join(
    ', ',
  );
}

/** The frames of a run that used nothing, as there never was a sandbox. */
function neverStarted(exit: Omit<Extract<ExecutionFrame, { type: 'exit' }>, 'type'>): ExecutionFrame[] {
  const usage = { wallMs: 0, cpuMs: 0, memoryPeakBytes: 0, outputBytes: 0, truncated: [] };
  return [
    { type: 'usage', ...usage },
    { type: 'exit', ...exit },
  ];
}
