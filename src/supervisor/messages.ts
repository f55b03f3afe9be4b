/** What a supervisor and its workers say to each other, over Node's own channel between parent and child. */
import type { MetricObjectWithValues, MetricValue } from 'prom-client';

export type MetricsReading = MetricObjectWithValues<MetricValue<string>>[];

export type ToWorker =
  /** The socket comes along. */
  | { readonly kind: 'connection' }
  /** Every connection for this worker has been sent. */
  | { readonly kind: 'no_more' }
  | { readonly kind: 'collect'; readonly id: number }
  /** Metrics of all workers as text; null: they could not be had. */
  | { readonly kind: 'scraped'; readonly id: number; readonly text: string | null };

export type FromWorker =
  | { readonly kind: 'alive' }
  | { readonly kind: 'serving' }
  /** Wants no more connections: it is on its way out. */
  | { readonly kind: 'draining' }
  /** `id` null: unasked, the last word on them. */
  | { readonly kind: 'collected'; readonly id: number | null; readonly metrics: MetricsReading }
  | { readonly kind: 'scrape'; readonly id: number };

/** How often a worker says that it is alive; one that is silent for six times as long hangs. */
export const aliveEveryMs = 5000;
export const silentMsMax = 30_000;
