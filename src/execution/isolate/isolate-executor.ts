/**
 * JavaScript tools in V8 isolates, inside confined worker processes.
 * Trusted: the request and the profile. Hostile: the tool's code, and every byte that a worker sends.
 */
import { availableParallelism } from 'node:os';
import { fulfils } from '../../model/confinement.ts';
import { NotStarted } from '../executor.ts';
import type { ExecutionFrame, ExecutorHealth, SandboxExecutor, SandboxRequest } from '../executor.ts';
import { addonObjection, locateAddon } from './addon.ts';
import type { IsolateAddon } from './addon.ts';
import { WorkerCgroups } from './cgroup/worker-cgroups.ts';
import { workerProgram } from './confinement.ts';
import { IsolateCall } from './isolate-call.ts';
import type { CallStart } from './isolate-call.ts';
import type { Logger } from './logger.ts';
import { selectConfinement } from './select-confinement.ts';
import type {
  ConfinementChoice,
  ConfinementSelection,
  ContainerConfinementSource,
} from './select-confinement.ts';
import { WorkerPool } from './worker-pool.ts';
import type { Lease } from './worker-pool.ts';

export interface IsolateExecutorOptions {
  /** Calls at the same time; one core each. Default: the number of cores, at least 2. */
  readonly poolSize?: number;
  /** `auto` takes the strongest that works here; a name takes that one or refuses. */
  readonly confinement: ConfinementChoice;
  readonly confineInContainer: ContainerConfinementSource;
  readonly logger: Logger;
  /** Default: the isolated-vm that is installed. */
  readonly addon?: IsolateAddon;
  /** Cgroups of workers, to be disposed of by the executor. Default: below the one of this process, where it can. */
  readonly openCgroups?: () => WorkerCgroups;
}

/**
 * Resolves once a confinement has proved itself; workers then start in the background.
 * Rejects when a confinement was named that cannot be had. When isolates cannot be served for any other reason
 * the executor is there, `health()` says `down` and why, and every run throws `NotStarted`.
 */
export async function createIsolateExecutor(options: IsolateExecutorOptions): Promise<SandboxExecutor> {
  const { confinement: choice, confineInContainer, logger } = options;
  const addon = findAddon(options);
  if ('objection' in addon) return new UnavailableExecutor(addon.objection, logger);
  await using stack = new AsyncDisposableStack();
  const cgroups = stack.use((options.openCgroups ?? (() => WorkerCgroups.open()))());
  const { path: addonPath } = addon;
  const selection = await selectConfinement({ choice, addonPath, confineInContainer, cgroups, logger });
  if (selection.confinement !== null) {
    const size = options.poolSize ?? Math.max(2, availableParallelism());
    const executor = new IsolateExecutor({ selection, addonPath, size, logger, owned: stack.move() });
    const { confinement, protections, missing } = selection;
    logger.info({ confinement: confinement.name, protections, missing }, 'isolate workers are confined');
    return executor;
  }
  const { objection } = selection;
  if (choice !== 'auto') throw new Error(`isolate confinement ${choice} cannot be had: ${objection}`);
  return new UnavailableExecutor(objection, logger);
}

function findAddon({ addon }: IsolateExecutorOptions): IsolateAddon | { readonly objection: string } {
  try {
    const found = addon ?? locateAddon();
    const objection = addonObjection(found);
    return objection === null ? found : { objection };
  } catch (error) {
    return {
      objection: `isolated-vm cannot be loaded: ${error instanceof Error ? error.message : String(error)}`,
    };
  }
}

type UsableConfinement = Exclude<ConfinementSelection, { readonly confinement: null }>;

interface IsolateExecutorParts {
  readonly selection: UsableConfinement;
  readonly addonPath: string;
  readonly size: number;
  readonly logger: Logger;
  /** What goes after the last worker. */
  readonly owned: AsyncDisposableStack;
}

class IsolateExecutor implements SandboxExecutor {
  readonly kind = 'isolate';
  readonly #selection: UsableConfinement;
  readonly #owned: AsyncDisposableStack;
  readonly #pool: WorkerPool;
  readonly #calls = new Set<IsolateCall>();

