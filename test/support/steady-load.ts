/** Clients that call without a pause over connections they keep, and take down everything that was not as it should be. */
import { Agent, request } from 'node:http';
import type { TestServer } from './server.ts';

export interface LoadReport {
  /** Answered with what was asked for. */
  readonly served: number;
  /** Refused with 503 and `Retry-After`. */
  readonly refused: number;
  /** Everything else: other statuses, wrong answers, connections that broke. */
  readonly failures: readonly string[];
}

/** `more` resolves once so many more were served. */
type DuringLoad = (more: (count: number) => Promise<void>) => Promise<void>;

/** Goes on until `during` has resolved and each client had one more answer. */
export async function underLoad(
  server: TestServer,
  clients: number,
  during: DuringLoad,
): Promise<LoadReport> {
  const failures: string[] = [];
  let served = 0;
  let refused = 0;
  let isOver = false;
  const waiting = new Set<{ readonly at: number; readonly tell: () => void }>();
  const more = (count: number): Promise<void> =>
    new Promise((tell) => waiting.add({ at: served + count, tell }));
  const servedOne = (): void => {
    served += 1;
    for (const waiter of waiting)
      if (served >= waiter.at) {
        waiting.delete(waiter);
        waiter.tell();
      }
  };
  const { key } = server;
  const client = async (name: number): Promise<void> => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let turn = 0, isLast = false; !isLast; turn += 1) {
      isLast = isOver;
      try {
        const value = `${name}-${turn}`;
        const answer = await post(server.url, agent, key, value);
        if (answer.status === 200 && answer.body.result === value) servedOne();
        else if (answer.status === 503 && answer.retryAfter !== undefined) refused += 1;
        else failures.push(`${answer.status} ${JSON.stringify(answer.body)}`);
      } catch (error) {
        failures.push(String(error));
      }
    }
    agent.destroy();
  };
  const loading = Promise.all(Array.from({ length: clients }, (_, name) => client(name)));
  try {
    await during(more);
  } finally {
    isOver = true;
    await loading;
  }
  return { served, refused, failures };
}

interface Posted {
  readonly status: number | undefined;
  readonly retryAfter: string | undefined;
  readonly body: { readonly result?: unknown };
}

function post(url: string, agent: Agent, key: string, value: string): Promise<Posted> {
  const body = JSON.stringify({ tool: 'js_run', args: { code: `return '${value}'` } });
  return new Promise((resolve, reject) => {
    const sent = request(
      `${url}/v1/calls`,
      {
        method: 'POST',
        agent,
        headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          try {
            const { statusCode: status, headers } = response;
            resolve({ status, retryAfter: headers['retry-after'], body: JSON.parse(text) as Posted['body'] });
          } catch (error) {
            reject(error instanceof Error ? error : new Error(text));
          }
        });
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}
