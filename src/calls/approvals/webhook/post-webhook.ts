/** One attempt to deliver: a POST to an address of the operator's. Hostile: the answer, of which only the status is looked at. */
import { request as httpsRequest } from 'node:https';

/** Not by import, which reads every export: behind those are the clients of fetch and HTTP/2, a tenth of a start. */
const { request: httpRequest } = process.getBuiltinModule('node:http');

/** Standard Webhooks, "Request timeouts": between 15 and 30 s. */
const timeoutMs = 15_000;

export interface Attempt {
  readonly isDelivered: boolean;
  /** HTTP status, or null when none came. */
  readonly status: number | null;
  /** Where the connection went, or null when there was none. */
  readonly address: string | null;
  /** Fit for the log and the record: no word of the receiver's. */
  readonly problem: string | null;
}

export interface PostOptions {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly signal: AbortSignal;
}

/** Never rejects. Redirects are not followed: a receiver that moved is a failure that somebody sees. */
export function postWebhook({ url, headers, body, signal }: PostOptions): Promise<Attempt> {
  const { promise, resolve } = Promise.withResolvers<Attempt>();
  const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
  let address: string | null = null;
  const fail = (problem: string): void => resolve({ isDelivered: false, status: null, address, problem });
  const request = send(url, {
    method: 'POST',
    // A connection of its own, closed after the answer.
    agent: false,
    headers: {
      ...headers,
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(body),
      'User-Agent': 'Sallyport',
    },
    signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
  });
  request.once('socket', (socket) => {
    socket.once('connect', () => (address = socket.remoteAddress ?? null));
  });
  request.once('response', (response) => {
    const status = response.statusCode ?? 0;
    const isDelivered = status >= 200 && status < 300;
    resolve({ isDelivered, status, address, problem: isDelivered ? null : `answered ${status}` });
    // Whatever else it says is not read.
    response.destroy();
  });
  request.on('error', (error) => fail(describe(error)));
  // Node closes on an answer that switches protocols, and says neither `response` nor `error`.
  request.once('close', () => fail('closed without an answer'));
  request.end(body);
  return promise;
}

function describe(error: Error): string {
  if (error.name === 'TimeoutError') return `no answer within ${timeoutMs} ms`;
  if (error.name === 'AbortError') return 'given up at shutdown';
  const code: unknown = 'code' in error ? error.code : undefined;
  if (code === 'ABORT_ERR') return 'given up, or no answer in time';
  return typeof code === 'string' ? `connection failed: ${code}` : 'connection failed';
}
