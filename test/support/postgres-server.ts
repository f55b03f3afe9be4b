/**
 * A PostgreSQL of the test's own: a cluster in a folder of its own, on a Unix socket and a port of its own, ended by its
 * process. It runs as another user where the test is root, which PostgreSQL refuses. It waits for the disk, as in earnest.
 */
import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import pg from 'pg';
import { freePort } from './free-port.ts';
import { endWithThisProcess } from './processes.ts';

/** Debian keeps the server's programs out of PATH, in a folder for each version. */
const debianFolder = '/usr/lib/postgresql';

/** Path of a program of PostgreSQL. */
export function program(name: string): string {
  const debian = existsSync(debianFolder)
    ? readdirSync(debianFolder)
        .toSorted((a, b) => Number(b) - Number(a))
        .map((version) => join(debianFolder, version, 'bin'))
    : [];
  const folders = [...debian, ...(process.env['PATH'] ?? '').split(delimiter)];
  const folder = folders.find((candidate) => existsSync(join(candidate, name)));
  if (folder === undefined) throw new Error(`${name} is missing: install PostgreSQL (Debian: postgresql)`);
  return join(folder, name);
}

interface Owner {
  readonly uid?: number;
  readonly gid?: number;
}

/** Nobody in particular, where this process is root. */
function owner(): Owner {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string): number => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

export interface PostgresServerOptions {
  /** Has the cluster, or gets it; it is there still when the server is disposed. None: a folder that goes with the server. */
  readonly keptFolder?: string;
  /** Beside or instead of what tests use. */
  readonly settings?: Readonly<Record<string, string | number>>;
}

export class PostgresServer implements AsyncDisposable {
  readonly #folder: string;
  readonly #port: number;
  readonly #options: PostgresServerOptions;
  #databases = 0;
  #child: ChildProcess | null = null;

  private constructor(folder: string, port: number, options: PostgresServerOptions) {
    this.#folder = folder;
    this.#port = port;
    this.#options = options;
  }

  static async start(options: PostgresServerOptions = {}): Promise<PostgresServer> {
    const folder = options.keptFolder ?? mkdtempSync(join(tmpdir(), 'postgres-'));
    const server = new PostgresServer(folder, await freePort(), options);
    if (existsSync(server.#data)) {
      await server.up();
      return server;
    }
    mkdirSync(folder, { recursive: true });
    const { uid, gid } = owner();
    if (uid !== undefined && gid !== undefined) chownSync(server.#folder, uid, gid);
    const settings = ['--auth=trust', '--username=super', '--encoding=UTF8', '--locale=C', '--no-sync'];
    execFileSync(program('initdb'), ['--pgdata', server.#data, ...settings], {
      cwd: server.#folder,
      stdio: 'ignore',
      ...owner(),
    });
    await server.up();
    await server.asSuper('CREATE ROLE sallyport LOGIN');
    return server;
  }

  get #data(): string {
    return join(this.#folder, 'data');
  }

  get port(): number {
    return this.#port;
  }

  /** A new, empty database, owned by the role of the URL. */
  async createDatabase(): Promise<string> {
    const name = `record_${(this.#databases += 1)}`;
    await this.asSuper(`CREATE DATABASE ${name} OWNER sallyport TEMPLATE template0`);
    return this.url(name);
  }

  url(database: string, user = 'sallyport'): string {
    return `postgres://${user}@127.0.0.1:${this.#port}/${database}`;
  }

  /** Runs one statement as the superuser. */
  async asSuper(text: string, url = this.url('postgres')): Promise<readonly Record<string, unknown>[]> {
    const client = new pg.Client({ connectionString: url.replace('//sallyport@', '//super@') });
    client.on('error', () => {});
    await client.connect();
    try {
      const { rows } = await client.query<Record<string, unknown>>(text);
      return rows;
    } finally {
      await client.end();
    }
  }

  /** Starts it, anew after `down`; resolves when it takes connections. */
  async up(): Promise<void> {
    const settings = {
      listen_addresses: '127.0.0.1',
      port: this.#port,
      unix_socket_directories: this.#folder,
      fsync: 'on',
      full_page_writes: 'on',
      shared_buffers: '32MB',
      max_connections: 60,
      log_min_messages: 'log',
      ...this.#options.settings,
    };
    const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const child = spawn(program('postgres'), ['-D', this.#data, ...options], {
      cwd: this.#folder,
      stdio: ['ignore', 'ignore', 'pipe'],
      ...owner(),
    });
    this.#child = child;
    endWithThisProcess(child);
    const said: string[] = [];
    await new Promise<void>((resolve, reject) => {
      createInterface({ input: child.stderr }).on('line', (line) => {
        said.push(line);
        if (line.includes('database system is ready to accept connections')) resolve();
      });
      child.once('error', reject);
      child.once('exit', (code) => reject(new Error(`postgres ended with ${code}: ${said.join('\n')}`)));
    });
  }

  /** Whether a text stands in a file of a table or an index, once all of them are written. */
  async holds(text: string): Promise<boolean> {
    await this.asSuper('CHECKPOINT');
    const base = join(this.#data, 'base');
    return readdirSync(base, { recursive: true, withFileTypes: true }).some(
      (entry) => entry.isFile() && readFileSync(join(entry.parentPath, entry.name)).includes(text),
    );
  }

  /** `SIGQUIT` ends it as a crash does, and loses nothing that was acknowledged; `SIGINT` breaks off what runs. */
  async down(signal: 'SIGQUIT' | 'SIGINT' = 'SIGQUIT'): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.down(this.#options.keptFolder === undefined ? 'SIGQUIT' : 'SIGINT');
    if (this.#options.keptFolder === undefined) rmSync(this.#folder, { recursive: true, force: true });
  }
}
