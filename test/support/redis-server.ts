/** A Redis of the test's own: a redis-server on a port and in a folder of its own, ended by its process. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createClient } from 'redis';
import { freePort } from './free-port.ts';
import { endWithThisProcess } from './processes.ts';

/** Debian's redis-tools has the server under another name: it is what it is called. */
function program(): string {
  const folders = (process.env['PATH'] ?? '').split(':');
  const isThere = (name: string): boolean => folders.some((folder) => existsSync(join(folder, name)));
  return isThere('redis-server') ? 'redis-server' : 'redis-check-rdb';
}

function options(values: Readonly<Record<string, string | number>>): readonly string[] {
  return Object.entries(values).flatMap(([name, value]) => [`--${name}`, String(value)]);
}

export interface RedisServerOptions {
  /** Keeps every write on disk; else a restart loses everything. */
  readonly isDurable?: boolean;
  /** Follows this one. */
  readonly primary?: RedisServer;
}

export class RedisServer implements AsyncDisposable {
  port: number;
  readonly #folder: string;
  readonly #options: RedisServerOptions;
  #child: ChildProcess | null = null;

  constructor(port: number, folder: string, options: RedisServerOptions) {
    this.port = port;
    this.#folder = folder;
    this.#options = options;
  }

  static async start(options: RedisServerOptions = {}): Promise<RedisServer> {
    const server = new RedisServer(await freePort(), mkdtempSync(join(tmpdir(), 'redis-')), options);
    await server.up();
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Starts it, anew after `kill`; resolves when it answers, and a replica when it has its primary's data. */
  async up(): Promise<void> {
    const { isDurable = false, primary } = this.#options;
    const child = spawn(
      program(),
      [
        ...options({ port: this.port, bind: '127.0.0.1', dir: this.#folder, save: '' }),
        ...options({ appendonly: isDurable ? 'yes' : 'no', appendfsync: 'always' }),
        ...options({ 'repl-diskless-sync-delay': 0 }),
        ...(primary === undefined ? [] : ['--replicaof', '127.0.0.1', String(primary.port)]),
      ],
      { argv0: 'redis-server', stdio: ['ignore', 'pipe', 'inherit'] },
    );
    this.#child = child;
    endWithThisProcess(child);
    const ready = primary === undefined ? 'Ready to accept connections' : 'sync: Finished with success';
    await new Promise<void>((resolve, reject) => {
      createInterface({ input: child.stdout }).on('line', (line) => {
        if (line.includes(ready)) resolve();
      });
      child.once('error', reject);
      child.once('exit', (code) => reject(new Error(`redis-server ended with ${code}`)));
    });
  }

  /** Sends one command on a connection of its own. */
  async command(...words: readonly string[]): Promise<unknown> {
    const client = createClient({ url: this.url });
    client.on('error', () => {});
    await client.connect();
    try {
      return await client.sendCommand(words);
    } finally {
      client.destroy();
    }
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
