/** Metrics of all workers as one: counts of those that are gone stay in the sums, or rates would leap at each restart. */
import { AggregatorRegistry, Registry } from 'prom-client';
import type { MetricsText } from '../api/serve-metrics.ts';
import type { MetricsReading } from './messages.ts';

export interface PooledMetricsOptions {
  /** The supervisor's own. */
  readonly own: Registry;
  /** What each worker that is there has counted; null where one does not say. */
  readonly collect: () => Promise<readonly (MetricsReading | null)[]>;
}

export class PooledMetrics implements MetricsText {
  readonly contentType = Registry.PROMETHEUS_CONTENT_TYPE;
  readonly #options: PooledMetricsOptions;
  #retired: MetricsReading = [];
  #retiring: Promise<void> = Promise.resolve();

  constructor(options: PooledMetricsOptions) {
    this.#options = options;
  }

  /** A worker is gone, and this is what it counted. */
  retire(metrics: MetricsReading): void {
    this.#retiring = this.#add(metrics.filter(isSum), this.#retiring);
  }

  async #add(sums: MetricsReading, earlier: Promise<void>): Promise<void> {
    await earlier;
    this.#retired = await merge([this.#retired, sums]).getMetricsAsJSON();
  }

  async metrics(): Promise<string> {
    const readings = await this.#options.collect();
    await this.#retiring;
    const own = await this.#options.own.getMetricsAsJSON();
    const told = readings.filter((reading) => reading !== null);
    return merge([own, this.#retired, ...told]).metrics();
  }
}

function merge(readings: readonly MetricsReading[]): Registry {
  return AggregatorRegistry.aggregate(readings.filter((reading) => reading.length > 0));
}

/** A gauge says how it is now, and there is no now for what is gone. */
function isSum({ type, aggregator }: MetricsReading[number]): boolean {
  const kind = String(type);
  return aggregator === 'sum' && (kind === 'counter' || kind === 'histogram');
}
