/**
 * Runs calls in containers: one container for one call. The request is trusted as far as policy decided it; the
 * container is built from the profile alone; whatever comes out of it is hostile and capped on the way.
 */
import type {
  ContainerProfile,
  ExecutionFrame,
  ExecutorHealth,
  PoolReport,
  SandboxExecutor,
  SandboxRequest,
} from '../executor.ts';
import { spareLead } from '../call-turn.ts';
import { Lost, NotStarted, orphansMax } from '../executor.ts';
import type { SandboxSessions } from '../sessions.ts';
import { TenantShares } from '../tenant-shares.ts';
import { CallOutput } from './call-output.ts';
import { prepareRequest } from './call-request.ts';
import type { PreparedRequest } from './call-request.ts';
import { Engine, EngineUnavailable } from './engine.ts';
import { listImages } from './images.ts';
import {
  concurrentCallsMax,
  owedSweepDelayMs,
  removalDelayMs,
  reservedCallsMax,
  sweepIntervalMs,
  tenantWaitingCallsMax,
  tendIntervalMs,
  waitingCallsMax,
} from './limits.ts';
import type { Logger } from './logger.ts';
import { narrowLimits } from './narrow-limits.ts';
import { SandboxSource, confinementOf } from './sandbox-source.ts';
import { serveCall } from './serve-call.ts';
import type { CallEnding, TenantCpu } from './serve-call.ts';
import type { HeldSession } from './sessions/held-session.ts';
import { SessionKeeper } from './sessions/session-keeper.ts';
import { Slots } from './slots.ts';
import { sweep } from './sweep.ts';

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
  /** What tools of the present policy run in, asked at each look around; of their images some are kept warm. */
  readonly profiles?: () => readonly ContainerProfile[];
  /** False: no container waits for a call, whatever images ask for. True when missing. */
  readonly keepsWarm?: boolean;
  /** True: nothing is started under a runtime whose version has known holes. False when missing. */
  readonly refusesKnownHoles?: boolean;
  /** Calls at once; `concurrentCallsMax` when missing. */
  readonly concurrentCallsMax?: number;
  /** Calls that wait for their turn; `waitingCallsMax` when missing. */
  readonly waitingCallsMax?: number;
}

/** Never throws for a missing engine: `health` and each run say so, and it is used as soon as it is there. */
export function createContainerExecutor(options: ContainerExecutorOptions): ContainerExecutor {
  return new ContainerExecutor(options);
}

export class ContainerExecutor implements SandboxExecutor {
  #isEngineAway = false;
  readonly kind = 'container';
  readonly #options: ContainerExecutorOptions;
  readonly #engine: Engine;
  readonly #slots: Slots;
  /** Of the processor, milliseconds. */
  readonly #shares = new TenantShares(spareLead);
  readonly #source: SandboxSource;
  readonly #sessions: SessionKeeper;
  /** Removed, and not told yet. */
  readonly #orphans: string[] = [];
  readonly #live: Set<string>;
  readonly #pending = new Set<Promise<void>>();
  readonly #closing = new AbortController();
  readonly #timers: readonly NodeJS.Timeout[];
  /** One sweep after the other: two at once would each leave to the other what it is about to remove. */
  #sweeping: Promise<void> = Promise.resolve();
  /** Set while something may be left that no timer has to be waited for. */
  #owedSweep: NodeJS.Timeout | null = null;

