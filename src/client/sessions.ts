/** Sessions: one container and one `/work` that keep their state from call to call. */
import type { Call } from '../model/call.ts';
import type { Session as SessionDocument } from '../model/session.ts';
import type { CallEvent } from './calls.ts';
import type { RunOptions, Runner } from './runner.ts';
import { segment } from './transport.ts';
import type { RequestOptions, Transport } from './transport.ts';

export interface NewSession {
  /** Name of an image that policy gives sessions. */
  readonly image: string;
  readonly idleMs?: number;
  readonly lifetimeMs?: number;
  readonly labels?: Readonly<Record<string, string>>;
}

export interface SessionFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly modifiedAt: string | null;
}

export class Sessions {
  readonly #transport: Transport;
  readonly #runner: Runner;

  constructor(transport: Transport, runner: Runner) {
    this.#transport = transport;
    this.#runner = runner;
  }

  /** A container of its own. `await using` ends it. Not sent again when the line breaks: it might open two. */
  async create(session: NewSession, options: RequestOptions = {}): Promise<Session> {
    const document = await this.#transport.json<SessionDocument>({
      method: 'POST',
      path: '/v1/sessions',
      json: session,
      isRepeatable: false,
      ...options,
    });
    return new Session(document, this.#transport, this.#runner);
  }

  /** One that is there already. */
  async get(id: string, options: RequestOptions = {}): Promise<Session> {
    const document = await this.#transport.json<SessionDocument>({
      method: 'GET',
      path: pathOf(id),
      isRepeatable: true,
      ...options,
    });
    return new Session(document, this.#transport, this.#runner);
  }

  /** Your own, newest first. */
  list(
    { status }: { readonly status?: 'open' | 'ended' } = {},
    options: RequestOptions = {},
  ): AsyncGenerator<SessionDocument, void, undefined> {
    return this.#transport.pages<SessionDocument>('/v1/sessions', { status }, options);
  }
}

export class Session implements AsyncDisposable {
  readonly id: string;
  /** As it stood when it was asked for. */
  readonly document: SessionDocument;
  readonly files: SessionFiles;
  readonly #transport: Transport;
  readonly #runner: Runner;

  constructor(document: SessionDocument, transport: Transport, runner: Runner) {
    this.id = document.id;
    this.document = document;
    this.files = new SessionFiles(document.id, transport);
    this.#transport = transport;
    this.#runner = runner;
  }

  /** Runs a tool in it. */
  run(tool: string, args: object, options: Omit<RunOptions, 'session'> = {}): Promise<Call> {
    return this.#runner.run(tool, args, { ...options, session: this.id });
  }

  stream(
    tool: string,
    args: object,
    options: Omit<RunOptions, 'session'> = {},
  ): AsyncGenerator<CallEvent, void, undefined> {
    return this.#runner.stream(tool, args, { ...options, session: this.id });
  }

  /** Also when it is over already. A call that runs in it is cancelled. */
  end(options: RequestOptions = {}): Promise<SessionDocument> {
    return this.#transport.json({ method: 'DELETE', path: pathOf(this.id), isRepeatable: true, ...options });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }
}

/** What lies under `/work`. Paths are relative to it. */
export class SessionFiles {
  readonly #session: string;
  readonly #transport: Transport;

  constructor(session: string, transport: Transport) {
    this.#session = session;
    this.#transport = transport;
  }

  /** All, or those below a folder. */
  async list(prefix?: string, options: RequestOptions = {}): Promise<readonly SessionFile[]> {
    const { items } = await this.#transport.json<{ items: readonly SessionFile[] }>({
      method: 'GET',
      path: `${pathOf(this.#session)}/files`,
      ...(prefix === undefined || prefix === '' ? {} : { query: { prefix } }),
      isRepeatable: true,
      ...options,
    });
    return items;
  }

  /** The bytes as the boundary lets them out. */
  async read(path: string, options: RequestOptions = {}): Promise<Uint8Array> {
    return await this.#transport.bytes({
      method: 'GET',
      path: this.#pathOf(path),
      isRepeatable: true,
      ...options,
    });
  }

  async readText(path: string, options: RequestOptions = {}): Promise<string> {
    return new TextDecoder().decode(await this.read(path, options));
  }

  /** Whole: what was there is replaced. A text goes as UTF-8. */
  async write(
    path: string,
    content: Uint8Array | string,
    options: RequestOptions = {},
  ): Promise<{ readonly path: string; readonly sizeBytes: number; readonly sha256: string }> {
    return await this.#transport.json({
      method: 'PUT',
      path: this.#pathOf(path),
      bytes: typeof content === 'string' ? new TextEncoder().encode(content) : Uint8Array.from(content),
      isRepeatable: true,
      ...options,
    });
  }

  /** Not sent again when the line breaks: the second time it would not be there. */
  async remove(path: string, options: RequestOptions = {}): Promise<void> {
    await this.#transport.json({
      method: 'DELETE',
      path: this.#pathOf(path),
      isRepeatable: false,
      ...options,
    });
  }

  /** Throws `TypeError` for a path that leads elsewhere: a URL with `..` in it would be another endpoint's. */
  #pathOf(path: string): string {
    const names = path.split('/');
    if (names.some((name) => ['', '.', '..'].includes(name)))
      throw new TypeError(`not a path of a file under /work: ${path}`);
    return `${pathOf(this.#session)}/files/${names.map(encodeURIComponent).join('/')}`;
  }
}

function pathOf(id: string): string {
  return `/v1/sessions/${segment(id)}`;
}
