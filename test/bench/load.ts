/** HTTP load with autocannon, which lives in this folder's own package. */
import { createRequire } from 'node:module';

export interface Load {
  readonly url: string;
  readonly connections: number;
  readonly seconds: number;
  readonly body: object;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface LoadResult {
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

interface Autocannon {
  (options: object): Promise<{
    requests: { average: number };
    latency: { p50: number; p99: number };
    non2xx: number;
    errors: number;
  }>;
}

const autocannon = createRequire(import.meta.url)('autocannon') as Autocannon;

/** Throws when any answer was not a 2xx: a benchmark of errors is worth nothing. */
export async function load(options: Load): Promise<LoadResult> {
  const result = await autocannon({
    url: options.url,
    connections: options.connections,
    duration: options.seconds,
    method: 'POST',
    headers: { 'content-type': 'application/json', ...options.headers },
    body: JSON.stringify(options.body),
  });
  if (result.non2xx > 0 || result.errors > 0) {
    throw new Error(`${options.url}: ${result.non2xx} answers were no 2xx, ${result.errors} errors`);
  }
  return { requestsPerSecond: result.requests.average, p50Ms: result.latency.p50, p99Ms: result.latency.p99 };
}

/** Latency of single requests, one after the other, in fractions of a millisecond (autocannon rounds to whole ones). */
export async function sequential(
  options: Omit<Load, 'connections' | 'seconds'>,
  count: number,
): Promise<{ p50Ms: number; p99Ms: number }> {
  const body = JSON.stringify(options.body);
  const times: number[] = [];
  for (let index = 0; index < count; index += 1) {
    const startedAt = performance.now();
    const response = await fetch(options.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...options.headers },
      body,
    });
    await response.text();
    if (!response.ok) throw new Error(`${options.url} answered ${response.status}`);
    times.push(performance.now() - startedAt);
  }
  times.sort((a, b) => a - b);
  return { p50Ms: times[Math.floor(count * 0.5)] ?? 0, p99Ms: times[Math.floor(count * 0.99)] ?? 0 };
}
