/** The API as the command line uses it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { clientConfigFile, readClientConfig } from './client-config.ts';
import { CommandFailed, RequestRefused } from './command-failed.ts';
import type { ProblemDocument } from './command-failed.ts';

const defaultUrl = 'http://127.0.0.1:8080';

export interface Client {
  /** Answers with the body of a 2xx; throws `CommandFailed` with the problem's own words otherwise. */
  request(
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    body?: object,
    headers?: Readonly<Record<string, string>>,
  ): Promise<unknown>;
  /** The same for bytes that go as they are. */
  upload(path: string, bytes: Uint8Array<ArrayBuffer>): Promise<unknown>;
  /** The body of a 2xx as it comes. */
  stream(path: string): Promise<ReadableStream<Uint8Array>>;
}

/**
 * `SALLYPORT_URL` and `SALLYPORT_API_KEY`, else what the person's own file says, else the local server and its bootstrap
 * key. The key of the file goes to the server of the file, and to no other, the bootstrap key to this machine alone.
 * Throws `CommandFailed`.
 */
export function readConnection(environment: NodeJS.ProcessEnv): {
  readonly url: string;
  readonly key: string;
} {
  const own = readClientConfig(environment);
  const url = givenIn(environment, 'SALLYPORT_URL') ?? own?.url ?? defaultUrl;
  if (!URL.canParse(url)) throw new CommandFailed(2, `Not the URL of a server: ${url}`);
  const ownKey = url === (own?.url ?? defaultUrl) ? own?.apiKey : undefined;
  const key = givenIn(environment, 'SALLYPORT_API_KEY') ?? ownKey ?? readBootstrapKey(environment, url);
  return { url, key };
}

/** Set to nothing is not set: a script may hand on what it does not have. */
function givenIn(environment: NodeJS.ProcessEnv, name: string): string | undefined {
  const value = environment[name];
  return value === '' ? undefined : value;
}

export function createClient(environment: NodeJS.ProcessEnv): Client {
  const { key, url: base } = readConnection(environment);
  return {
    async stream(path) {
      const response = await send(new URL(path, base), { headers: { Authorization: `Bearer ${key}` } });
      if (response.ok && response.body !== null) return response.body;
      throw refusalOf(response.status, await response.text());
    },
    async upload(path, bytes) {
      return answerOf(
        await send(new URL(path, base), {
          method: 'POST',
          headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/octet-stream' },
          body: bytes,
        }),
        base,
      );
    },
    async request(method, path, body, headers = {}) {
      const response = await send(new URL(path, base), {
        method,
        headers: {
          Authorization: `Bearer ${key}`,
          ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      return answerOf(response, base);
    },
  };
}

async function answerOf(response: Response, base: string): Promise<unknown> {
  const text = await response.text();
  if (response.ok) return text === '' ? null : parse(text, base);
  throw refusalOf(response.status, text);
}

async function send(url: URL, options: RequestInit): Promise<Response> {
  try {
    return await fetch(url, options);
  } catch (error) {
    throw new CommandFailed(
      1,
      `No server answers at ${url.origin}. Start one with "sallyport serve", or set SALLYPORT_URL.`,
      { cause: error },
    );
  }
}

function parse(text: string, base: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new CommandFailed(1, `${base} does not answer like a Sallyport server.`, { cause: error });
  }
}

function refusalOf(status: number, text: string): CommandFailed {
  const problem = readProblem(text);
  return problem === null
    ? new CommandFailed(1, `The server answered ${status}.`)
    : new RequestRefused(problem, describeProblem(problem));
}

/** Null for what a server of ours does not send. */
function readProblem(text: string): ProblemDocument | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const isProblem =
    typeof value === 'object' && value !== null && 'code' in value && typeof value.code === 'string';
  return isProblem ? (value as ProblemDocument) : null;
}

function describeProblem({ code, detail, errors = [], title }: ProblemDocument): string {
  const all = errors.map(
    ({ pointer, message, didYouMean }) =>
      `\n  ${pointer || '(body)'}: ${message}${didYouMean === undefined ? '' : ` (did you mean ${didYouMean}?)`}`,
  );
  // With errors the detail says the first of them once more.
  const said = all.length === 0 ? (detail ?? title) : title;
  return `${code}: ${said ?? 'no detail'}${all.join('')}`;
}

/** Of this machine. Another name may lead anywhere, whatever it resolves to now. */
const loopbackHost = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

function readBootstrapKey(environment: NodeJS.ProcessEnv, url: string): string {
  const file = join(environment['SALLYPORT_DATA_DIR'] ?? './data', 'bootstrap.key');
  if (!loopbackHost.test(new URL(url).hostname))
    throw new CommandFailed(
      2,
      `No API key for this server: set SALLYPORT_API_KEY, or write it into ${clientConfigFile(environment)} beside the url. That of ${file} is sent to a server on this machine alone.`,
    );
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw new CommandFailed(
      2,
      `No API key for this server: set SALLYPORT_API_KEY, write it into ${clientConfigFile(environment)} beside the url, or run this where ${file} can be read.`,
      {
        cause: error,
      },
    );
  }
}
