/** A worker as a child process in a process group of its own. */
import type { CpuTurn } from '../cpu-weights.ts';
import type { ChildProcess } from 'node:child_process';
import type { Duplex } from 'node:stream';
import type { WorkerCgroup } from './cgroup/worker-cgroups.ts';
import type { LaunchedWorker, WorkerEnd } from './confinement.ts';
import { LastWords } from './last-words.ts';
import type { WorkerMemory } from './worker-memory.ts';

/** How long a worker that exited may take to close its pipes before it is taken for gone anyway. */
const drainMsMax = 500;

export interface SpawnedWorkerOptions {
  /** That it was started in; removed when it has ended. */
  readonly cgroup?: WorkerCgroup | null;
  /** Which process runs the worker, where the child is only its parent. */
  readonly workerPidOf?: ((pid: number) => number | null) | undefined;
}

export class SpawnedWorker implements LaunchedWorker {
  readonly channel: Duplex;
  readonly ended: Promise<WorkerEnd>;
  readonly #child: ChildProcess;
  readonly #workerPidOf: (pid: number) => number | null;
  readonly #cgroup: WorkerCgroup | null;
  readonly #lastWords = new LastWords();
  readonly #settle: (end: WorkerEnd) => void;
  #isAlive = true;
  #hasEnded = false;

  constructor(child: ChildProcess, channel: Duplex, { cgroup, workerPidOf }: SpawnedWorkerOptions = {}) {
    const { promise, resolve } = Promise.withResolvers<WorkerEnd>();
    this.ended = promise;
    this.#settle = resolve;
    this.#child = child;
    this.channel = channel;
    this.#workerPidOf = workerPidOf ?? ((pid) => pid);
    this.#cgroup = cgroup ?? null;
    child.stderr?.on('data', (chunk: Buffer) => this.#lastWords.take(chunk));
    child.once('error', (error) => this.#end(error.message));
    child.once('exit', (code, signal) =>
      this.#onExit(signal === null ? `exit code ${code}` : `signal ${signal}`),
    );
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }
  get pid(): number | null {
    return this.#child.pid ?? null;
  }

  get memory(): WorkerMemory | null {
    return this.#cgroup?.memory ?? null;
  }

  hasTaskLimit(): boolean {
    return this.#cgroup?.hasTaskLimit(this.workerPid()) === true;
  }

  weigh(turn: CpuTurn): void {
    this.#cgroup?.weigh(turn);
  }

  workerPid(): number | null {
    return this.pid === null ? null : this.#workerPidOf(this.pid);
  }

  kill(): void {
    if (!this.#isAlive) return;
    this.#isAlive = false;
    this.#killGroup();
  }

  #onExit(how: string): void {
    this.#isAlive = false;
    // Whatever the guest may have started belongs to the group and must not outlive it.
    this.#killGroup();
    const timer = setTimeout(() => this.#end(how), drainMsMax);
    this.#child.once('close', () => {
      clearTimeout(timer);
      this.#end(how);
    });
  }

  #end(how: string): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#isAlive = false;
    this.channel.destroy();
    this.#child.stderr?.destroy();
    const memory = this.#cgroup?.memory;
    const cause = memory?.wasKilledForMemory() === true ? 'out_of_memory' : 'ended';
    memory?.close();
    this.#cgroup?.remove();
    this.#settle({ cause, how, lastWords: this.#lastWords.text });
  }

  #killGroup(): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // ESRCH: nobody is left in it.
    }
  }
}
