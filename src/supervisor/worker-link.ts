/**
 * A worker's side of its supervisor: connections come over the channel between the two, already accepted. When the
 * channel ends, the supervisor is gone and nobody sends any more: the worker then stops as on SIGTERM.
 */
import type { Server, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { closeIdle } from '../api/serve.ts';
import type { MetricsSource, Serving } from '../api/serving.ts';
import type { Fellows } from '../model/fellows.ts';
import type { JsonValue } from '../model/json.ts';
import type { MetricsText } from '../api/serve-metrics.ts';
import { aliveEveryMs } from './messages.ts';
import type { FromWorker, ToWorker } from './messages.ts';

/** How long a kept-alive connection may stay without a request once the worker drains: until then it is answered. */
const lingerMs = 1000;
const scrapeMsMax = 5000;

export interface WorkerLinkOptions {
  readonly process: NodeJS.Process;
  readonly index: number;
  /** Where the supervisor listens. */
  readonly url: string;
  /** Whether there are others. */
  readonly isShared: boolean;
}

type Answerer = Parameters<Fellows['onAsked']>[1];

export class WorkerLink implements Serving, Fellows, AsyncDisposable {
  readonly index: number;
  readonly ownsMetricsAddress = false;
  /** Resolves when this worker shall end. */
  readonly stopped: Promise<void>;
  readonly #process: NodeJS.Process;
  readonly #url: string;
  readonly #isShared: boolean;
  readonly #sockets = new Set<Socket>();
  /** Those whose next answer ends them. */
  readonly #leaving = new Set<Socket>();
  readonly #noMore = Promise.withResolvers<void>();
  readonly #scrapes = new Map<number, (text: string | null) => void>();
  readonly #asking = new Map<number, (answer: JsonValue | undefined) => void>();
  readonly #answerers = new Map<string, Answerer>();
  readonly #alive: NodeJS.Timeout;
  readonly #end: () => void;
  #nextId = 1;
  #isWholeStopping = false;
  #server: Server | null = null;
  #metrics: MetricsSource | null = null;

  constructor({ process, index, url, isShared }: WorkerLinkOptions) {
    if (process.send === undefined) throw new Error('a worker is started by its supervisor alone');
    this.index = index;
    this.#process = process;
    this.#url = url;
    this.#isShared = isShared;
    const stopped = Promise.withResolvers<void>();
    this.stopped = stopped.promise;
    this.#end = stopped.resolve;
    process.on('message', (message, handle) => this.#hear(message as ToWorker, handle));
    process.once('disconnect', () => {
      stopped.resolve();
      this.#noMore.resolve();
      for (const answer of this.#scrapes.values()) answer(null);
      for (const answer of this.#asking.values()) answer(undefined);
    });
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopped.resolve());
    this.#alive = setInterval(() => void this.#tell({ kind: 'alive' }), aliveEveryMs);
    this.#alive.unref();
  }

  /** Null: there is no other. */
  get fellows(): Fellows | null {
    return this.#isShared ? this : null;
  }
  /** Else a runner that is shared goes on. */
  get isWholeStopping(): boolean {
    return this.#isWholeStopping || !this.#process.connected;
  }

  async askOthers(topic: string, data: JsonValue): Promise<readonly JsonValue[]> {
    const answers = await this.#ask('others', topic, data);
    return Array.isArray(answers) ? answers : [];
  }

  askSupervisor(topic: string, data: JsonValue): Promise<JsonValue | undefined> {
    return this.#ask('supervisor', topic, data);
  }

  tellSupervisor(topic: string, data: JsonValue): void {
    void this.#tell({ kind: 'ask', id: null, of: 'supervisor', topic, data });
  }

  onAsked(topic: string, answer: Answerer): void {
    if (this.#answerers.size === 0) void this.#tell({ kind: 'answering' });
    this.#answerers.set(topic, answer);
  }

  async open(server: Server): Promise<string> {
    this.#server = server;
    server.prependListener('request', ({ socket }, response: ServerResponse) => {
      if (this.#leaving.delete(socket)) response.shouldKeepAlive = false;
    });
    // It never listens, but this is when it begins to watch over its connections' times.
    server.emit('listening');
    await this.#tell({ kind: 'serving' });
    return this.#url;
  }

  /** Idle connections are not cut at once: their clients may be about to send, and are told to go with the answer. */
  async close(server: Server, withinMs: number): Promise<void> {
    await this.#tell({ kind: 'draining' });
    await this.#noMore.promise;
    using idle = new DisposableStack();
    const linger = setTimeout(() => idle.use(closeIdle(server)), lingerMs);
    const end = setTimeout(() => server.closeAllConnections(), withinMs);
    await Promise.all([...this.#sockets].map((socket) => gone(socket)));
    clearTimeout(linger);
    clearTimeout(end);
    // Clears the watch; it says that it was not running, which it was not.
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  publish(metrics: MetricsSource): MetricsText {
    this.#metrics = metrics;
    return {
      contentType: metrics.contentType,
      metrics: async () => (await this.#scrape()) ?? metrics.metrics(),
    };
  }

  /** Hands over what was counted, so that sums do not shrink with this process. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#alive);
    await this.#collect(null);
    if (this.#process.connected) this.#process.disconnect?.();
  }

  #hear(message: ToWorker, handle: unknown): void {
    switch (message.kind) {
      case 'connection':
        if (handle instanceof Socket) this.#serve(handle);
        return;
      case 'no_more':
        return this.#noMore.resolve();
      case 'share':
        return this.#share(message.oneIn);
      case 'stop':
        this.#isWholeStopping = true;
        return this.#end();
      case 'asked':
        return void this.#answer(message);
      case 'answered':
        return this.#asking.get(message.id)?.(message.data);
      case 'collect':
        return void this.#collect(message.id);
      case 'scraped':
        return this.#scrapes.get(message.id)?.(message.text);
      default:
        return message satisfies never;
    }
  }

  #serve(socket: Socket): void {
    const server = this.#server;
    if (server === null || this.#sockets.size >= server.maxConnections) {
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    socket.once('close', () => {
      this.#sockets.delete(socket);
      this.#leaving.delete(socket);
    });
    server.emit('connection', socket);
    socket.resume();
  }

  /** Clients that keep a connection would never come to a worker that is younger than it. */
  #share(oneIn: number): void {
    const leaving = [...this.#sockets].slice(0, Math.floor(this.#sockets.size / oneIn));
    for (const socket of leaving) this.#leaving.add(socket);
    void this.#tell({ kind: 'shared', count: leaving.length });
  }

  async #scrape(): Promise<string | null> {
    const id = this.#nextId;
    this.#nextId += 1;
    const { promise, resolve } = Promise.withResolvers<string | null>();
    this.#scrapes.set(id, resolve);
    const timer = setTimeout(() => resolve(null), scrapeMsMax);
    try {
      if (!(await this.#tell({ kind: 'scrape', id }))) return null;
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#scrapes.delete(id);
    }
  }

  /** Undefined when the supervisor is gone; while it is there it answers, and waits for the others itself. */
  async #ask(of: 'others' | 'supervisor', topic: string, data: JsonValue): Promise<JsonValue | undefined> {
    const id = this.#nextId;
    this.#nextId += 1;
    const { promise, resolve } = Promise.withResolvers<JsonValue | undefined>();
    this.#asking.set(id, resolve);
    try {
      if (!(await this.#tell({ kind: 'ask', id, of, topic, data }))) return undefined;
      return await promise;
    } finally {
      this.#asking.delete(id);
    }
  }

  /** A question that fails, or that this worker does not know yet, is answered all the same: somebody waits. */
  async #answer({ id, topic, data }: Extract<ToWorker, { kind: 'asked' }>): Promise<void> {
    let answer: JsonValue = null;
    try {
      answer = (await this.#answerers.get(topic)?.(data)) ?? null;
    } finally {
      void this.#tell({ kind: 'answer', id, data: answer });
    }
  }

  async #collect(id: number | null): Promise<void> {
    const metrics = (await this.#metrics?.getMetricsAsJSON()) ?? [];
    await this.#tell({ kind: 'collected', id, metrics });
  }

  /** False where nobody hears it any more. */
  #tell(message: FromWorker): Promise<boolean> {
    return new Promise((resolve) => {
      if (!this.#process.connected) return resolve(false);
      this.#process.send?.(message, undefined, undefined, (error) => resolve(error === null));
    });
  }
}

function gone(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.closed) resolve();
    else socket.once('close', () => resolve());
  });
}
