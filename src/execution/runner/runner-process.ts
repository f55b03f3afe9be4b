/**
 * The runner as a child process on a private socket pair: nobody else can connect, and when this process dies,
 * however it dies, the runner reads the end of the stream, ends every sandbox and exits.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import type { Duplex } from 'node:stream';
import { NotStarted } from '../executor.ts';
import type { ExecutionFrame, ExecutionRequest, Executor } from '../executor.ts';
import type { RunnerHealth } from './messages.ts';
import { RunnerClient } from './runner-client.ts';
import { within } from './within.ts';

/** File descriptor of the link in the child. */
export const runnerLinkFd = 3;

const restartDelayMsMin = 100;
const restartDelayMsMax = 10_000;
/** A runner that lived this long was healthy: the back-off starts anew. */
const stableAfterMs = 30_000;
/** How long the runner may take to say how it is. */
const healthMsMax = 5000;
/** How long an orderly end may take before the process is killed. */
const stopMsMax = 10_000;

export interface RunnerProcessOptions {
  /** Script and arguments, run by this process's own Node. */
  readonly command: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
  /** Revision that the runner must hold, or calls would be decided and run under different ones. */
  readonly revision: Promise<string>;
  readonly logger: {
    info(fields: object, message: string): void;
    warn(fields: object, message: string): void;
  };
  /** The runner went away unasked. */
  readonly onLost: (reason: string) => void;
}

export interface RunnerState {
  readonly state: 'ok' | 'down';
  readonly reason: string | null;
  readonly health: RunnerHealth | null;
}

export class RunnerProcess implements Executor {
  readonly #options: RunnerProcessOptions;
  #child: ChildProcess | null = null;
  #client: RunnerClient | null = null;
  #restartDelayMs = restartDelayMsMin;
  #restartTimer: NodeJS.Timeout | null = null;
  #isStopping = false;
  #downReason = 'it has not started yet';

  private constructor(options: RunnerProcessOptions) {
    this.#options = options;
  }

  /** Resolves when the runner has said hello with the same revision; rejects when it cannot start. */
  static async start(options: RunnerProcessOptions): Promise<RunnerProcess> {
    const runner = new RunnerProcess(options);
    try {
      await runner.#spawn();
    } catch (error) {
      await runner[Symbol.asyncDispose]();
      throw error;
    }
    return runner;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  run(request: ExecutionRequest, signal: AbortSignal): AsyncIterable<ExecutionFrame> {
    if (this.#client === null) {
      throw new NotStarted(
        'runtime_unavailable',
        `The runner is down (${this.#downReason}); it is being restarted.`,
      );
    }
    return this.#client.run(request, signal);
  }

  async state(): Promise<RunnerState> {
    if (this.#client === null) return { state: 'down', reason: this.#downReason, health: null };
    try {
      const health = await within(healthMsMax, this.#client.health());
      return { state: 'ok', reason: null, health };
    } catch (error) {
      return { state: 'down', reason: error instanceof Error ? error.message : 'no answer', health: null };
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopping = true;
    if (this.#restartTimer !== null) clearTimeout(this.#restartTimer);
    const child = this.#child;
    if (child === null) return;
    const exited = new Promise<void>((resolve) => {
      child.once('exit', () => resolve());
      if (child.exitCode !== null || child.signalCode !== null) resolve();
    });
    this.#client?.close();
    const timer = setTimeout(() => child.kill('SIGKILL'), stopMsMax);
    await exited;
    clearTimeout(timer);
  }

  async #spawn(): Promise<void> {
    const startedAt = performance.now();
    const child = spawn(process.execPath, [...process.execArgv, ...this.#options.command], {
      env: this.#options.environment,
      stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
      serialization: 'json',
    });
    this.#child = child;
    const exited = new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('exit', (code, signal) =>
        resolve(signal === null ? `exit code ${code}` : `signal ${signal}`),
      );
    });
    const client = new RunnerClient(child.stdio[runnerLinkFd] as Duplex);
    void exited.then((reason) => this.#lost(child, client, reason, performance.now() - startedAt));
    const [hello, revision] = await Promise.all([client.hello, this.#options.revision]);
    if (hello.revision !== revision) {
      client.close();
      throw new Error(
        `the runner compiled policy revision ${hello.revision}, this process ${revision}: the policy directory changed meanwhile; start again`,
      );
    }
    this.#client = client;
    this.#options.logger.info({ runnerPid: child.pid }, 'runner connected');
  }

  #lost(child: ChildProcess, client: RunnerClient, reason: string, livedMs: number): void {
    if (this.#child !== child) return;
    client.close();
    const wasServing = this.#client !== null;
    this.#client = null;
    this.#downReason = reason;
    if (this.#isStopping) return;
    if (wasServing) this.#options.onLost(reason);
    if (livedMs >= stableAfterMs) this.#restartDelayMs = restartDelayMsMin;
    this.#options.logger.warn({ reason, restartInMs: this.#restartDelayMs }, 'runner lost');
    this.#restartTimer = setTimeout(() => {
      this.#spawn().catch((error: unknown) => {
        this.#downReason = error instanceof Error ? error.message : String(error);
      });
    }, this.#restartDelayMs);
    this.#restartDelayMs = Math.min(this.#restartDelayMs * 2, restartDelayMsMax);
  }
}
