/** One request over a connection that is kept. */
import { request } from 'node:http';
import type { Agent, IncomingHttpHeaders } from 'node:http';

export interface Question {
  readonly url: string;
  readonly key: string;
  readonly method: string;
  readonly path: string;
  readonly body?: object | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** Null where it is no JSON. */
  // eslint-disable-next-line typescript/no-explicit-any -- looked at field by field
  readonly body: any;
}

/** Longer than any honest call may take, milliseconds. */
const answerMsMax = 60_000;

/** Rejects when the connection ends before the answer is whole, or none came for long. */
export function ask(agent: Agent, { url, key, method, path, body, headers }: Question): Promise<Answer> {
  const content = body === undefined ? {} : { 'Content-Type': 'application/json' };
  return new Promise((resolve, reject) => {
    const sent = request(
      `${url}${path}`,
      {
        method,
        agent,
        signal: AbortSignal.timeout(answerMsMax),
        headers: { Authorization: `Bearer ${key}`, ...content, ...headers },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          const { statusCode: status = 0, headers: answered } = response;
          const isJson = /json/.test(answered['content-type'] ?? '');
          resolve({ status, headers: answered, text, body: isJson ? JSON.parse(text) : null });
        });
      },
    );
    sent.on('error', reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
