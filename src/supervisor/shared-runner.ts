/**
 * The runner that several workers share, as a child of their supervisor: one pool of sandboxes however many workers
 * there are, and sessions that outlive each of them. It listens in a directory of its own that only this user can enter,
 * and ends with its supervisor, however that ends.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { RestartPause } from '../execution/runner/restart-pause.ts';
import { StartFailed } from './start-failed.ts';
import type { WorkerExit } from './worker-process.ts';

/** Never that of one before, which may still be ending. */
const socketName = `runner-${process.pid}.sock`;
/** `sun_path` holds 108 bytes with the final NUL (unix(7)). */
const socketPathBytesMax = 107;
/** One that is younger is not ended for its silence: it was another that somebody heard nothing of. */
const silentAfterMs = 10_000;
/** How long its sandboxes may take to end. */
const stopMsMax = 10_000;

export interface SharedRunnerOptions {
  readonly dataDir: string;
  /** Program and arguments; `path` is where it listens. */
  readonly command: (path: string) => readonly string[];
  readonly environment: NodeJS.ProcessEnv;
  readonly logger: Readonly<Record<'warn' | 'error', (fields: object, message: string) => void>>;
}

export class SharedRunner implements AsyncDisposable {
  /** Where it listens. */
  readonly path: string;
  readonly #options: SharedRunnerOptions;
  readonly #directory: string;
  #child: ChildProcess | null = null;
  #startedAtMs = 0;
  readonly #restartPause = new RestartPause();
  #restartTimer: NodeJS.Timeout | null = null;
  #isStopping = false;

  private constructor(options: SharedRunnerOptions) {
    this.#options = options;
    this.#directory = makeDirectory(options.dataDir);
    this.path = join(this.#directory, socketName);
  }

  /** Resolves when it listens. Throws `StartFailed`. */
  static async start(options: SharedRunnerOptions): Promise<SharedRunner> {
    const runner = new SharedRunner(options);
    const exit = await runner.#launch();
    if (exit === null) return runner;
    await runner[Symbol.asyncDispose]();
    throw new StartFailed('runner', exit);
  }

  /** Somebody heard nothing of it for too long: whatever it does, the next one takes its place. */
  endSilent(): void {
    if (performance.now() - this.#startedAtMs >= silentAfterMs) this.#child?.kill('SIGKILL');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopping = true;
    if (this.#restartTimer !== null) clearTimeout(this.#restartTimer);
    const child = this.#child;
    if (child !== null) {
      const gone = new Promise<void>((settle) => child.once('exit', () => settle()));
      const timer = setTimeout(() => child.kill('SIGKILL'), stopMsMax);
      if (child.connected) child.disconnect();
      await gone;
      clearTimeout(timer);
    }
    rmSync(this.#directory, { recursive: true, force: true });
  }

  /** Null once it listens, else how it ended before that. */
  #launch(): Promise<WorkerExit | null> {
    const [program = '', ...args] = this.#options.command(this.path);
    const child = spawn(program, args, {
      env: this.#options.environment,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#child = child;
    this.#startedAtMs = performance.now();
    let isListening = false;
    return new Promise((settle) => {
      child.once('message', () => {
        isListening = true;
        settle(null);
      });
      const onGone = (exit: WorkerExit): void => {
        if (this.#child !== child) return;
        this.#child = null;
        settle(exit);
        if (!this.#isStopping) this.#launchLater(exit, isListening);
      };
      child.once('error', () => onGone({ code: null, signal: null }));
      child.once('exit', (code, signal) => onGone({ code, signal }));
    });
  }

  #launchLater(exit: WorkerExit, didListen: boolean): void {
    this.#restartPause.ended(performance.now() - this.#startedAtMs);
    const restartInMs = this.#restartPause.next();
    this.#options.logger.error({ ...exit, didListen, restartInMs }, 'the runner ended by itself');
    this.#restartTimer = setTimeout(() => void this.#launch(), restartInMs);
  }
}

/** In the data directory, which is this server's alone, unless its path is too long for a socket. */
function makeDirectory(dataDir: string): string {
  const directory = join(resolve(dataDir), 'run');
  if (Buffer.byteLength(join(directory, socketName)) > socketPathBytesMax)
    return mkdtempSync(join(tmpdir(), 'sallyport-'));
  // Of a server that was killed.
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { mode: 0o700 });
  return directory;
}