  constructor(options: ContainerExecutorOptions) {
    this.#options = options;
    this.#engine = new Engine(options.dockerHost);
    this.#live = options.live ?? new Set();
    this.#slots = new Slots({
      runningMax: options.concurrentCallsMax ?? concurrentCallsMax,
      reserveMax: reservedCallsMax,
      waitingMax: options.waitingCallsMax ?? waitingCallsMax,
      tenantWaitingMax: tenantWaitingCallsMax,
    });
    const {
      clock,
      imagesDirectory,
      instance,
      keepsWarm = true,
      logger,
      profiles,
      refusesKnownHoles = false,
    } = options;
    this.#source = new SandboxSource({
      engine: this.#engine,
      live: this.#live,
      clock,
      imagesDirectory,
      instance,
      keepsWarm,
      logger,
      onLeft: () => this.#sweepSoon(),
      profiles,
      refusesKnownHoles,
    });
    this.#sessions = new SessionKeeper({ source: this.#source, clock });
    this.#timers = [
      setInterval(() => this.#track(this.#sweepQuietly()), sweepIntervalMs).unref(),
      setInterval(() => this.#track(this.tend()), tendIntervalMs).unref(),
    ];
    this.#track(this.#sweepQuietly());
  }

  async *run(request: SandboxRequest, signal: AbortSignal): AsyncGenerator<ExecutionFrame, void, undefined> {
    if (request.profile.kind !== 'container') {
      throw new TypeError(`a ${request.profile.kind} profile cannot run in a container`);
    }
    const profile = { ...request.profile, limits: narrowLimits(request.profile.limits, request.limits) };
    const prepared = prepareRequest(profile, request.args, request.files);
    if (prepared.kind === 'refused') {
      yield* requestRefused(prepared.message);
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
      const { facts, cgroupParent } = await this.#source.ground();
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
        pools: this.pools,
      };
    } catch (error) {
      if (!(error instanceof EngineUnavailable)) throw error;
      return { kind: this.kind, state: 'down', confinement: 'none', reason: error.message };
    }
  }

  /**
   * Removes forgotten containers now; returns how many. Also done at start, every minute, once an engine that was lost
   * is back, and at the end.
   */
  async sweep(): Promise<number> {
    const { instance, clock, logger } = this.#options;
    const earlier = this.#sweeping;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#sweeping = promise;
    await earlier;
    try {
      const scope = { instance, live: this.#live, nowMs: clock.now() };
      return await sweep(this.#engine, scope, logger, (container) => this.#noteOrphan(container));
    } finally {
      resolve();
    }
  }

  takeOrphans(): readonly string[] {
    return this.#orphans.splice(0);
  }

  #noteOrphan(container: string): void {
    this.#orphans.push(container);
    if (this.#orphans.length > orphansMax) this.#orphans.shift();
  }

  /** Ends every call as cancelled and removes every container of this instance. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    if (this.#owedSweep !== null) clearTimeout(this.#owedSweep);
    this.#closing.abort(new Error('the executor is closing'));
    await this.#sessions[Symbol.asyncDispose]();
    while (this.#pending.size > 0) await Promise.all(this.#pending);
    await this.#source[Symbol.asyncDispose]();
    await this.#sweepQuietly();
  }

  /** Looks after what is kept warm. Done every quarter of a minute; at once when there is a policy to look at. */
  async tend(): Promise<void> {
    await this.#source.tend();
  }

  get sessions(): SandboxSessions {
    return this.#sessions;
  }

  /** What is kept warm, and how well that went. */
  get pools(): readonly PoolReport[] {
    return this.#source.pools;
  }

  /** Runs one call into its output's queue and frees its slot; its container is removed after that. Never rejects. */
  async #serve(call: ServedCall): Promise<void> {
    const { request, output, stop } = call;
    using cleanup = new DisposableStack();
    try {
      cleanup.use(await this.#slots.take(request.tenant, stop));
      if (request.session === undefined) await this.#serveAlone(call);
      else await this.#serveInSession(call, this.#sessions.find(request.session.id, request));
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

  /** In a container that serves this call and no other. */
  async #serveAlone(call: ServedCall): Promise<void> {
    const { request, profile, prepared, stop } = call;
    const wish = { profile, own: request.profile.limits, tenant: request.tenant, stop };
    const { sandbox, runtime } = await this.#source.acquire(wish);
    using cleanup = new DisposableStack();
    let restMs = 0;
    cleanup.defer(() => this.#source.discard(sandbox, restMs));
    const { clock } = this.#options;
    const onEnded = ({ reason }: CallEnding): void => {
      if (reason === 'completed') restMs = removalDelayMs;
      this.#slots.ended(request.tenant, reason !== 'completed' && reason !== 'threw');
    };
    const frames = prepared.frames();
    const cpu = this.#cpuOf(request.tenant);
    await serveCall({ ...call, frames, before: sandbox.ownUsage, sandbox, runtime, clock, cpu, onEnded });
  }

  async #serveInSession(call: ServedCall, session: HeldSession): Promise<void> {
    const { output, prepared, profile } = call;
    using _claimed = session.claim(profile);
    const objection = await session.place(prepared.files);
    if (objection !== null) {
      for (const frame of requestRefused(objection)) output.queue.push(frame);
      return;
    }
    const { before, runtime, sandbox } = session;
    const stop = AbortSignal.any([call.stop, session.stopped]);
    const onEnded = (ending: CallEnding): void => session.settle(ending);
    const { clock } = this.#options;
    try {
      const frames = prepared.request();
      const cpu = this.#cpuOf(call.request.tenant);
      await serveCall({ ...call, stop, frames, before, sandbox, runtime, clock, cpu, onEnded });
    } catch (error) {
      session.end('container_ended');
      throw error;
    }
  }

  #cpuOf(tenant: string): TenantCpu {
    const note = (ms: number): void => this.#shares.note(tenant, performance.now(), ms);
    note(0);
    return { note, isBehind: () => this.#shares.isFarAhead(tenant, performance.now()) };
  }

  /** Something may be left on an engine that was lost: it is looked for as soon as that answers again. */
  #sweepSoon(): void {
    if (this.#owedSweep !== null || this.#closing.signal.aborted) return;
    this.#owedSweep = setTimeout(() => this.#track(this.#payOwedSweep()), owedSweepDelayMs).unref();
  }

  async #payOwedSweep(): Promise<void> {
    await this.#sweepQuietly();
    this.#owedSweep = null;
    if (this.#isEngineAway) this.#sweepSoon();
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
  readonly prepared: PreparedRequest;
  readonly output: CallOutput;
  readonly stop: AbortSignal;
}

/** What the arguments ask for cannot be done: the call fails without having run. */
function requestRefused(message: string): ExecutionFrame[] {
  return neverStarted({ reason: 'threw', error: { name: 'RequestRefused', message } });
}

/** The frames of a run that used nothing, as there never was a sandbox. */
function neverStarted(exit: Omit<Extract<ExecutionFrame, { type: 'exit' }>, 'type'>): ExecutionFrame[] {
  const usage = { wallMs: 0, cpuMs: 0, memoryPeakBytes: 0, outputBytes: 0, truncated: [] };
  return [
    { type: 'usage', ...usage },
    { type: 'exit', ...exit },
  ];
}
