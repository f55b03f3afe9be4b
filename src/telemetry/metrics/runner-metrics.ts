/** What runners report of their pools, read anew at each scrape. */
import { Counter, Gauge } from 'prom-client';
import type { Registry } from 'prom-client';

export interface RunnerReading {
  readonly containers: readonly WarmPoolReading[];
  readonly isolates: readonly IsolatePoolReading[];
}

/** Idle containers of one size on one runner. Counts are since that runner started. */
export interface WarmPoolReading {
  readonly runner: string;
  readonly image: string;
  readonly engineRuntime: string;
  readonly size: number;
  readonly target: number;
  readonly hits: number;
  readonly misses: number;
  readonly spoiled: number;
  readonly refills: number;
  readonly refillMs: number;
}

/** Isolate workers of one runner. Counts are since it started. */
export interface IsolatePoolReading {
  readonly runner: string;
  readonly starting: number;
  readonly idle: number;
  readonly busy: number;
  readonly waiting: number;
  readonly hits: number;
  readonly misses: number;
  readonly starts: number;
  readonly startMs: number;
}

type Samples<T> = (reading: T) => readonly [Readonly<Record<string, string>>, number][];

interface Shown<T> {
  readonly name: string;
  readonly help: string;
  readonly kind: 'gauge' | 'counter';
  readonly labels: readonly string[];
  readonly samples: Samples<T>;
}

const containers: readonly Shown<WarmPoolReading>[] = [
  {
    name: 'sallyport_warm_containers',
    help: 'Idle containers now',
    kind: 'gauge',
    labels: [],
    samples: ({ size }) => [[{}, size]],
  },
  {
    name: 'sallyport_warm_containers_wanted',
    help: 'Idle containers that demand asks for',
    kind: 'gauge',
    labels: [],
    samples: ({ target }) => [[{}, target]],
  },
  {
    name: 'sallyport_warm_claims_total',
    help: 'Container calls, by whether an idle container was there',
    kind: 'counter',
    labels: ['outcome'],
    samples: ({ hits, misses }) => [
      [{ outcome: 'hit' }, hits],
      [{ outcome: 'miss' }, misses],
    ],
  },
  {
    name: 'sallyport_warm_spoiled_total',
    help: 'Idle containers that died unused',
    kind: 'counter',
    labels: [],
    samples: ({ spoiled }) => [[{}, spoiled]],
  },
  {
    name: 'sallyport_warm_refills_total',
    help: 'Containers made ahead of need',
    kind: 'counter',
    labels: [],
    samples: ({ refills }) => [[{}, refills]],
  },
  {
    name: 'sallyport_warm_refill_seconds_total',
    help: 'Time that took',
    kind: 'counter',
    labels: [],
    samples: ({ refillMs }) => [[{}, refillMs / 1000]],
  },
];

const isolates: readonly Shown<IsolatePoolReading>[] = [
  {
    name: 'sallyport_isolate_workers',
    help: 'Worker processes now, by what they do: starting, idle, busy',
    kind: 'gauge',
    labels: ['state'],
    samples: ({ starting, idle, busy }) => [
      [{ state: 'starting' }, starting],
      [{ state: 'idle' }, idle],
      [{ state: 'busy' }, busy],
    ],
  },
  {
    name: 'sallyport_isolate_calls_waiting',
    help: 'Calls that wait for a worker',
    kind: 'gauge',
    labels: [],
    samples: ({ waiting }) => [[{}, waiting]],
  },
  {
    name: 'sallyport_isolate_claims_total',
    help: 'Isolate calls, by whether a worker stood ready',
    kind: 'counter',
    labels: ['outcome'],
    samples: ({ hits, misses }) => [
      [{ outcome: 'hit' }, hits],
      [{ outcome: 'miss' }, misses],
    ],
  },
  {
    name: 'sallyport_isolate_starts_total',
    help: 'Workers that came up',
    kind: 'counter',
    labels: [],
    samples: ({ starts }) => [[{}, starts]],
  },
  {
    name: 'sallyport_isolate_start_seconds_total',
    help: 'Time that took',
    kind: 'counter',
    labels: [],
    samples: ({ startMs }) => [[{}, startMs / 1000]],
  },
];

/** Every metric of a scrape comes from one reading. */
export function registerRunners(registry: Registry, read: () => Promise<RunnerReading>): void {
  let reading: Promise<RunnerReading> | null = null;
  const readOnce = (): Promise<RunnerReading> => {
    reading ??= read().finally(() => {
      reading = null;
    });
    return reading;
  };
  for (const shown of containers)
    register(registry, shown, {
      readings: async () => (await readOnce()).containers,
      labelsOf: ({ runner, image, engineRuntime }) => ({ runner, image, engine_runtime: engineRuntime }),
      labelNames: ['runner', 'image', 'engine_runtime'],
    });
  for (const shown of isolates)
    register(registry, shown, {
      readings: async () => (await readOnce()).isolates,
      labelsOf: ({ runner }) => ({ runner }),
      labelNames: ['runner'],
    });
}

interface Source<T> {
  readonly readings: () => Promise<readonly T[]>;
  readonly labelsOf: (reading: T) => Readonly<Record<string, string>>;
  readonly labelNames: readonly string[];
}

function register<T>(registry: Registry, shown: Shown<T>, source: Source<T>): void {
  const { name, help, labels, samples } = shown;
  const Metric: typeof Counter | typeof Gauge = shown.kind === 'gauge' ? Gauge : Counter;
  void new Metric({
    name,
    help,
    labelNames: [...source.labelNames, ...labels],
    registers: [registry],
    // Several processes see the same runner, each as it reports itself.
    aggregator: 'max',
    async collect() {
      const readings = await source.readings();
      this.reset();
      for (const reading of readings) {
        for (const [further, value] of samples(reading))
          this.inc({ ...source.labelsOf(reading), ...further }, value);
      }
    },
  });
}
