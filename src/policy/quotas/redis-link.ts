/** Keeps a connection to Redis: heartbeats while there is one, another attempt while there is none. */
import { RedisConnection, StoreLost } from './redis-connection.ts';
import type { RedisConnectionOptions, ScriptAnswer, ScriptOperation } from './redis-connection.ts';

/** Five may be lost before the others give up on this process. */
const BEAT_INTERVAL_MS = 3_000;
const RETRY_MS_MIN = 250;
const RETRY_MS_MAX = 4_000;

/** Counters of one message: `seed` with this many is a few milliseconds of Redis. */
const SEED_COUNTERS_MAX = 100;

export interface Seed {
  readonly key: string;
  readonly args: readonly string[];
}

export interface RedisLinkOptions extends Omit<RedisConnectionOptions, 'onEnd'> {
  /** The counters of this process as they stand. Read in one step, when a connection is there. */
  readonly seeds: () => Iterable<Seed>;
  readonly onChange: (state: { readonly isUp: boolean; readonly reason: string | null }) => void;
}

export class RedisLink implements AsyncDisposable {
  readonly #options: RedisLinkOptions;
  #connection: RedisConnection | null = null;
  #isSeeded = false;
  #reason: string | null = null;
  #isClosed = false;
  #retryMs = RETRY_MS_MIN;
  #timer: NodeJS.Timeout | null = null;

  constructor(options: RedisLinkOptions) {
    this.#options = options;
  }

  /** The first attempt is over when this resolves; it goes on trying by itself. */
  async start(): Promise<void> {
    await this.#connect();
  }

  /** Redis has this process's counters and answers. */
  get isUp(): boolean {
    return this.#connection !== null && this.#isSeeded;
  }

  /** Redis gets to know this process's counters: what changes in them from now on has to be told. */
  get hasConnection(): boolean {
    return this.#connection !== null;
  }

  get reason(): string | null {
    return this.#reason;
  }

  /** Rejects with `StoreLost`. */
  async run(
    operation: ScriptOperation,
    keys: readonly string[],
    args: readonly string[],
  ): Promise<ScriptAnswer> {
    if (this.#connection === null) throw new StoreLost(this.#reason ?? 'there is no connection yet');
    return this.#connection.run(operation, keys, args);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    const connection = this.#connection;
    this.#connection = null;
    await connection?.run('close', [], []).catch(() => {});
    connection?.destroy();
  }

  async #connect(): Promise<void> {
    const { seeds: _seeds, onChange: _onChange, ...options } = this.#options;
    try {
      const connection = await RedisConnection.open({ ...options, onEnd: (reason) => this.#onEnd(reason) });
      if (this.#isClosed) return connection.destroy();
      // Sent in this same step, so that every later change follows the counters that it is about.
      const seeding = this.#seed(connection);
      this.#connection = connection;
      await seeding;
      this.#onUp();
    } catch (error) {
      if (!(error instanceof StoreLost)) throw error;
    }
  }

  async #seed(connection: RedisConnection): Promise<void> {
    const seeds = [...this.#options.seeds()];
    const messages: Promise<ScriptAnswer>[] = [];
    for (let at = 0; at < seeds.length; at += SEED_COUNTERS_MAX) {
      const batch = seeds.slice(at, at + SEED_COUNTERS_MAX);
      messages.push(
        connection.run(
          'seed',
          batch.map(({ key }) => key),
          batch.flatMap(({ args }) => args),
        ),
      );
    }
    await Promise.all(messages);
  }

  #onUp(): void {
    const wasLost = this.#reason !== null;
    this.#isSeeded = true;
    this.#reason = null;
    this.#retryMs = RETRY_MS_MIN;
    this.#beatLater();
    if (wasLost) this.#options.onChange({ isUp: true, reason: null });
  }

  #beatLater(): void {
    this.#later(BEAT_INTERVAL_MS, async () => {
      await this.run('beat', [], []);
      this.#beatLater();
    });
  }

  #onEnd(end: StoreLost): void {
    if (this.#isClosed) return;
    const wasUp = this.#reason === null;
    this.#connection = null;
    this.#isSeeded = false;
    this.#reason = end.message;
    const waitMs = this.#retryMs;
    this.#retryMs = Math.min(RETRY_MS_MAX, 2 * waitMs);
    this.#later(waitMs, () => this.#connect());
    if (wasUp) this.#options.onChange({ isUp: false, reason: end.message });
  }

  #later(ms: number, act: () => Promise<void>): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      // The end of a connection is told to `#onEnd`, whoever ran into it.
      act().catch((error: unknown) => {
        if (!(error instanceof StoreLost)) throw error;
      });
    }, ms);
    this.#timer.unref();
  }
}
