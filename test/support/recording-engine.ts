/** A container engine that makes nothing: it notes what containers it is asked for, and refuses. */
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** What it calls the one image that it has, whatever is asked for. */
export const recordedImageId = 'sha256:0123';

const answers: readonly (readonly [suffix: string, body: object])[] = [
  [
    '/version',
    { Version: '20.10.24', ApiVersion: '1.41', MinAPIVersion: '1.12', Arch: 'amd64', Components: [] },
  ],
  // The systemd driver: no cgroup of this machine is touched for it.
  [
    '/info',
    { Runtimes: { runc: {}, runsc: {} }, CgroupDriver: 'systemd', SecurityOptions: ['name=seccomp'] },
  ],
  ['/_ping', {}],
  ['/containers/json', []],
  ['/json', { Id: recordedImageId, Config: {} }],
];

export class RecordingEngine implements AsyncDisposable {
  /** Value for DOCKER_HOST. */
  readonly address: string;
  /** Bodies of `POST /containers/create`, oldest first. */
  readonly created: unknown[] = [];
  /** Query strings of the same requests. */
  readonly queries: string[] = [];
  readonly #folder: string;
  readonly #server: Server;

  private constructor(folder: string) {
    this.#folder = folder;
    this.address = `unix://${folder}/engine.sock`;
    this.#server = createServer((request, response) => {
      void this.#answer(request, response);
    });
  }

  static async start(): Promise<RecordingEngine> {
    const engine = new RecordingEngine(mkdtempSync(path.join(tmpdir(), 'recording-engine-')));
    await new Promise<void>((resolve) =>
      engine.#server.listen(path.join(engine.#folder, 'engine.sock'), resolve),
    );
    return engine;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
    rmSync(this.#folder, { recursive: true });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { status, body } = await this.#look(request);
    response.writeHead(status, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify(body));
  }

  async #look(request: IncomingMessage): Promise<{ status: number; body: object }> {
    const { pathname, search } = new URL(request.url ?? '', 'http://engine');
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (request.method === 'POST' && pathname.endsWith('/containers/create')) {
      this.created.push(JSON.parse(Buffer.concat(chunks).toString()));
      this.queries.push(search);
      return { status: 500, body: { message: 'noted' } };
    }
    const known = answers.find(([suffix]) => pathname.endsWith(suffix));
    return known === undefined
      ? { status: 404, body: { message: pathname } }
      : { status: 200, body: known[1] };
  }
}
