/** Requests as this client sends them, again only where that cannot run anything twice. */
import { ConnectionFailed, refusalOf, UnexpectedAnswer } from './errors.ts';
import type { ProblemDocument } from './errors.ts';

export interface ClientOptions {
  /** Default: `SALLYPORT_URL`, else `http://127.0.0.1:8080`. */
  readonly url?: string;
  /** Default: `SALLYPORT_API_KEY`. */
  readonly apiKey?: string;
  /** How often a request is sent again after a failure that allows it. Default 2. */
  readonly retriesMax?: number;
  /** Instead of the global one. */
  readonly fetch?: typeof globalThis.fetch;
}

export interface RequestOptions {
  /** Ends the wait. What runs on the server goes on; `calls.cancel` ends it. */
  readonly signal?: AbortSignal | undefined;
}

export interface SentRequest extends RequestOptions {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  /** Goes as JSON. */
  readonly json?: object;
  /** Goes as it is. */
  readonly bytes?: Uint8Array<ArrayBuffer>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sending it twice does no more than sending it once. */
  readonly isRepeatable: boolean;
}

const defaultUrl = 'http://127.0.0.1:8080';
const retriesDefault = 2;
/** The first pause; each further one is twice as long, and up to as long again by chance. */
const pauseMs = 200;
/** What a server asks for beyond this is for the caller to wait for. */
const pauseMsMax = 10_000;

export class Transport {
  readonly #base: string;
  readonly #apiKey: string;
  readonly #retriesMax: number;
  readonly #fetch: typeof globalThis.fetch;

  /** Throws `TypeError` for a URL that is none and where no key is to be had. */
  constructor(options: ClientOptions) {
    const environment: Record<string, string | undefined> = typeof process === 'undefined' ? {} : process.env;
    const url = options.url ?? environment['SALLYPORT_URL'] ?? defaultUrl;
    if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
      throw new TypeError(`not a URL of a Sallyport server: ${url}`);
    const apiKey = options.apiKey ?? environment['SALLYPORT_API_KEY'];
    if (apiKey === undefined || apiKey === '')
      throw new TypeError('no API key: set SALLYPORT_API_KEY, or give `apiKey`');
    this.#base = url.replace(/\/+$/, '');
    this.#apiKey = apiKey;
    this.#retriesMax = options.retriesMax ?? retriesDefault;
    this.#fetch = options.fetch ?? globalThis.fetch.bind(globalThis);
  }

  async json<T>(request: SentRequest): Promise<T> {
    const response = await this.open(request);
    const text = await readText(response);
    if (text === '') return null as T;
    try {
      return JSON.parse(text) as T;
    } catch {
      throw new UnexpectedAnswer(response.status, `${this.#base} does not answer like a Sallyport server`);
    }
  }

  /** Items of a list, a page at a time as they are taken. */
  async *pages<T>(
    path: string,
    query: Readonly<Record<string, string | undefined>>,
    options: RequestOptions,
  ): AsyncGenerator<T, void, undefined> {
    let cursor: string | undefined;
    do {
      const page: { readonly items: readonly T[]; readonly nextCursor: string | null } = await this.json({
        method: 'GET',
        path,
        query: { ...query, cursor },
        isRepeatable: true,
        ...options,
      });
      yield* page.items;
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
  }

  async bytes(request: SentRequest): Promise<Uint8Array> {
    const response = await this.open(request);
    try {
      return new Uint8Array(await response.arrayBuffer());
    } catch (error) {
      throw new ConnectionFailed('the answer broke off', { cause: error });
    }
  }

  /** A 2xx whose body is still to be read. Throws `RequestRefused` and `ConnectionFailed`. */
  async open(request: SentRequest): Promise<Response> {
    // A mistake of the caller's is told as that, and not as a server that does not answer.
    const sent = this.#prepare(request);
    for (let attempt = 0; ; attempt++) {
      const mayRepeat = request.isRepeatable && attempt < this.#retriesMax;
      const pause = pauseMs * 2 ** attempt * (1 + Math.random());
      let response: Response;
      try {
        response = await this.#fetch(sent.url, sent.init);
      } catch (error) {
        request.signal?.throwIfAborted();
        if (!mayRepeat) throw this.#unreachable(error);
        await wait(pause, request.signal);
        continue;
      }
      if (response.ok) return response;
      const problem = await this.#readProblem(response);
      const asked = retryAfterMs(response);
      // The server says of each refusal whether the same request may succeed later. What runs already can be waited for.
      const mayWait = problem.retryable && problem.callId === undefined && (asked ?? 0) <= pauseMsMax;
      if (!mayRepeat || !mayWait) throw refusalOf(problem);
      await wait(Math.max(asked ?? 0, pause), request.signal);
    }
  }

  #prepare({ method, path, query = {}, json, bytes, headers, signal }: SentRequest): {
    readonly url: URL;
    readonly init: RequestInit;
  } {
    const url = new URL(this.#base + path);
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) url.searchParams.set(name, value);
    const type = json === undefined ? 'application/octet-stream' : 'application/json';
    const body = json === undefined ? bytes : JSON.stringify(json);
    const init = {
      method,
      // The key goes to nobody else.
      redirect: 'error',
      headers: new Headers({
        Authorization: `Bearer ${this.#apiKey}`,
        ...(body === undefined ? {} : { 'Content-Type': type }),
        ...headers,
      }),
      ...(body === undefined ? {} : { body }),
      ...(signal === undefined ? {} : { signal }),
    } as const;
    return { url, init };
  }

  async #readProblem(response: Response): Promise<ProblemDocument> {
    const text = await readText(response);
    try {
      const problem = JSON.parse(text) as Partial<ProblemDocument> | null;
      if (typeof problem?.code === 'string' && typeof problem.detail === 'string')
        return problem as ProblemDocument;
    } catch {
      // Not JSON: the answer of something between.
    }
    throw new UnexpectedAnswer(
      response.status,
      `${this.#base} answered ${response.status}, and not like a Sallyport server`,
    );
  }

  #unreachable(error: unknown): ConnectionFailed {
    return new ConnectionFailed(`no answer from ${this.#base}`, { cause: error });
  }
}

async function readText(response: Response): Promise<string> {
  try {
    return await response.text();
  } catch (error) {
    throw new ConnectionFailed('the answer broke off', { cause: error });
  }
}

/** `Retry-After` in seconds (RFC 9110, 10.2.3), as this server sends it. */
function retryAfterMs(response: Response): number | null {
  const text = response.headers.get('retry-after') ?? '';
  return /^\d{1,9}$/.test(text) ? Number(text) * 1000 : null;
}

/** An id in a path. Throws `TypeError` for what would be another path. */
export function segment(id: string): string {
  if (!/^[\w-]+$/.test(id)) throw new TypeError(`not an id: ${id}`);
  return id;
}

export function wait(ms: number, signal?: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onAbort = (): void => {
    clearTimeout(timer);
    reject(signal?.reason as Error);
  };
  const timer = setTimeout(() => {
    signal?.removeEventListener('abort', onAbort);
    resolve();
  }, ms);
  signal?.addEventListener('abort', onAbort, { once: true });
  if (signal?.aborted === true) onAbort();
  return promise;
}
