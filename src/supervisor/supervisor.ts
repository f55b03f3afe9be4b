/**
 * Keeps the HTTP processes of one server: holds the listening socket and hands each connection to a worker, starts
 * workers anew when they end, replaces them on reload, and ends them in order. It parses nothing that clients send.
 */
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { Counter, Gauge, Registry } from 'prom-client';
import { listen } from '../api/serve.ts';
import type { ListenAddress } from '../api/serve.ts';
import { RestartPause } from '../execution/runner/restart-pause.ts';
import type { JsonValue } from '../model/json.ts';
import { HeldConnections, turnAway } from './held-connections.ts';
import { PooledMetrics } from './pooled-metrics.ts';
import type { SharedDesk } from './shared-desk.ts';
import { StartFailed } from './start-failed.ts';
import { WorkerProcess } from './worker-process.ts';
import type { Asked, WorkerExit } from './worker-process.ts';

export interface SupervisorOptions {
  readonly address: ListenAddress;
  readonly workersCount: number;
  /** Program and arguments of a worker. */
  readonly command: (worker: { readonly index: number; readonly url: string }) => readonly string[];
  /** What the workers ask of their supervisor; null: there is one, which has nobody to share with. */
  readonly desk: SharedDesk | null;
  readonly environment: NodeJS.ProcessEnv;
  /** How long a worker may take to end, milliseconds. */
  readonly stopMsMax: number;
  /** Throws when the configuration as it is now would let no worker start. */
  readonly checkConfig: () => void;
  readonly logger: Readonly<Record<'info' | 'warn' | 'error', (fields: object, message: string) => void>>;
}

export class Supervisor implements AsyncDisposable {
  readonly metrics: PooledMetrics;
  readonly #options: SupervisorOptions;
  readonly #server: Server;
  readonly #workers = new Set<WorkerProcess>();
  readonly #held = new HeldConnections();
  readonly #restarts: Counter;
  #url = '';
  #turn = 0;
  /** Who began to serve last, and how many connections of others are meant for it. */
  #newest: { readonly worker: WorkerProcess; due: number } | null = null;
  readonly #restartPause = new RestartPause();
  #restartTimers = new Set<NodeJS.Timeout>();
  #phase: 'starting' | 'up' | 'stopping' = 'starting';
  #reloading: Promise<void> = Promise.resolve();
  #isReloadWanted = false;

