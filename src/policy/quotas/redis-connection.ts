/** One connection to Redis that runs the quota script. It is never mended: when anything goes wrong it ends, for good. */
import { createHash, randomBytes } from 'node:crypto';
import type { createClient } from 'redis';
import { quotaScript } from './quota-script.ts';
import { within } from '../../model/within.ts';
import { wordsOf } from './redis-answer.ts';

/** How long Redis may take to answer; a lease waits no longer. */
const ANSWER_MS_MAX = 1_000;
/** The same for writing all counters anew, which may be many. */
const SEED_ANSWER_MS_MAX = 30_000;
const CONNECT_MS_MAX = 2_000;
const DEAD_AFTER_MS = 15_000;
/** In braces: all keys of a cluster then live in one place, as one script needs it. */
const KEY_PREFIX = '{sallyport}:quota:';

const scriptDigest = createHash('sha1').update(quotaScript).digest('hex');

export type ScriptOperation = 'open' | 'close' | 'beat' | 'lease' | 'change' | 'seed';

export type ScriptAnswer =
  | { readonly kind: 'done'; readonly nowMs: number }
  /** `waitMs` 0: only the end of another call helps; -1: nothing does. */
  | { readonly kind: 'refused'; readonly nowMs: number; readonly index: number; readonly waitMs: number };

/** Redis cannot be asked now. `message` says why and holds no secret. */
export class StoreLost extends Error {
  override readonly name = 'StoreLost';
}

export interface RedisConnectionOptions {
  readonly url: string;
  /** Names this process; the same at every start, another for each process. */
  readonly process: string;
  /** Stands in for Redis' own clock in tests, epoch milliseconds. */
  readonly clock?: { now(): number };
  /** Silence after which what a process held is given up, milliseconds. */
  readonly deadAfterMs?: number;
  /** In front of every key, after the common prefix; for tests that share a Redis. */
  readonly keyspace?: string;
  /** Called once. */
  readonly onEnd: (reason: StoreLost) => void;
}

type Client = ReturnType<typeof createClient>;

export class RedisConnection {
  readonly #options: RedisConnectionOptions;
  readonly #client: Pick<Client, 'sendCommand' | 'destroy'>;
  readonly #id = randomBytes(8).toString('hex');
  readonly #prefix: string;
  #end: StoreLost | null = null;

  /** Connected, and the only connection of this process that counts. Rejects with `StoreLost`. */
  static async open(options: RedisConnectionOptions): Promise<RedisConnection> {
    const redis = await import('redis');
    const client = redis.createClient({
      url: options.url,
      RESP: 2,
      disableOfflineQueue: true,
      disableClientInfo: true,
      maintNotifications: 'disabled',
      socket: { connectTimeout: CONNECT_MS_MAX, reconnectStrategy: false },
    });
    const connection = new RedisConnection(options, client);
    client.on('error', (error: unknown) => connection.#lose(error));
    client.on('end', () => connection.#lose(new Error('the connection was closed')));
    try {
      await within(2 * CONNECT_MS_MAX, client.connect());
      refuseEviction(await within(ANSWER_MS_MAX, client.info('memory')));
      await connection.run('open', [], []);
      return connection;
    } catch (error) {
      throw connection.#lose(error);
    }
  }

  constructor(options: RedisConnectionOptions, client: Pick<Client, 'sendCommand' | 'destroy'>) {
    this.#options = options;
    this.#client = client;
    this.#prefix = KEY_PREFIX + (options.keyspace ?? '');
  }

  /** Rejects with `StoreLost`, and then the connection has ended. */
  async run(
    operation: ScriptOperation,
    counterKeys: readonly string[],
    args: readonly string[],
  ): Promise<ScriptAnswer> {
    if (this.#end !== null) throw this.#end;
    const { process, clock, deadAfterMs = DEAD_AFTER_MS } = this.#options;
    const keys = [
      `${this.#prefix}!clock`,
      `${this.#prefix}!alive`,
      ...counterKeys.map((key) => this.#prefix + key),
    ];
    const time = clock === undefined ? '' : String(clock.now());
    const rest = [
      String(keys.length),
      ...keys,
      operation,
      time,
      process,
      this.#id,
      String(deadAfterMs),
      ...args,
    ];
    try {
      const answer = await within(
        operation === 'seed' ? SEED_ANSWER_MS_MAX : ANSWER_MS_MAX,
        this.#evaluate(rest),
      );
      return read(answer);
    } catch (error) {
      throw this.#lose(error);
    }
  }

  /** Ends the connection without a word to anybody. */
  destroy(): void {
    this.#end ??= new StoreLost('the connection was given up');
    this.#client.destroy();
  }

  /** A script that was flushed, or a server that never had it, is told it again. */
  async #evaluate(rest: readonly string[]): Promise<unknown> {
    try {
      return await this.#client.sendCommand(['EVALSHA', scriptDigest, ...rest]);
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
      return this.#client.sendCommand(['EVAL', quotaScript, ...rest]);
    }
  }

  #lose(error: unknown): StoreLost {
    if (this.#end !== null) return this.#end;
    const end = new StoreLost(`Redis: ${wordsOf(error)}`, { cause: error });
    this.#end = end;
    this.#client.destroy();
    this.#options.onEnd(end);
    return end;
  }
}

/** A counter that is evicted would be given again, without a word from anybody. */
function refuseEviction(info: string): void {
  const valueOf = (name: string): string => new RegExp(`^${name}:(\\S+)`, 'm').exec(info)?.[1] ?? 'not told';
  const [maxmemory, policy] = [valueOf('maxmemory'), valueOf('maxmemory_policy')];
  if (maxmemory === '0' || policy === 'noeviction') return;
  throw new Error(
    `its maxmemory-policy is ${policy}: counters could be evicted, and quotas overspent; set maxmemory-policy noeviction`,
  );
}

function read(answer: unknown): ScriptAnswer {
  const [code, nowMs, index, waitMs] = (answer as readonly unknown[]).map(Number);
  if (code === 1 && nowMs !== undefined) return { kind: 'done', nowMs };
  if (code === 0 && nowMs !== undefined && index !== undefined && waitMs !== undefined)
    return { kind: 'refused', nowMs, index, waitMs };
  throw new Error('this process was silent for too long, or another has its name');
}
