/**
 * The runner's end of one worker process.
 * Hostile: every byte that the worker sends, because a guest may have broken out into it. A frame that does not
 * fit the moment kills the process.
 */
import { soleCallChannel } from '../protocol/frame.ts';
import { CallTurn, longLookMs } from '../call-turn.ts';
import { aheadOfNeedMsMax } from '../cpu-weights.ts';
import type { Frame } from '../protocol/frame.ts';
import { FrameDecoder } from '../protocol/frame-decoder.ts';
import type { LaunchedWorker, WorkerEnd } from './confinement.ts';
import { ProcessReadings } from './process-readings.ts';
import { WatchedMemory } from './worker-memory.ts';
import type { WorkerMemory } from './worker-memory.ts';

/** `starting` → `ready` → `busy` → `preparing` → `ready` …; `gone` from anywhere. */
export type WorkerState = 'starting' | 'ready' | 'busy' | 'preparing' | 'gone';

export interface WorkerExit extends WorkerEnd {
  /** What the runner saw: a violation of the protocol, or how the worker ended. */
  readonly detail: string;
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
  /** What the call that runs took of the processor since it was told last, milliseconds; the last time at its end. */
  onCpu?(worker: WorkerProcess, ms: number): void;
  onExit(worker: WorkerProcess, exit: WorkerExit): void;
  /** A call waits that it could serve once it is ready again. None does when missing. */
  isWaitedFor?(worker: WorkerProcess): boolean;
}

export class WorkerProcess {
  /** Settles when the worker is gone, with all that it started. */
  readonly exited: Promise<void>;
  /** The next call is that of a tenant that took far more of the processor than others lately. */
  isBehind = false;
  readonly #launched: LaunchedWorker;
  readonly #listener: WorkerListener;
  readonly #decoder = new FrameDecoder(['ready', 'stdout', 'stderr', 'result', 'ended']);
  readonly #settleExited: () => void;
  #state: WorkerState = 'starting';
  #call: CallListener | null = null;
  #violation: string | null = null;
  #wasOrdered = false;
  #readings: ProcessReadings | null = null;
  #memory: WorkerMemory | null = null;
  #longLook: NodeJS.Timeout | null = null;
  #hurry: NodeJS.Timeout | null = null;
  #toldMs: number | null = null;

  constructor(launched: LaunchedWorker, listener: WorkerListener) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.exited = promise;
    this.#settleExited = resolve;
    this.#launched = launched;
    this.#listener = listener;
    const { channel, ended } = launched;
    this.#takeTime();
    channel.on('data', (chunk: Buffer) => this.#read(chunk));
    channel.on('error', () => {});
    void ended.then((end) => this.#onGone(end));
  }

  get state(): WorkerState {
    return this.#state;
  }
  get pid(): number | null {
    return this.#launched.pid;
  }
  /** Available from `ready` on. */
  get readings(): ProcessReadings {
    this.#readings ??= ProcessReadings.open(this.#launched.workerPid());
    return this.#readings;
  }

  get memory(): WorkerMemory {
    this.#memory ??= this.#launched.memory ?? new WatchedMemory(this.readings);
    return this.#memory;
  }

  /** Hands over a call as frames. Only for a worker that is `ready`. */
  begin(frames: Buffer, call: CallListener): void {
    if (this.#state !== 'ready') throw new Error(`a ${this.#state} worker takes no call`);
    this.#state = 'busy';
    this.#call = call;
    this.#launched.weigh?.(this.isBehind ? 'spare' : 'short');
    this.#launched.channel.write(frames);
    if (this.#launched.weigh !== undefined) this.#lookIfLong();
  }

  /** A call that runs for long leaves the processor to short ones. */
  #lookIfLong(): void {
    const atStartMs = this.readings.cpuMs();
    this.#toldMs = atStartMs;
    if (atStartMs === null) return;
    const turn = new CallTurn({ atMs: performance.now(), cpuMs: atStartMs });
    this.#longLook = setInterval(() => {
      const cpuMs = this.#tellCpu();
      if (cpuMs !== null)
        this.#launched.weigh?.(turn.next({ atMs: performance.now(), cpuMs }, this.isBehind));
    }, longLookMs);
  }

  /** Starts or prepares, ahead of need as far as is known. */
  #takeTime(): void {
    if (this.#launched.weigh === undefined || !this.#launched.isAlive) return;
    this.#launched.weigh('spare');
    this.#hurry = setTimeout(() => this.hurry(), aheadOfNeedMsMax);
  }

  /** A call waits for it. */
  hurry(): void {
    if (this.#state !== 'starting' && this.#state !== 'preparing') return;
    this.#launched.weigh?.('short');
  }

  #tellCpu(): number | null {
    const cpuMs = this.readings.cpuMs();
    if (cpuMs === null || this.#toldMs === null) return null;
    this.#listener.onCpu?.(this, cpuMs - this.#toldMs);
    this.#toldMs = cpuMs;
    return cpuMs;
  }

  #stopLooking(): void {
    if (this.#longLook === null) return;
    clearInterval(this.#longLook);
    this.#longLook = null;
    this.#tellCpu();
  }

  /** Kills the worker and all that it started, at once. */
  kill(): void {
    if (!this.#launched.isAlive) return;
    this.#wasOrdered = true;
    this.#stopLooking();
    // What dies needs the processor as well: with little of it, its place would be taken for seconds.
    this.#launched.weigh?.('short');
    this.#launched.kill();
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
      if (!this.#launched.isAlive) return;
      if (this.#state !== 'starting' && this.#state !== 'preparing')
        return this.#fail(`ready while ${this.#state}`);
      this.#state = 'ready';
      clearTimeout(this.#hurry ?? undefined);
      this.#launched.weigh?.('resting');
      return this.#listener.onReady(this);
    }
    const call = this.#call;
    if (this.#state !== 'busy' || call === null)
      return this.#fail(`${frame.type} frame while ${this.#state}`);
    if (frame.type === 'ended') {
      this.#state = 'preparing';
      this.#call = null;
      this.#stopLooking();
      if (this.#listener.isWaitedFor?.(this) === true) this.#launched.weigh?.('short');
      else this.#takeTime();
    }
    call.onFrame(frame);
  }

  /** The worker broke the protocol: it may be in the guest's hands. Also for its listeners to say so. */
  #fail(detail: string): void {
    this.#violation ??= `broke the protocol: ${detail}`;
    this.kill();
  }

  #onGone(end: WorkerEnd): void {
    this.#state = 'gone';
    this.#stopLooking();
    clearTimeout(this.#hurry ?? undefined);
    this.#readings?.[Symbol.dispose]();
    const detail = this.#violation ?? end.how;
    const exit: WorkerExit = { ...end, detail, wasOrdered: this.#wasOrdered };
    this.#call?.onExit(exit);
    this.#call = null;
    this.#listener.onExit(this, exit);
    this.#settleExited();
  }
}