  private constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#server = createServer({ pauseOnConnect: true, noDelay: true }, (socket) => this.#accept(socket));
    const own = new Registry();
    this.#restarts = createOwnMetrics(own, {
      workers: () => this.#serving().length,
      held: () => this.#held.count,
    });
    const collect = (): ReturnType<PooledMetricsCollect> =>
      Promise.all([...this.#workers].map((worker) => worker.collect()));
    this.metrics = new PooledMetrics({ own, collect });
  }

  /** Resolves when all workers serve. Throws `ListenFailed` or `StartFailed`, and has then ended what it started. */
  static async start(options: SupervisorOptions): Promise<Supervisor> {
    const supervisor = new Supervisor(options);
    try {
      supervisor.#url = await listen(supervisor.#server, options.address);
      // The first one makes keys, tables and what else is there once; then the others find it.
      await supervisor.#firstStart(1);
      await supervisor.#firstStart(options.workersCount - 1);
      supervisor.#phase = 'up';
      // One that ended meanwhile was not replaced yet.
      for (let missing = options.workersCount - supervisor.#workers.size; missing > 0; missing -= 1)
        supervisor.#launchLater();
      return supervisor;
    } catch (error) {
      await supervisor[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #firstStart(count: number): Promise<void> {
    const workers = Array.from({ length: count }, () => this.#launch());
    for (const exit of await Promise.all(workers.map(({ settled }) => settled)))
      if (exit !== null) throw new StartFailed('worker', exit);
  }

  get url(): string {
    return this.#url;
  }

  /** Replaces every worker, without a connection lost. What is asked for meanwhile is done once more afterwards. */
  reload(): Promise<void> {
    if (this.#isReloadWanted) return this.#reloading;
    this.#isReloadWanted = true;
    this.#reloading = this.#reloadAfter(this.#reloading);
    return this.#reloading;
  }

  async #reloadAfter(earlier: Promise<void>): Promise<void> {
    await earlier;
    this.#isReloadWanted = false;
    if (this.#phase === 'up') await this.#replaceAll();
  }

  /** Takes no new connection, lets every worker end in order. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#phase = 'stopping';
    for (const timer of this.#restartTimers) clearTimeout(timer);
    if (this.#server.listening) this.#server.close();
    this.#held.release(turnAway);
    const ending = [...this.#workers];
    for (const worker of ending) worker.stop({ withRunner: true });
    await Promise.all(ending.map(({ exited }) => exited));
  }

  #accept(socket: Socket): void {
    socket.on('error', () => socket.destroy());
    this.#dispatch(socket);
  }

  #onServing(worker: WorkerProcess): void {
    this.#newest = { worker, due: 0 };
    const serving = this.#serving();
    for (const other of serving) if (other !== worker) other.share(serving.length);
    this.#held.release((socket) => this.#dispatch(socket));
  }

  /** In turns among the workers that serve, once the newest has its share. */
  #next(): WorkerProcess | undefined {
    const newest = this.#newest;
    if (newest !== null && newest.due > 0 && newest.worker.state === 'serving') {
      newest.due -= 1;
      return newest.worker;
    }
    const serving = this.#serving();
    const worker = serving[this.#turn % serving.length];
    this.#turn += 1;
    return worker;
  }

  #dispatch(socket: Socket): void {
    if (this.#phase === 'stopping') return turnAway(socket);
    const worker = this.#next();
    if (worker === undefined) this.#held.hold(socket);
    else worker.take(socket);
  }

  #serving(): WorkerProcess[] {
    return [...this.#workers].filter(({ state }) => state === 'serving');
  }

  #launch(): WorkerProcess {
    const taken = new Set([...this.#workers].map(({ index }) => index));
    let index = 1;
    while (taken.has(index)) index += 1;
    const worker = new WorkerProcess({
      index,
      command: this.#options.command({ index, url: this.#url }),
      environment: this.#options.environment,
      stopMsMax: this.#options.stopMsMax,
      onServing: (serving) => this.#onServing(serving),
      onShared: (count) => {
        if (this.#newest !== null) this.#newest.due += count;
      },
      onExit: (gone, exit) => this.#onExit(gone, exit),
      onScrape: () => this.metrics.metrics(),
      onLastMetrics: (metrics) => this.metrics.retire(metrics),
      onAsk: (asking, asked) => this.#answer(asking, asked),
      onReturned: (socket) => this.#dispatch(socket),
    });
    this.#workers.add(worker);
    return worker;
  }

  async #answer(from: WorkerProcess, { of, topic, data }: Asked): Promise<JsonValue> {
    const others = [...this.#workers].filter((worker) => worker !== from);
    if (of === 'others') return await Promise.all(others.map((worker) => worker.ask(topic, data)));
    const { desk } = this.#options;
    if (desk === null) return null;
    return await desk.answer(from.index, topic, data, async (index) => {
      await others.find((worker) => worker.index === index)?.ask('heard', null);
    });
  }

  #onExit(worker: WorkerProcess, exit: WorkerExit): void {
    this.#workers.delete(worker);
    this.#options.desk?.forget(worker.index);
    if (this.#phase !== 'up' || worker.isReplaced) return;
    this.#restartPause.ended(performance.now() - worker.startedAtMs);
    const isOrderly = exit.code === 0;
    this.#restarts.inc({ reason: isOrderly ? 'signal' : 'crash' });
    if (isOrderly) {
      this.#launch();
      return;
    }
    const fields = { worker: worker.index, workerPid: worker.pid, ...exit, restartInMs: this.#launchLater() };
    this.#options.logger.error(fields, 'a worker ended by itself');
  }

  /** In how many milliseconds. */
  #launchLater(): number {
    const pauseMs = this.#restartPause.next();
    const timer = setTimeout(() => {
      this.#restartTimers.delete(timer);
      this.#launch();
    }, pauseMs);
    this.#restartTimers.add(timer);
    return pauseMs;
  }

  async #replaceAll(): Promise<void> {
    const { checkConfig, logger } = this.#options;
    try {
      checkConfig();
    } catch (error) {
      logger.error({ err: error }, 'the configuration cannot be used: nothing is reloaded');
      return;
    }
    logger.info({ workers: this.#workers.size }, 'reloading');
    for (const worker of this.#serving()) if (!(await this.#replace(worker))) return;
    logger.info({ workers: this.#workers.size }, 'reloaded');
  }

  /** One after the other, under one name: a writer of the record is never two. False where the next one does not serve. */
  async #replace(worker: WorkerProcess): Promise<boolean> {
    worker.isReplaced = true;
    worker.stop({ withRunner: false });
    await worker.exited;
    if (this.#phase !== 'up') return false;
    const exit = await this.#launch().settled;
    if (exit === null) return true;
    this.#options.logger.error(
      { ...exit },
      'a new worker does not start: those that are left go on as before',
    );
    return false;
  }
}

type PooledMetricsCollect = ConstructorParameters<typeof PooledMetrics>[0]['collect'];

function createOwnMetrics(
  registry: Registry,
  read: { readonly workers: () => number; readonly held: () => number },
): Counter {
  const registers = [registry];
  void new Gauge({
    name: 'sallyport_workers_serving',
    help: 'HTTP processes that take connections',
    registers,
    collect() {
      this.set(read.workers());
    },
  });
  void new Gauge({
    name: 'sallyport_connections_held',
    help: 'Connections that wait for a process that serves',
    registers,
    collect() {
      this.set(read.held());
    },
  });
  return new Counter({
    name: 'sallyport_worker_restarts_total',
    help: 'HTTP processes that were started anew: after a crash, or because somebody ended one with a signal',
    labelNames: ['reason'],
    registers,
  });
}
