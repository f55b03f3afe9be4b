/** One worker, as its supervisor sees it. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import type { JsonValue } from '../model/json.ts';
import { answerMsMax, firstWordMsMax, silentMsMax } from './messages.ts';
import type { FromWorker, MetricsReading, ToWorker } from './messages.ts';

/** How long a worker may take to say what it counted. */
const collectMsMax = 2000;

export interface WorkerExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export type Asked = Pick<Extract<FromWorker, { kind: 'ask' }>, 'of' | 'topic' | 'data'>;

export interface WorkerProcessOptions {
  readonly index: number;
  /** Program and arguments. */
  readonly command: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
  /** How long it may take to end once it was told to, milliseconds. */
  readonly stopMsMax: number;
  readonly onServing: (worker: WorkerProcess) => void;
  /** So many of its connections will come anew. */
  readonly onShared: (count: number) => void;
  readonly onExit: (worker: WorkerProcess, exit: WorkerExit) => void;
  readonly onScrape: () => Promise<string>;
  /** What it counted in its life, told at its end. */
  readonly onLastMetrics: (metrics: MetricsReading) => void;
  /** It asks the others, or the supervisor. */
  readonly onAsk: (worker: WorkerProcess, asked: Asked) => Promise<JsonValue>;
  /** It took a connection that could not be handed over. */
  readonly onReturned: (socket: Socket) => void;
}

export type WorkerState = 'starting' | 'serving' | 'draining' | 'gone';

export class WorkerProcess {
  readonly index: number;
  readonly startedAtMs = performance.now();
  /** Resolves when it is gone. */
  readonly exited: Promise<WorkerExit>;
  /** Resolves when it serves; with the exit when it ended before that. */
  readonly settled: Promise<WorkerExit | null>;
  /** Its end is wanted: nobody takes its place because of it. */
  isReplaced = false;
  readonly #options: WorkerProcessOptions;
  readonly #child: ChildProcess;
  /** Connections on their way to it. */
  readonly #handing = new Set<Socket>();
  readonly #collecting = new Map<number, (metrics: MetricsReading | null) => void>();
  readonly #asked = new Map<number, (answer: JsonValue) => void>();
  #silence: NodeJS.Timeout;
  #nextId = 1;
  /** It answers what others ask; until then it has nothing to say to that. */
  #isAnswering = false;
  #state: WorkerState = 'starting';
  #killTimer: NodeJS.Timeout | null = null;
  /** As it was last told. */
  #metrics: MetricsReading | null = null;

