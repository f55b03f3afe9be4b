/**
 * One container of ours, from create to remove, with its attached stream. What speaks over the stream is the
 * business of whoever holds it.
 */
import type { Duplex } from 'node:stream';
import type { Container, ContainerCreateOptions, ContainerInspectInfo } from 'dockerode';

import { bounded, statusOf } from './engine.ts';
import type { Engine } from './engine.ts';
import { killGraceMs } from './limits.ts';
import type { Logger } from './logger.ts';
import { cgroupFilesOf, cgroupPathsOf, readResourceUsage, readUsageSoFar } from './resource-usage.ts';
import type { CgroupFiles, ResourceUsage } from './resource-usage.ts';

/** How long the answer to a create that nobody wants any more is waited for, milliseconds. */
const createdWithinMs = 3000;

/** How a container ended by itself, as the engine says. */
export interface ContainerEnd {
  readonly exitCode: number;
  readonly oomKilled: boolean;
}

export class AttachedContainer implements AsyncDisposable {
  /** The engine's attach stream, multiplexed: stdin one way, stdout and stderr the other. */
  readonly stream: Duplex;
  readonly #container: Container;
  readonly #exited: Promise<unknown>;
  readonly #logger: Logger;
  #pid = 0;
  #cgroupFiles: CgroupFiles | null = null;

  private constructor(container: Container, stream: Duplex, exited: Promise<unknown>, logger: Logger) {
    this.#container = container;
    this.stream = stream;
    this.#exited = exited;
    this.#logger = logger;
    // Whoever reads sees the error as an end; it may also come when nobody reads any more.
    stream.on('error', () => {});
  }

  /**
   * Creates and attaches, without starting, so that no byte and no end can be missed. Throws when that fails or
   * the signal is aborted; nothing is left behind then, as far as the engine answers.
   */
  static async create(
    engine: Engine,
    spec: ContainerCreateOptions,
    signal: AbortSignal,
    logger: Logger,
  ): Promise<AttachedContainer> {
    const container = await engine.docker.createContainer({ ...spec, abortSignal: afterwards(signal) });
    try {
      signal.throwIfAborted();
      const stream = (await container.attach({
        stream: true,
        stdin: true,
        stdout: true,
        stderr: true,
        hijack: true,
        abortSignal: signal,
      })) as Duplex;
      // Pending for good when the engine is lost while we wait.
      const exited: Promise<unknown> = container.wait({ condition: 'next-exit' }).catch(() => null);
      return new AttachedContainer(container, stream, exited, logger);
    } catch (error) {
      await removeContainer(container, logger);
      throw error;
    }
  }

  get id(): string {
    return this.#container.id;
  }

  async start(signal: AbortSignal): Promise<void> {
    await this.#container.start({ abortSignal: signal });
  }

  /** For what is read and killed past the engine. 0 where the engine does not tell. */
  async learnPid(): Promise<number> {
    this.#pid = (await this.#state())?.Pid ?? 0;
    this.#cgroupFiles = await cgroupFilesOf(this.#pid, this.id);
    return this.#pid;
  }

  /** The container's first process, if it can be seen from here and still is that. */
  async visiblePid(): Promise<number | null> {
    return (await cgroupPathsOf(this.#pid, this.id)) === null ? null : this.#pid;
  }

  /** Of the moment, where that is to be had without the engine. */
  usageSoFar(): ResourceUsage {
    return readUsageSoFar(this.#cgroupFiles);
  }

  async usage(): Promise<ResourceUsage> {
    return await readResourceUsage(this.#container, this.#cgroupFiles);
  }

  /** Ends all processes of the container, and waits for `closed`, the end of its stream as the reader sees it. */
  async kill(closed: Promise<unknown>): Promise<void> {
    try {
      await bounded(this.#container.kill());
    } catch (error) {
      // 404, 409: it has ended already. Anything else: the engine does not answer, the kernel does.
      if (statusOf(error) === null) await this.#killFirstProcess();
    }
    await within(killGraceMs, closed);
    this.stream.destroy();
  }

  /** How the container ended by itself. Null when that is not known: the engine was lost on the way. */
  async ended(): Promise<ContainerEnd | null> {
    let state = await this.#state();
    if (state?.Running === true) {
      await within(killGraceMs, this.#exited);
      state = await this.#state();
    }
    if (state === null || state.Running) return null;
    return { exitCode: state.ExitCode, oomKilled: state.OOMKilled };
  }

  /** Whether its processes go on; null where the engine does not answer. */
  async isRunning(): Promise<boolean | null> {
    const state = await this.#inspected();
    if (state === null) return null;
    return state !== 'unknown' && state.Running && !state.Paused;
  }

  /** The engine's flag; false where it does not answer. */
  async wasOomKilled(): Promise<boolean> {
    return (await this.#state())?.OOMKilled ?? false;
  }

  /** Removes the container, alive or not. False when it is left to the sweep: its processes end all the same. */
  async remove(): Promise<boolean> {
    this.stream.destroy();
    const isGone = await removeContainer(this.#container, this.#logger);
    if (!isGone) await this.#killFirstProcess();
    return isGone;
  }

  /** Removes the container, alive or not. What fails is left to the sweep. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.remove();
  }

  /** Null when the engine does not answer, or does not know the container. */
  async #state(): Promise<ContainerInspectInfo['State'] | null> {
    const state = await this.#inspected();
    return state === 'unknown' ? null : state;
  }

  /** `unknown`: the engine has no such container. Null: it does not answer. */
  async #inspected(): Promise<ContainerInspectInfo['State'] | 'unknown' | null> {
    return await bounded(this.#container.inspect()).then(
      (inspected) => inspected.State,
      (error: unknown) => (statusOf(error) === 404 ? 'unknown' : null),
    );
  }

  /** For an engine that is gone. */
  async #killFirstProcess(): Promise<void> {
    const pid = await this.visiblePid();
    if (pid === null) return;
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      this.#logger.warn({ err: error, container: this.id }, 'a sandbox could not be killed');
    }
  }
}

async function removeContainer(container: Container, logger: Logger): Promise<boolean> {
  try {
    await bounded(container.remove({ force: true, v: true }));
  } catch (error) {
    // 409: its removal is under way already.
    if (statusOf(error) === 404 || statusOf(error) === 409) return true;
    logger.warn({ err: error, container: container.id }, 'a sandbox could not be removed; the sweep will');
    return false;
  }
  return true;
}

/** The promise's value, or undefined when it takes too long. */
async function within<T>(milliseconds: number, promise: Promise<T>): Promise<T | undefined> {
  const { promise: late, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => resolve(undefined), milliseconds);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Aborted a while after `signal`. What the engine has begun to make it makes, also for a client that has hung up, and
 * only its answer says what there is to remove.
 */
function afterwards(signal: AbortSignal): AbortSignal {
  const giveUp = new AbortController();
  const onAbort = (): void => {
    setTimeout(() => giveUp.abort(signal.reason), createdWithinMs).unref();
  };
  if (signal.aborted) giveUp.abort(signal.reason);
  else signal.addEventListener('abort', onAbort, { once: true });
  return giveUp.signal;
}
