/** HTTP as any client would speak it: one key, JSON in, JSON out. */
import type { Call } from '../../src/model/call.ts';
import type { JsonObject } from '../../src/model/json.ts';

export class Client {
  readonly url: string;
  readonly #key: string;

  constructor(url: string, key: string) {
    this.url = url;
    this.#key = key;
  }

  async get<T>(path: string): Promise<T> {
    return (await (await this.fetch('GET', path, 200)).json()) as T;
  }

  async post<T>(path: string, body: object, expectedStatus: number): Promise<T> {
    return (await (await this.fetch('POST', path, expectedStatus, body)).json()) as T;
  }

  /** Runs a tool and expects it to succeed. */
  async call(tool: string, args: JsonObject): Promise<Call> {
    const call = await this.post<Call>('/v1/calls', { tool, args }, 200);
    if (call.status !== 'succeeded') {
      throw new Error(
        `${tool} ended as ${call.status}: ${JSON.stringify(call.error)}\n${call.output.stderr}`.trimEnd(),
      );
    }
    return call;
  }

  /** Any other status than the expected one is an error that carries the whole answer. */
  async fetch(method: string, path: string, expectedStatus: number, body?: object): Promise<Response> {
    const response = await send(method, this.url + path, {
      headers: {
        Authorization: `Bearer ${this.#key}`,
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (response.status === expectedStatus) return response;
    throw new Error(
      `${method} ${path} answered ${response.status} instead of ${expectedStatus}: ${await response.text()}`,
    );
  }
}

async function send(method: string, url: string, request: RequestInit): Promise<Response> {
  try {
    return await fetch(url, { method, ...request });
  } catch (error) {
    const { cause } = error as Error;
    const reason = cause instanceof Error ? cause.message : String(error);
    throw new Error(`${method} ${url} got no answer: ${reason}`, { cause: error });
  }
}
