/** Looks at every dependency now and then, and whenever somebody asks: since when each is as it is, with a log line a change. */
import type { DependencyReading, ReadinessReading } from './readiness.ts';

const lookEveryMs = 5000;

export interface DependencyState extends DependencyReading {
  /** When this server first saw it in this state, RFC 3339. */
  readonly since: string;
}

export interface Readiness extends ReadinessReading {
  readonly dependencies: readonly DependencyState[];
}

export interface ReadinessWatchOptions {
  readonly read: () => Promise<ReadinessReading>;
  readonly clock: { now(): number };
  readonly logger: Readonly<Record<'info' | 'warn' | 'error', (fields: object, message: string) => void>>;
}

type Seen = Map<string, { readonly state: DependencyReading['state']; readonly since: string }>;

const levels = { ok: 'info', degraded: 'warn', down: 'error' } as const;

export class ReadinessWatch implements Disposable {
  readonly #options: ReadinessWatchOptions;
  #timer: NodeJS.Timeout | null = null;
  #seen: Seen = new Map();
  #reading: Promise<Readiness> | null = null;

  constructor(options: ReadinessWatchOptions) {
    this.#options = options;
  }

  /** Looks for itself from now on. */
  start(): void {
    this.#timer ??= setInterval(() => void this.#look(), lookEveryMs).unref();
    void this.#look();
  }

  /** As it is now. Who asks while an answer is on its way shares it. */
  now(): Promise<Readiness> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = null;
    });
    return this.#reading;
  }

  /** As it was seen last. */
  get states(): readonly { readonly name: string; readonly state: DependencyReading['state'] }[] {
    return [...this.#seen].map(([key, { state }]) => ({ name: key.split('#')[0] ?? key, state }));
  }

  [Symbol.dispose](): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  async #look(): Promise<void> {
    try {
      await this.now();
    } catch (error) {
      this.#options.logger.error({ err: error }, 'readiness could not be read');
    }
  }

  async #read(): Promise<Readiness> {
    const reading = await this.#options.read();
    const seen: Seen = new Map();
    const dependencies = reading.dependencies.map((dependency) => {
      // Several runners have one name.
      const key = keyFor(dependency.name, seen);
      const before = this.#seen.get(key);
      const isSame = before?.state === dependency.state;
      const since = isSame ? before.since : new Date(this.#options.clock.now()).toISOString();
      seen.set(key, { state: dependency.state, since });
      if (!isSame) this.#tell(dependency, before?.state ?? null);
      return { ...dependency, since };
    });
    this.#seen = seen;
    return { ...reading, dependencies };
  }

  #tell({ name, state, reason }: DependencyReading, before: string | null): void {
    // Its own end is no news to the server.
    if ((before === null && state === 'ok') || name === 'server') return;
    this.#options.logger[levels[state]]({ dependency: name, state, before, reason }, 'dependency changed');
  }
}

function keyFor(name: string, taken: ReadonlyMap<string, unknown>): string {
  for (let index = 0; ; index += 1) if (!taken.has(`${name}#${index}`)) return `${name}#${index}`;
}
