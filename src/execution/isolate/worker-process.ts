/**
 * The runner's end of one worker process.
 * Hostile: every byte that the worker sends, because a guest may have broken out into it. A frame that does not
 * fit the moment kills the process.
 */
import { soleCallChannel } from '../protocol/frame.ts';
import type { Frame } from '../protocol/frame.ts';
import { FrameDecoder } from '../protocol/frame-decoder.ts';
import type { LaunchedWorker } from './confinement.ts';
import { ProcessReadings } from './process-readings.ts';

/** Bytes kept of what the process wrote to stderr: Node's and V8's last words, for the log. */
const lastWordsBytesMax = 4096;
/** How long a worker that exited may take to close its pipes before it is taken for gone anyway. */
const drainMsMax = 500;

/** `starting` → `ready` → `busy` → `preparing` → `ready` …; `gone` from anywhere. */
export type WorkerState = 'starting' | 'ready' | 'busy' | 'preparing' | 'gone';

export interface WorkerExit {
  /** What the runner saw: a violation of the protocol, or how the process ended. */
  readonly detail: string;
  /** What Node or V8 wrote last; for the log and for telling out-of-memory from other crashes. */
  readonly lastWords: string;
  /** The runner killed it. */
  readonly wasOrdered: boolean;
}

/** Whoever has the call that runs on a worker. */
export interface CallListener {
  onFrame(frame: Frame): void;
  onExit(exit: WorkerExit): void;
}

export interface WorkerListener {
  onReady(worker: WorkerProcess): void;
  onExit(worker: WorkerProcess, exit: WorkerExit): void;
}

export class WorkerProcess {
  /** Settles when the process is gone, with all its group. */
  readonly exited: Promise<void>;
  readonly #launched: LaunchedWorker;
  readonly #listener: WorkerListener;
  readonly #decoder = new FrameDecoder(['ready', 'stdout', 'stderr', 'result', 'ended']);
  readonly #settleExited: () => void;
  #state: WorkerState = 'starting';
  #call: CallListener | null = null;
  #violation: string | null = null;
  #wasOrdered = false;
  #isEnding = false;
  #lastWords = '';
  #readings: ProcessReadings | null = null;

  constructor(launched: LaunchedWorker, listener: WorkerListener) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.exited = promise;
    this.#settleExited = resolve;
    this.#launched = launched;
    this.#listener = listener;
    const { child, channel } = launched;
    channel.on('data', (chunk: Buffer) => this.#read(chunk));
    channel.on('error', () => {});
    child.stderr?.on('data', (chunk: Buffer) => {
      this.#lastWords = (this.#lastWords + chunk.toString('utf8')).slice(-lastWordsBytesMax);
    });
    child.once('error', (error) => this.#onGone(`cannot be started: ${error.message}`));
    child.once('exit', (code, signal) =>
      this.#onExit(signal === null ? `exit code ${code}` : `signal ${signal}`),
    );
  }

  get state(): WorkerState {
    return this.#state;
  }
  get pid(): number | null {
    return this.#launched.child.pid ?? null;
  }
  /** Available from `ready` on. */
  get readings(): ProcessReadings {
    this.#readings ??= ProcessReadings.open(this.#launched.workerPid());
    return this.#readings;
  }

  /** Hands over a call as frames. Only for a worker that is `ready`. */
  begin(frames: Buffer, call: CallListener): void {
    if (this.#state !== 'ready') throw new Error(`a ${this.#state} worker takes no call`);
    this.#state = 'busy';
    this.#call = call;
    this.#launched.channel.write(frames);
  }

  /** Kills the process and all of its group, at once. */
  kill(): void {
    const { pid, exitCode, signalCode } = this.#launched.child;
    if (pid === undefined || exitCode !== null || signalCode !== null) return;
    this.#wasOrdered = true;
    this.#isEnding = true;
    killGroup(pid);
  }

  #read(chunk: Buffer): void {
    if (this.#violation !== null || this.#state === 'gone') return;
    const violation = this.#decoder.decode(chunk, (frame) => this.#take(frame));
    if (violation !== null) this.#fail(violation.detail);
  }

  #take(frame: Frame): void {
    if (this.#violation !== null) return;
    if (frame.channel !== soleCallChannel)
      return this.#fail(`${frame.type} frame on channel ${frame.channel}`);
    if (frame.type === 'ready') {
      // Sent before the process was killed or died: the next call must not be given to it.
      if (this.#isEnding) return;
      if (this.#state !== 'starting' && this.#state !== 'preparing')
        return this.#fail(`ready while ${this.#state}`);
      this.#state = 'ready';
      return this.#listener.onReady(this);
    }
    const call = this.#call;
    if (this.#state !== 'busy' || call === null)
      return this.#fail(`${frame.type} frame while ${this.#state}`);
    if (frame.type === 'ended') {
      this.#state = 'preparing';
      this.#call = null;
    }
    call.onFrame(frame);
  }

  /** The worker broke the protocol: it may be in the guest's hands. Also for its listeners to say so. */
  #fail(detail: string): void {
    this.#violation ??= `broke the protocol: ${detail}`;
    this.kill();
  }

  #onExit(how: string): void {
    const { child } = this.#launched;
    this.#isEnding = true;
    // Whatever the guest may have started belongs to the group and must not outlive it.
    if (child.pid !== undefined) killGroup(child.pid);
    const timer = setTimeout(() => this.#onGone(how), drainMsMax);
    child.once('close', () => {
      clearTimeout(timer);
      this.#onGone(how);
    });
  }

  #onGone(how: string): void {
    if (this.#state === 'gone') return;
    this.#state = 'gone';
    this.#readings?.[Symbol.dispose]();
    this.#launched.channel.destroy();
    this.#launched.child.stderr?.destroy();
    const exit: WorkerExit = {
      detail: this.#violation ?? how,
      lastWords: this.#lastWords,
      wasOrdered: this.#wasOrdered,
    };
    this.#call?.onExit(exit);
    this.#call = null;
    this.#listener.onExit(this, exit);
    this.#settleExited();
  }
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // ESRCH: nobody is left in it.
  }
}