  constructor(options: WorkerProcessOptions) {
    this.#options = options;
    this.index = options.index;
    const [program = '', ...args] = options.command;
    const child = spawn(program, args, {
      env: options.environment,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#child = child;
    const settled = Promise.withResolvers<WorkerExit | null>();
    this.settled = settled.promise;
    const exited = Promise.withResolvers<WorkerExit>();
    this.exited = exited.promise;
    const end = (): void => void child.kill('SIGKILL');
    this.#silence = setTimeout(end, firstWordMsMax);
    child.on('message', (message) => {
      clearTimeout(this.#silence);
      // What it said last may be heard after its end.
      if (this.#state !== 'gone') this.#silence = setTimeout(end, silentMsMax);
      this.#hear(message as FromWorker, () => settled.resolve(null));
    });
    const onGone = (exit: WorkerExit): void => {
      if (this.#state === 'gone') return;
      this.#end(exit);
      exited.resolve(exit);
      settled.resolve(exit);
    };
    child.once('error', () => onGone({ code: null, signal: null }));
    child.once('exit', (code, signal) => onGone({ code, signal }));
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }
  /** One that can be told nothing any more takes nothing, also before its end is known. */
  get state(): WorkerState {
    return this.#state === 'serving' && !this.#child.connected ? 'draining' : this.#state;
  }

  /** Hands a connection over. It is returned where the worker cannot have it, at the latest when the worker is gone. */
  take(socket: Socket): void {
    this.#handing.add(socket);
    this.#child.send({ kind: 'connection' } satisfies ToWorker, socket, {}, (error) => {
      // Not at once: that the worker is gone is heard of in a later turn.
      if (this.#handing.delete(socket) && error !== null) setImmediate(() => this.#giveBack(socket));
    });
  }

  #giveBack(socket: Socket): void {
    if (!socket.destroyed) this.#options.onReturned(socket);
  }

  /** One in so many of its connections is for another. */
  share(oneIn: number): void {
    this.#tell({ kind: 'share', oneIn });
  }

  /** Ends it in order; by force when that takes too long. `withRunner`: the whole server ends. */
  stop({ withRunner }: { readonly withRunner: boolean }): void {
    if (this.#state === 'gone') return;
    if (withRunner) this.#tell({ kind: 'stop' });
    if (this.#killTimer !== null) return;
    this.#killTimer = setTimeout(() => this.#child.kill('SIGKILL'), this.#options.stopMsMax);
    if (!withRunner) this.#child.kill('SIGTERM');
  }

  /** Null when it does not answer in time. What it said before this was asked has been heard when it does. */
  async ask(topic: string, data: JsonValue): Promise<JsonValue> {
    if (this.#state === 'gone' || !this.#isAnswering || !this.#child.connected) return null;
    const id = this.#nextId;
    this.#nextId += 1;
    const { promise, resolve } = Promise.withResolvers<JsonValue>();
    this.#asked.set(id, resolve);
    const timer = setTimeout(() => resolve(null), answerMsMax);
    this.#tell({ kind: 'asked', id, topic, data });
    const answer = await promise;
    clearTimeout(timer);
    this.#asked.delete(id);
    return answer;
  }

  /** Null when it does not say. */
  async collect(): Promise<MetricsReading | null> {
    if (this.#state === 'gone' || !this.#child.connected) return null;
    const id = this.#nextId;
    this.#nextId += 1;
    const { promise, resolve } = Promise.withResolvers<MetricsReading | null>();
    this.#collecting.set(id, resolve);
    const timer = setTimeout(() => resolve(null), collectMsMax);
    this.#tell({ kind: 'collect', id });
    const metrics = await promise;
    clearTimeout(timer);
    this.#collecting.delete(id);
    return metrics;
  }

  #hear(message: FromWorker, onSettled: () => void): void {
    switch (message.kind) {
      case 'alive':
        return;
      case 'answering':
        this.#isAnswering = true;
        return;
      case 'serving':
        this.#state = 'serving';
        onSettled();
        return this.#options.onServing(this);
      case 'draining':
        this.#state = 'draining';
        // After every connection that is already on its way: the channel keeps the order.
        return this.#tell({ kind: 'no_more' });
      case 'shared':
        return this.#options.onShared(message.count);
      case 'collected':
        this.#metrics = message.metrics;
        if (message.id !== null) this.#collecting.get(message.id)?.(message.metrics);
        return;
      case 'scrape':
        return void this.#answerScrape(message.id);
      case 'ask':
        return void this.#answer(message);
      case 'answer':
        return this.#asked.get(message.id)?.(message.data);
      default:
        return message satisfies never;
    }
  }

  async #answerScrape(id: number): Promise<void> {
    const text = await this.#options.onScrape().catch(() => null);
    this.#tell({ kind: 'scraped', id, text });
  }

  async #answer({ id, ...asked }: Extract<FromWorker, { kind: 'ask' }>): Promise<void> {
    // Whatever goes wrong with one question, its worker waits for the answer.
    const data = await this.#options.onAsk(this, asked).catch(() => null);
    if (id !== null) this.#tell({ kind: 'answered', id, data });
  }

  #tell(message: ToWorker): void {
    if (this.#child.connected) this.#child.send(message, () => {});
  }

  #end(exit: WorkerExit): void {
    this.#state = 'gone';
    clearTimeout(this.#silence);
    if (this.#killTimer !== null) clearTimeout(this.#killTimer);
    for (const resolve of this.#collecting.values()) resolve(null);
    for (const resolve of this.#asked.values()) resolve(null);
    if (this.#metrics !== null) this.#options.onLastMetrics(this.#metrics);
    this.#options.onExit(this, exit);
    // Node sends one at a time, and of those that queue behind it, it says nothing.
    for (const socket of this.#handing) this.#giveBack(socket);
    this.#handing.clear();
  }
}
