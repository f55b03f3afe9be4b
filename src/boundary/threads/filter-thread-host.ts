/**
 * The api's side of one thread of the filter: jobs one after the other, each with a deadline. A thread that ends takes the job that
 * it had with it as a failure; the next job starts another.
 */
import { getCompileCacheDir } from 'node:module';
import { dirname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { BoundaryOptions } from '../boundary.ts';
import { FilterFailure } from './filter-failure.ts';
import type { FailureReason } from './filter-failure.ts';
import { JobQueue } from './job-queue.ts';
import type { Done, FromThread, ToThread, Work } from './protocol.ts';

/** Jobs that wait for one thread. Calls that run bound them; refused calls do too, less. */
const waitingLimits = { lengthMax: 512, tenantLengthMax: 256 } as const;
/** A new thread reads some sixty files first. */
const startMsMax = 30_000;
/** The slowest input that is known takes a second for 5 MB on a machine that is not busy. */
const unitsPerMsMin = 1_000;
export interface ThreadOptions {
  readonly script: URL;
  /** What the filter is to be made of now. */
  readonly current: () => BoundaryOptions;
  /** What a job may take however small it is, milliseconds. */
  readonly jobMsFloor: number;
  /** Heap of the thread. */
  readonly heapMiBMax: number;
}

interface Job {
  readonly tenant: string;
  readonly work: Work;
  readonly units: number;
  /** Of the thread that it must run on; null: any. */
  readonly generation: number | null;
  readonly resolve: (value: Done[Work['kind']]) => void;
  readonly reject: (failure: FilterFailure) => void;
}

export class FilterThreadHost implements AsyncDisposable {
  readonly #options: ThreadOptions;
  readonly #waiting = new JobQueue<Job>(waitingLimits);
  #running: Job | null = null;
  #thread: Worker | null = null;
  #isReady = false;
  #told: BoundaryOptions | null = null;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;
  #load = 0;
  #generation = 0;

  constructor(options: ThreadOptions) {
    this.#options = options;
  }

  /** Size of what runs and waits, in UTF-16 units or bytes. */
  get load(): number {
    return this.#load;
  }

  /** Counts the threads that were lost: what one of them held is gone with it. */
  get generation(): number {
    return this.#generation;
  }

  /** Rejects with `FilterFailure`: so does work of a generation that is over. */
  run<K extends Work['kind']>(
    tenant: string,
    work: Extract<Work, { kind: K }>,
    units: number,
    generation: number | null = null,
  ): Promise<Done[K]> {
    const { promise, resolve, reject } = Promise.withResolvers<Done[Work['kind']]>();
    const job: Job = { tenant, work, units, generation, resolve, reject };
    if (this.#isClosed || !this.#waiting.push(job))
      return Promise.reject(new FilterFailure('boundary-overload'));
    this.#load += units;
    this.#next();
    return promise as Promise<Done[K]>;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    const thread = this.#thread;
    for (let job = this.#waiting.shift(); job !== undefined; job = this.#waiting.shift())
      this.#fail(job, new FilterFailure('boundary-crash'));
    this.#lose('boundary-crash', null);
    await thread?.terminate();
  }

  #next(): void {
    if (this.#running !== null) return;
    const job = this.#waiting.shift();
    if (job === undefined) return;
    if (job.generation !== null && job.generation !== this.#generation) {
      this.#fail(job, new FilterFailure('boundary-crash'));
      this.#next();
      return;
    }
    this.#running = job;
    try {
      const thread = (this.#thread ??= this.#start());
      const options = this.#options.current();
      const isToldAlready = this.#told !== null && isSame(options, this.#told);
      // An idle filter must not keep the process alive; a job must.
      thread.ref();
      thread.postMessage({ ...(isToldAlready ? {} : { options }), work: job.work } satisfies ToThread, []);
      this.#told = options;
      this.#expectAnswer();
    } catch (error) {
      this.#end();
      this.#fail(job, new FilterFailure('boundary-failure', { cause: error }));
      this.#next();
    }
  }

  #start(): Worker {
    const cache = getCompileCacheDir();
    const thread = new Worker(this.#options.script, {
      // The compile cache alone: what this process was told is not for it.
      env: cache === undefined ? {} : { NODE_COMPILE_CACHE: dirname(cache) },
      name: 'boundary-filter',
      resourceLimits: { maxOldGenerationSizeMb: this.#options.heapMiBMax },
    });
    let failure: unknown = null;
    thread.on('message', (message: FromThread) => {
      if (this.#thread === thread) this.#hear(message);
    });
    thread.on('messageerror', (error) => {
      if (this.#thread === thread) this.#lose('boundary-failure', error);
    });
    thread.on('error', (error) => {
      failure = error;
    });
    thread.on('exit', () => {
      if (this.#thread !== thread) return;
      const isOutOfMemory = (failure as NodeJS.ErrnoException | null)?.code === 'ERR_WORKER_OUT_OF_MEMORY';
      this.#lose(isOutOfMemory ? 'boundary-out-of-memory' : 'boundary-crash', failure);
    });
    return thread;
  }

  #expectAnswer(): void {
    clearTimeout(this.#timer);
    const jobMs = this.#options.jobMsFloor + (this.#running?.units ?? 0) / unitsPerMsMin;
    this.#timer = setTimeout(() => this.#lose('boundary-timeout', null), this.#isReady ? jobMs : startMsMax);
  }

  #hear(message: FromThread): void {
    if (message.kind === 'ready') {
      this.#isReady = true;
      this.#expectAnswer();
      return;
    }
    const job = this.#end();
    if (job === null) return;
    if (message.kind === 'threw')
      this.#fail(job, new FilterFailure('boundary-failure', { cause: message.error }));
    else {
      this.#load -= job.units;
      job.resolve(message.value);
    }
    this.#next();
  }

  /** The job that ran runs no more. */
  #end(): Job | null {
    clearTimeout(this.#timer);
    const job = this.#running;
    this.#running = null;
    this.#thread?.unref();
    return job;
  }

  /** The thread is given up, with the job that it has. */
  #lose(reason: FailureReason, cause: unknown): void {
    const thread = this.#thread;
    this.#thread = null;
    this.#generation++;
    this.#isReady = false;
    this.#told = null;
    void thread?.terminate();
    const job = this.#end();
    if (job !== null) this.#fail(job, new FilterFailure(reason, { cause }));
    this.#next();
  }

  #fail(job: Job, failure: FilterFailure): void {
    this.#load -= job.units;
    job.reject(failure);
  }
}

function isSame(some: BoundaryOptions, others: BoundaryOptions): boolean {
  const members = new Set([...Object.keys(some), ...Object.keys(others)]) as Set<keyof BoundaryOptions>;
  return [...members].every((member) => some[member] === others[member]);
}