  constructor({ selection, addonPath, size, logger, owned }: IsolateExecutorParts) {
    const { confinement } = selection;
    const program = workerProgram(addonPath);
    this.#selection = selection;
    this.#owned = owned;
    this.#pool = new WorkerPool({
      size,
      launch: () => confinement.launch(program),
      ...(confinement.pace === undefined ? {} : { pace: confinement.pace }),
      logger,
      now: () => performance.now(),
    });
  }

  async *run(request: SandboxRequest, signal: AbortSignal): AsyncGenerator<ExecutionFrame, void, undefined> {
    const call = await this.#begin(request, signal);
    const cancel = (): void => call.kill('cancelled');
    signal.addEventListener('abort', cancel, { once: true });
    if (signal.aborted) cancel();
    try {
      yield* call.frames;
    } finally {
      signal.removeEventListener('abort', cancel);
      // A reader that leaves early takes the call with it; after the end this does nothing.
      cancel();
    }
  }

  health(): Promise<ExecutorHealth> {
    const { downReason } = this.#pool;
    const { confinement, missing, objection, protections } = this.#selection;
    const weaker = objection === null ? null : `a stronger confinement cannot be used: ${objection}`;
    return Promise.resolve({
      kind: this.kind,
      state: downReason === null ? 'ok' : 'down',
      confinement: confinement.name,
      reason: downReason ?? weaker,
      protections,
      missing,
      workers: this.#pool.report(),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const call of this.#calls) call.kill('cancelled');
    await this.#pool[Symbol.asyncDispose]();
    await this.#owned[Symbol.asyncDispose]();
  }

  async #begin(request: SandboxRequest, signal: AbortSignal): Promise<IsolateCall> {
    const { profile, tenant, principal } = request;
    if (profile.kind !== 'isolate') {
      throw new NotStarted('runtime_unavailable', `isolates do not run ${profile.kind} tools`);
    }
    const { name } = this.#selection.confinement;
    if (!fulfils(name, profile.minConfinement)) {
      throw new NotStarted(
        'runtime_unavailable',
        `${profile.tool} demands the confinement ${profile.minConfinement} or stronger, and isolates of this host run under ${name}; GET /ready says what is missing`,
      );
    }
    if (signal.aborted) throw new NotStarted('overloaded', 'the call was cancelled before it started');
    const lease = await this.#pool.acquire(
      { tenant, principal, reuse: request.reuse ?? profile.reuse },
      signal,
      request.isPatient,
    );
    const { worker, warm } = lease;
    if (worker.state !== 'ready') {
      lease.release({ wasKilled: true });
      throw new NotStarted('runtime_unavailable', 'the isolate worker was lost before the call began; retry');
    }
    const call = this.#start({ worker, warm, request, confinement: name }, lease);
    this.#calls.add(call);
    void this.#releaseAfter(call, lease);
    return call;
  }

  /** A call whose limits cannot be set is never handed to the worker. */
  #start(start: CallStart, lease: Lease): IsolateCall {
    try {
      return new IsolateCall(start);
    } catch (error) {
      lease.release({ wasKilled: true });
      const message = "the isolate worker's memory limit could not be set; retry";
      throw new NotStarted('runtime_unavailable', message, { cause: error });
    }
  }

  async #releaseAfter(call: IsolateCall, lease: Lease): Promise<void> {
    const end = await call.done;
    this.#calls.delete(call);
    lease.release(end);
  }
}

/** Stands in where isolates cannot be served, so that everything else can. */
class UnavailableExecutor implements SandboxExecutor {
  readonly kind = 'isolate';
  readonly #reason: string;

  constructor(reason: string, logger: Logger) {
    this.#reason = reason;
    logger.error({ reason }, 'isolates are down');
  }

  // eslint-disable-next-line require-yield -- it has nothing to yield: nothing ever runs here
  async *run(): AsyncGenerator<ExecutionFrame, void, undefined> {
    throw new NotStarted('runtime_unavailable', this.#reason);
  }

  health(): Promise<ExecutorHealth> {
    return Promise.resolve({ kind: this.kind, state: 'down', confinement: 'none', reason: this.#reason });
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
