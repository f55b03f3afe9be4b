/**
 * An isolate worker in a container of its own. Trusted: the engine. Hostile: the bytes of its stdout and stderr,
 * which are taken apart iteratively and handed on in the pieces in which they came.
 */
import type { LaunchedWorker, WorkerEnd } from '../isolate/confinement.ts';
import { LastWords } from '../isolate/last-words.ts';
import { AttachedChannel } from './attached-channel.ts';
import type { AttachedContainer } from './attached-container.ts';

export interface ContainedWorkerOptions {
  /** A container that was created and attached, not started. Rejects with why there is none. */
  readonly create: (signal: AbortSignal) => Promise<AttachedContainer>;
  /** From start to the end of create and start, milliseconds. */
  readonly startTimeoutMs: number;
}

export class ContainedWorker implements LaunchedWorker {
  readonly channel = new AttachedChannel();
  /** The engine's cgroup is not for the runner to write; the container's memory is limited once, at its start. */
  readonly memory = null;
  readonly ended: Promise<WorkerEnd>;
  /** Settles when the container has been removed as well. Never rejects. */
  readonly removed: Promise<void>;
  readonly #lastWords = new LastWords();
  readonly #stop = new AbortController();
  readonly #settleEnded: (end: WorkerEnd) => void;
  #container: AttachedContainer | null = null;
  #pid: number | null = null;
  #carried: Promise<string | null> = Promise.resolve(null);

  constructor(options: ContainedWorkerOptions) {
    const { promise, resolve } = Promise.withResolvers<WorkerEnd>();
    this.ended = promise;
    this.#settleEnded = resolve;
    this.removed = this.#live(options);
  }

  get isAlive(): boolean {
    return !this.#stop.signal.aborted;
  }
  get pid(): number | null {
    return this.#pid;
  }

  workerPid(): number | null {
    return this.#pid;
  }

  kill(): void {
    this.#stop.abort(new Error('it was killed before it ran'));
  }

  /** From create to remove, whatever happens on the way. */
  async #live(options: ContainedWorkerOptions): Promise<void> {
    try {
      const container = await this.#start(options);
      const end = await this.#endOf(container);
      this.#settle(end.cause, end.how);
    } catch (error) {
      this.#settle('ended', error instanceof Error ? error.message : String(error));
    }
    await this.#container?.[Symbol.asyncDispose]();
  }

  async #start({ create, startTimeoutMs }: ContainedWorkerOptions): Promise<AttachedContainer> {
    // A kill waits for the engine's answer: a request that is given up could leave a container behind.
    const signal = AbortSignal.timeout(startTimeoutMs);
    const container = await create(signal);
    this.#container = container;
    this.#stop.signal.throwIfAborted();
    await container.start(signal);
    await container.learnPid();
    this.#pid = await container.visiblePid();
    return container;
  }

  /** Carries bytes until the worker ends by itself or is killed. */
  async #endOf(container: AttachedContainer): Promise<Pick<WorkerEnd, 'cause' | 'how'>> {
    this.#carried = this.channel.carry(container.stream, (bytes) => this.#lastWords.take(bytes));
    const wasKilled = await Promise.race([this.#carried.then(() => false), aborted(this.#stop.signal)]);
    if (wasKilled) {
      await container.kill(this.#carried);
      return { cause: 'ended', how: 'killed by the runner' };
    }
    this.kill();
    const fault = await this.#carried;
    if (fault !== null) {
      await container.kill(this.#carried);
      return { cause: 'ended', how: fault };
    }
    const end = await container.ended();
    if (end === null) {
      await container.kill(this.#carried);
      return { cause: 'lost', how: 'the container engine no longer knows of it' };
    }
    return { cause: end.oomKilled ? 'out_of_memory' : 'ended', how: `exit code ${end.exitCode}` };
  }

  #settle(cause: WorkerEnd['cause'], how: string): void {
    this.kill();
    this.channel.destroy();
    this.#settleEnded({ cause, how, lastWords: this.#lastWords.text });
  }
}

function aborted(signal: AbortSignal): Promise<true> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(true);
    else signal.addEventListener('abort', () => resolve(true), { once: true });
  });
}
