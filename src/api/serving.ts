/** How a process of the server gets its connections, and what it answers for. */
import type { Server } from 'node:http';
import type { MetricObjectWithValues, MetricValue } from 'prom-client';
import type { Fellows } from '../model/fellows.ts';
import { listen, stopServing } from './serve.ts';
import type { ListenAddress } from './serve.ts';
import type { MetricsText } from './serve-metrics.ts';

/** A registry, as far as those need it who serve what it holds. */
export interface MetricsSource extends MetricsText {
  getMetricsAsJSON(): Promise<MetricObjectWithValues<MetricValue<string>>[]>;
}

export interface Serving {
  /** Of several processes that serve together, which one this is; part of its name in the record. */
  readonly index: number;
  /** Resolves with the URL under which the server is reached. Throws `ListenFailed`. */
  open(server: Server, address: ListenAddress): Promise<string>;
  /** Takes no new connection, lets those at work finish within the time, then closes what is left. */
  close(server: Server, withinMs: number): Promise<void>;
  /** Makes this process's metrics known; answers with those to serve. */
  publish(metrics: MetricsSource): MetricsText;
  /** Whether the address for metrics is for this process to listen on. */
  readonly ownsMetricsAddress: boolean;
  /** Null: it serves alone. */
  readonly fellows: Fellows | null;
}

/** The only process, with a listening socket of its own. */
export const alone: Serving = {
  index: 1,
  open: listen,
  close: stopServing,
  publish: (metrics) => metrics,
  ownsMetricsAddress: true,
  fellows: null,
};
