/**
 * Rate limits that several servers count together in Redis. While Redis is lost or slow each counts by itself: then a
 * client may do as much at each of them, which is said in `/ready`; nobody is shut out because of it.
 */
import { MemoryStore } from 'express-rate-limit';
import type { ClientRateLimitInfo, Options, Store } from 'express-rate-limit';
import type { RedisStore } from 'rate-limit-redis';
import type { createClient } from 'redis';
import { within } from '../../model/within.ts';
import { wordsOf } from '../../policy/quotas/redis-answer.ts';

const connectMsMax = 2000;
const retryMsMin = 250;
const retryMsMax = 4000;
/** A request waits no longer for its count. */
const answerMsMax = 250;
/** After an answer that did not come, Redis is left alone for this long. */
const pauseMs = 1000;
/** In braces, as all keys of Sallyport: they live in one place of a cluster. */
const keyPrefix = '{sallyport}:rate:';

export interface RatesState {
  readonly state: 'ok' | 'lost';
  readonly reason: string | null;
}

export interface SharedRatesOptions {
  readonly url: string;
  readonly logger: { warn(fields: object, message: string): void };
}

type Client = Pick<ReturnType<typeof createClient>, 'sendCommand' | 'destroy'>;

export class SharedRates implements AsyncDisposable {
  readonly #options: SharedRatesOptions;
  readonly #stores: SharedStore[] = [];
  #client: Client | null = null;
  #isReady = false;
  #isClosed = false;
  #pausedUntilMs = 0;
  #reason: string | null = 'there is no connection yet';

  private constructor(options: SharedRatesOptions) {
    this.#options = options;
  }

  /** Connects behind the start: until then each server counts by itself. */
  static open(options: SharedRatesOptions): SharedRates {
    const rates = new SharedRates(options);
    void rates.#connect();
    return rates;
  }

  /** For one limiter; `name` keeps its counts apart. */
  store(name: string): Store {
    const store = new SharedStore(`${keyPrefix}${name}:`, {
      isUp: () => this.#isUp(),
      send: (command) => this.#send(command),
      onAnswer: () => {
        this.#reason = null;
      },
      onLost: (error) => this.#pause(error),
    });
    this.#stores.push(store);
    return store;
  }

  state(): RatesState {
    return this.#isUp() ? { state: 'ok', reason: null } : { state: 'lost', reason: this.#reason };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#client?.destroy();
  }

  #isUp(): boolean {
    return this.#isReady && performance.now() >= this.#pausedUntilMs;
  }

  async #connect(): Promise<void> {
    const { createClient } = await import('redis');
    const client = createClient({
      url: this.#options.url,
      RESP: 2,
      disableOfflineQueue: true,
      disableClientInfo: true,
      maintNotifications: 'disabled',
      socket: {
        connectTimeout: connectMsMax,
        reconnectStrategy: (retries) => Math.min(retryMsMin * 2 ** Math.min(retries, 10), retryMsMax),
      },
    });
    if (this.#isClosed) return;
    this.#client = client;
    client.on('error', (error: unknown) => this.#lose(error));
    client.on('ready', () => void this.#onReady());
    // It goes on trying by itself; what it runs into is told by `error`.
    await client.connect().catch((error: unknown) => this.#lose(error));
  }

  async #onReady(): Promise<void> {
    try {
      for (const store of this.#stores) await store.prepare();
      this.#isReady = true;
      this.#pausedUntilMs = 0;
      this.#reason = null;
    } catch (error) {
      this.#lose(error);
    }
  }

  #send(command: readonly string[]): Promise<unknown> {
    const client = this.#client;
    if (client === null) throw new Error('there is no connection yet');
    return client.sendCommand([...command]);
  }

  #pause(error: unknown): void {
    this.#pausedUntilMs = performance.now() + pauseMs;
    this.#tell(error);
  }

  #lose(error: unknown): void {
    this.#isReady = false;
    this.#tell(error);
  }

  #tell(error: unknown): void {
    if (this.#isClosed) return;
    const words = wordsOf(error);
    const isNews = this.#reason === null;
    this.#reason = `Redis: ${words}; rate limits are counted by this process alone`;
    if (isNews) this.#options.logger.warn({ reason: this.#reason }, 'rate limits are not shared');
  }
}

interface Link {
  readonly isUp: () => boolean;
  readonly send: (command: readonly string[]) => Promise<unknown>;
  readonly onAnswer: () => void;
  readonly onLost: (error: unknown) => void;
}

class SharedStore implements Store {
  readonly prefix: string;
  readonly #link: Link;
  readonly #alone = new MemoryStore();
  #options: Options | null = null;
  #shared: RedisStore | null = null;

  constructor(prefix: string, link: Link) {
    this.prefix = prefix;
    this.#link = link;
  }

  init(options: Options): void {
    this.#options = options;
    this.#alone.init(options);
  }

  /** A connection is there: Redis gets to know the scripts. */
  async prepare(): Promise<void> {
    if (this.#options === null) return;
    const { RedisStore } = await import('rate-limit-redis');
    const store = new RedisStore({
      prefix: this.prefix,
      // What the scripts answer: numbers and texts in a list.
      sendCommand: async (...command) => (await this.#link.send(command)) as string,
    });
    await store.init(this.#options);
    this.#shared = store;
  }

  async increment(key: string): Promise<ClientRateLimitInfo> {
    const shared = this.#shared;
    if (shared !== null && this.#link.isUp()) {
      try {
        const counted = await within(answerMsMax, shared.increment(key));
        this.#link.onAnswer();
        return counted;
      } catch (error) {
        this.#link.onLost(error);
      }
    }
    return this.#alone.increment(key);
  }

  async decrement(key: string): Promise<void> {
    await this.#alone.decrement(key);
  }

  async resetKey(key: string): Promise<void> {
    await this.#alone.resetKey(key);
  }

  shutdown(): void {
    this.#alone.shutdown();
  }
}
