/** What a supervisor and its workers say to each other, over Node's own channel between parent and child. */
import type { MetricObjectWithValues, MetricValue } from 'prom-client';
import type { JsonValue } from '../model/json.ts';

export type MetricsReading = MetricObjectWithValues<MetricValue<string>>[];

export type ToWorker =
  /** The socket comes along. */
  | { readonly kind: 'connection' }
  /** Every connection for this worker has been sent. */
  | { readonly kind: 'no_more' }
  /** Another worker serves now: its share of the connections that are kept, one in so many, is to come back to it. */
  | { readonly kind: 'share'; readonly oneIn: number }
  /** The whole server ends, the runner that its workers share included. */
  | { readonly kind: 'stop' }
  | { readonly kind: 'collect'; readonly id: number }
  /** Metrics of all workers as text; null: they could not be had. */
  | { readonly kind: 'scraped'; readonly id: number; readonly text: string | null }
  /** Another worker asks, or the supervisor does. */
  | { readonly kind: 'asked'; readonly id: number; readonly topic: string; readonly data: JsonValue }
  /** To what this worker asked. */
  | { readonly kind: 'answered'; readonly id: number; readonly data: JsonValue };

export type FromWorker =
  | { readonly kind: 'alive' }
  /** It can be asked, though it may not serve yet. */
  | { readonly kind: 'answering' }
  | { readonly kind: 'serving' }
  /** Wants no more connections: it is on its way out. */
  | { readonly kind: 'draining' }
  /** So many connections end with their next answer. */
  | { readonly kind: 'shared'; readonly count: number }
  /** `id` null: unasked, the last word on them. */
  | { readonly kind: 'collected'; readonly id: number | null; readonly metrics: MetricsReading }
  | { readonly kind: 'scrape'; readonly id: number }
  /** `of` all others: the answer is the list of theirs. `id` null: none is wanted. */
  | {
      readonly kind: 'ask';
      readonly id: number | null;
      readonly of: 'others' | 'supervisor';
      readonly topic: string;
      readonly data: JsonValue;
    }
  | { readonly kind: 'answer'; readonly id: number; readonly data: JsonValue };

/** How often a worker says that it is alive; one that is silent for six times as long hangs. */
export const aliveEveryMs = 5000;
export const silentMsMax = 30_000;
/** How long one may take to say anything at all: on a host with too much to do, starting takes long, and starting anew longer. */
export const firstWordMsMax = 180_000;
/** How long a worker may take to answer another; one that takes longer is left out. */
export const answerMsMax = 5000;
