/** The real server, started through its own door as an operator starts it. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { observeAnswers } from './observed-fetch.ts';
import { endWithThisProcess } from './processes.ts';

export const repository = resolve(import.meta.dirname, '../..');
const main = join(repository, 'src/main.ts');

const violationsShownMax = 10;

export interface LogLine {
  readonly msg: string;
  readonly level: string;
  readonly [field: string]: unknown;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // eslint-disable-next-line typescript/no-explicit-any -- answers are asserted on, field by field
  readonly body: any;
}

export interface ServerOptions {
  readonly policyDir?: string;
  readonly dataDir?: string;
  readonly environment?: NodeJS.ProcessEnv;
  /** Another build of the program than the one in `src/`. */
  readonly program?: string;
  /** A command that starts it, such as those of `taken-away.ts`. */
  readonly prefix?: readonly string[];
}

export class TestServer implements AsyncDisposable {
  readonly url: string;
  readonly dataDir: string;
  readonly child: ChildProcess;
  readonly log: readonly LogLine[];
  /** Answers that the OpenAPI document does not say. */
  #violations: readonly string[] = [];
  readonly #ownsData: boolean;

  constructor(url: string, dataDir: string, child: ChildProcess, log: readonly LogLine[], ownsData: boolean) {
    this.url = url;
    this.dataDir = dataDir;
    this.child = child;
    this.log = log;
    this.#ownsData = ownsData;
  }

  /** From now on answers are held to the server's OpenAPI document; see `observed-fetch.ts`. */
  async observe(): Promise<void> {
    this.#violations = await observeAnswers(this.url);
  }

  get key(): string {
    return readFileSync(join(this.dataDir, 'bootstrap.key'), 'utf8').trim();
  }

  get runnerPid(): number {
    return Number(this.log.findLast(({ msg }) => msg === 'runner connected')?.['runnerPid']);
  }

  /** One request. `key: null` sends none; `body` goes as JSON unless it is a string. */
  async request(
    method: string,
    path: string,
    options: { key?: string | null; body?: unknown; headers?: Record<string, string> } = {},
  ): Promise<Answer> {
    const key = options.key === undefined ? this.key : options.key;
    const isText = typeof options.body === 'string';
    const response = await fetch(this.url + path, {
      method,
      headers: {
        ...(key === null ? {} : { Authorization: `Bearer ${key}` }),
        ...(options.body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...options.headers,
      },
      ...(options.body === undefined
        ? {}
        : { body: isText ? (options.body as string) : JSON.stringify(options.body) }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: parse(text) };
  }

  async call(tool: string, args: object, more: object = {}): Promise<Answer> {
    return this.request('POST', '/v1/calls', { body: { tool, args, ...more } });
  }

  /** Makes a key for a principal and returns its secret. */
  async keyFor(
    principal: string,
    roles: readonly string[],
    scopes: readonly string[],
    tenant = 'default',
  ): Promise<string> {
    const answer = await this.request('POST', '/v1/keys', { body: { principal, tenant, roles, scopes } });
    if (answer.status !== 201) throw new Error(`no key: ${JSON.stringify(answer.body)}`);
    return String(answer.body.secret);
  }

  /** Resolves when a log line fits, also one that was written before. */
  async logged(fits: (line: LogLine) => boolean): Promise<LogLine> {
    const found = this.log.find(fits);
    if (found !== undefined) return found;
    return new Promise((done) => {
      const look = (): void => {
        const line = this.log.find(fits);
        if (line === undefined) return;
        this.child.stdout?.off('data', later);
        done(line);
      };
      const later = (): void => void setImmediate(look);
      this.child.stdout?.on('data', later);
    });
  }

  /** Sends the signal and resolves with how the process ended. */
  async stop(
    signal: NodeJS.Signals = 'SIGTERM',
  ): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
    const { child } = this;
    if (child.exitCode !== null || child.signalCode !== null)
      return { code: child.exitCode, signal: child.signalCode };
    const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((done) =>
      child.once('exit', (code, ended) => done({ code, signal: ended })),
    );
    child.kill(signal);
    return ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop('SIGTERM');
    if (this.#ownsData) rmSync(this.dataDir, { recursive: true, force: true });
    if (this.#violations.length > 0)
      throw new Error(
        `answers that openapi.json does not say:\n${this.#violations.slice(0, violationsShownMax).join('\n')}`,
      );
  }
}

/** Starts a server on a free port with a data directory of its own; rejects with its stderr when it does not come up. */
export async function startServer(options: ServerOptions = {}): Promise<TestServer> {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'sallyport-test-'));
  const command = [...(options.prefix ?? []), process.execPath, options.program ?? main, 'serve'];
  const child = spawn(command[0] ?? '', command.slice(1), {
    cwd: repository,
    env: {
      PATH: process.env['PATH'],
      DOCKER_HOST: process.env['DOCKER_HOST'],
      // Tests of other things count containers and cores: none is made that no call asked for.
      SALLYPORT_WARM_CONTAINERS: 'off',
      SALLYPORT_PORT: '0',
      SALLYPORT_DATA_DIR: dataDir,
      SALLYPORT_POLICY_DIR: options.policyDir ?? join(repository, 'policies'),
      ...options.environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  endWithThisProcess(child);
  const log: LogLine[] = [];
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const url = await new Promise<string>((done, fail) => {
    createInterface({ input: child.stdout }).on('line', (text) => {
      const line = parse(text) as LogLine;
      log.push(line);
      if (line.msg === 'listening') done(String(line['url']));
    });
    child.once('exit', (code) => fail(new Error(`server ended with ${code}: ${stderr}`)));
  });
  const server = new TestServer(url, dataDir, child, log, options.dataDir === undefined);
  // Not in benchmarks, which would measure it.
  if (process.env['VITEST'] !== undefined) await server.observe();
  return server;
}

/** Runs one command of the CLI to its end. */
export async function runCli(
  args: readonly string[],
  environment: NodeJS.ProcessEnv = {},
  input = '',
  prefix: readonly string[] = [],
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const command = [...prefix, process.execPath, main, ...args];
  const child = spawn(command[0] ?? '', command.slice(1), {
    cwd: repository,
    env: { PATH: process.env['PATH'], ...environment },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  child.stdin.end(input);
  const code = await new Promise<number | null>((done) => child.once('close', done));
  return { code, stdout, stderr };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
