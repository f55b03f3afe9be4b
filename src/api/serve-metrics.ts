/** `/metrics` on an address of its own, for a network that the API is not on. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { listen, stopServing } from './serve.ts';

/** Not by import, which reads every export: behind those are the clients of fetch and HTTP/2, a tenth of a start. */
const { createServer } = process.getBuiltinModule('node:http');

const headersTimeoutMs = 5000;
const connectionsMax = 32;
const stopMsMax = 1000;

export interface MetricsText {
  readonly contentType: string;
  metrics(): Promise<string>;
}

export interface MetricsDoor extends AsyncDisposable {
  readonly url: string;
}

/** Throws `ListenFailed` when the address cannot be had. */
export async function serveMetrics(
  { host, port }: { readonly host: string; readonly port: number },
  source: MetricsText,
): Promise<MetricsDoor> {
  const server = createServer(
    { headersTimeout: headersTimeoutMs, requestTimeout: headersTimeoutMs },
    (request, response) => void answer(request, response, source),
  );
  server.maxConnections = connectionsMax;
  const url = await listen(server, { host, port, setting: 'SALLYPORT_METRICS_ADDRESS' });
  return { url, [Symbol.asyncDispose]: () => stopServing(server, stopMsMax) };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  source: MetricsText,
): Promise<void> {
  if (request.url?.split('?')[0] !== '/metrics' || request.method !== 'GET') {
    response.writeHead(404).end();
    return;
  }
  try {
    const text = await source.metrics();
    response
      .writeHead(200, { 'Content-Type': source.contentType, 'X-Content-Type-Options': 'nosniff' })
      .end(text);
  } catch {
    response.writeHead(500).end();
  }
}
