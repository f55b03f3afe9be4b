/** A client whose kept connection is with one worker of a supervised server, and stays there. */
import { Agent, request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { TestServer } from './server.ts';

export interface WorkerAnswer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  // eslint-disable-next-line typescript/no-explicit-any -- answers are asserted on, field by field
  readonly body: any;
}

export interface WorkerRequest {
  readonly key?: string;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
  /** Told of each piece of the answer as it comes. */
  readonly onText?: (text: string) => void;
}

let asked = 0;

export class WorkerClient implements Disposable {
  /** Of the worker. */
  pid = 0;
  readonly #server: TestServer;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });

  private constructor(server: TestServer) {
    this.#server = server;
  }

  /** One client a worker; their connections go to them in turns. */
  static async forEach(server: TestServer, workers: number): Promise<readonly WorkerClient[]> {
    const byPid = new Map<number, WorkerClient>();
    while (byPid.size < workers) {
      const client = new WorkerClient(server);
      const id = `find-${(asked += 1)}`;
      await client.request('GET', '/v1/tools', { headers: { 'X-Request-Id': id } });
      const line = await server.logged(({ requestId }) => requestId === id);
      client.pid = Number(line['pid']);
      if (byPid.has(client.pid)) client[Symbol.dispose]();
      else byPid.set(client.pid, client);
    }
    return [...byPid.values()];
  }

  /** One at a time: a second one waits for the first to be answered. */
  request(method: string, path: string, asking: WorkerRequest = {}): Promise<WorkerAnswer> {
    const { key = this.#server.key, body, headers = {}, onText } = asking;
    return new Promise((resolve, reject) => {
      const sent = request(
        this.#server.url + path,
        {
          method,
          agent: this.#agent,
          headers: {
            Authorization: `Bearer ${key}`,
            ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
            ...headers,
          },
        },
        (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (piece: string) => {
            text += piece;
            onText?.(piece);
          });
          response.on('error', reject);
          response.on('end', () =>
            resolve({ status: response.statusCode ?? 0, headers: response.headers, body: parse(text) }),
          );
        },
      );
      sent.on('error', reject);
      sent.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
