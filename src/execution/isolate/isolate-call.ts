/**
 * One call on one worker: the deadline, the caps, the watch over memory, and the verdict.
 * Hostile: what the worker sends. Caps that the worker keeps are kept here again, without trust in its counts.
 */
import { Lost } from '../executor.ts';
import type { ExecutionFrame, ExitReason, SandboxRequest } from '../executor.ts';
import type { Truncation } from '../../model/call.ts';
import type { Limits } from '../../model/limits.ts';
import type { Frame } from '../protocol/frame.ts';
import { parseControl } from '../protocol/frame-decoder.ts';
import { FrameQueue } from '../protocol/frame-queue.ts';
import { framesOfCall } from './call-frames.ts';
import { LogMeter } from './log-meter.ts';
import { parseEnded } from './parse-ended.ts';
import type { CallListener, WorkerExit, WorkerProcess } from './worker-process.ts';
import type { EndedMessage } from './worker/messages.ts';

/** What a result that was ready in time may take to get here before the deadline kills it. */
const deadlineGraceMs = 25;
/** How often a running call's memory is looked at. Calls shorter than this are never looked at twice. */
const memoryPollMs = 10;
/** Growth beyond `memoryMiB` that is the engine's own: young generation, code, buffers in passing. */
const memorySlackMiB = 64;
/** Arguments and result pass as bytes, as text of two bytes a character, and once more inside the isolate. */
const copiesInPassing = 4;
/** How long a killed process may take to be gone before the call ends without it. */
const exitMsMax = 2000;
const bytesPerMiB = 1024 * 1024;

type CallError = { readonly name: string; readonly message: string; readonly stack?: string } | null;

export interface CallStart {
  readonly worker: WorkerProcess;
  readonly request: SandboxRequest;
  readonly confinement: string;
  /** Whether a worker stood ready when the call came. */
  readonly warm: boolean;
}

export class IsolateCall implements CallListener {
  readonly frames = new FrameQueue();
  /** Settles at the end of the call: whether the worker may be used again. */
  readonly done: Promise<{ readonly wasKilled: boolean }>;
  readonly #settleDone: (end: { wasKilled: boolean }) => void;
  readonly #worker: WorkerProcess;
  readonly #limits: Limits;
  readonly #startedAtMs = performance.now();
  readonly #cpuAtStartMs: number | null;
  readonly #memoryBytesMax: number;
  readonly #logs: LogMeter;
  readonly #deadline: NodeJS.Timeout;
  #memoryPoll: NodeJS.Timeout | null = null;
  #exitWait: NodeJS.Timeout | null = null;
  #cpuAtEndMs: number | null = null;
  /** What the process grew by; null as long as that cannot be told. */
  #memoryPeakBytes: number | null = null;
  #resultBytes = 0;
  #verdict: { reason: ExitReason; error: CallError } | null = null;

  /** Writes the call to the worker: from here on it may run. */
  constructor({ worker, request, confinement, warm }: CallStart) {
    const { promise, resolve } = Promise.withResolvers<{ wasKilled: boolean }>();
    this.done = promise;
    this.#settleDone = resolve;
    this.#worker = worker;
    this.#limits = request.limits;
    this.#logs = new LogMeter(request.limits);
    this.#cpuAtStartMs = worker.readings.cpuMs();
    this.#memoryBytesMax = memoryBytesMax(request);
    worker.memory.startCall(this.#memoryBytesMax);
    worker.begin(framesOfCall(request), this);
    this.#deadline = setTimeout(() => this.kill('timed_out'), request.limits.timeoutMs + deadlineGraceMs);
    if (worker.memory.needsWatch) this.#memoryPoll = setInterval(() => this.#watchMemory(), memoryPollMs);
    this.frames.push({ type: 'started', runtime: { kind: 'isolate', confinement, image: null, warm } });
  }

  /** Ends the call by killing its worker. The first reason stands. */
  kill(reason: ExitReason, error: CallError = null): void {
    if (this.#verdict !== null) return;
    this.#readMemory();
    this.#cpuAtEndMs = this.#worker.readings.cpuMs();
    this.#verdict = { reason, error };
    this.#stopTimers();
    this.#exitWait = setTimeout(() => this.#finish(null), exitMsMax);
    void this.#worker.exited.then(() => this.#finish(null));
    this.#worker.kill();
  }

  onFrame(frame: Frame): void {
    if (this.#verdict !== null) return;
    switch (frame.type) {
      case 'stdout':
      case 'stderr':
        return this.#takeLog(frame.type, frame.payload);
      case 'result':
        return this.#takeResult(frame.payload);
      default:
        return this.#takeEnd(frame);
    }
  }

  onExit(exit: WorkerExit): void {
    this.#readMemory();
    if (exit.cause === 'lost' && this.#verdict === null) return this.#lose(exit);
    this.#verdict ??= looksOutOfMemory(exit)
      ? { reason: 'out_of_memory', error: null }
      : {
          reason: 'crashed',
          error: { name: 'WorkerCrashed', message: `the isolate worker ended: ${exit.detail}` },
        };
    this.#finish(null);
  }

  #takeLog(stream: 'stdout' | 'stderr', data: Uint8Array): void {
    const kept = this.#logs.take(stream, data);
    if (kept === 'flood') this.kill('crashed', violation('more log frames than its host calls allow'));
    else if (kept.length > 0) this.frames.push({ type: stream, data: Buffer.from(kept) });
  }

  #takeResult(data: Uint8Array): void {
    if (this.#resultBytes + data.length > this.#limits.outputBytes) return this.kill('output_limit');
    this.#resultBytes += data.length;
    this.frames.push({ type: 'result', data: Buffer.from(data) });
  }

  #takeEnd(frame: Frame): void {
    const ended = parseEnded(parseControl(frame));
    if (ended === null) return this.kill('crashed', violation('an end that cannot be read'));
    this.#logs.addDropped(ended.dropped);
    const { outcome } = ended;
    switch (outcome.kind) {
      case 'returned':
        this.#verdict = { reason: 'completed', error: null };
        return this.#finish(ended);
      case 'threw':
        this.#verdict = { reason: 'threw', error: outcome.error };
        return this.#finish(ended);
      case 'output_limit':
      case 'out_of_memory':
        return this.kill(outcome.kind);
    }
  }

  #watchMemory(): void {
    this.#readMemory();
    if ((this.#memoryPeakBytes ?? 0) > this.#memoryBytesMax) this.kill('out_of_memory');
  }

  #readMemory(): void {
    const peak = this.#worker.memory.peakGrowthBytes();
    if (peak !== null) this.#memoryPeakBytes = Math.max(this.#memoryPeakBytes ?? 0, peak);
  }

  #stopTimers(): void {
    clearTimeout(this.#deadline);
    if (this.#memoryPoll !== null) clearInterval(this.#memoryPoll);
    if (this.#exitWait !== null) clearTimeout(this.#exitWait);
  }

  /** `ended` when the worker lived to tell; otherwise it was killed or died. */
  #finish(ended: EndedMessage | null): void {
    if (this.frames.isEnded || this.#verdict === null) return;
    const wallMs = performance.now() - this.#startedAtMs;
    if (ended !== null) this.#readMemory();
    this.#stopTimers();
    this.frames.push(this.#usage(wallMs, ended));
    this.frames.push({ type: 'exit', ...this.#verdict });
    this.frames.end();
    this.#settleDone({ wasKilled: ended === null });
  }

  /** What became of the guest is known to nobody: no exit is made up for it. */
  #lose({ detail }: WorkerExit): void {
    this.#stopTimers();
    this.frames.end(new Lost(`the isolate worker was lost in the middle of the call: ${detail}`));
    this.#settleDone({ wasKilled: true });
  }

  #usage(wallMs: number, ended: EndedMessage | null): ExecutionFrame {
    return {
      type: 'usage',
      wallMs,
      cpuMs: this.#cpuMs(wallMs, ended),
      memoryPeakBytes: Math.max(this.#memoryPeakBytes ?? 0, this.#heapBytes(ended)),
      outputBytes: this.#resultBytes + this.#logs.keptBytes,
      truncated: this.#logs.truncations() satisfies Truncation[],
    };
  }

  /** Of the isolate, which was made before the call: a small one lets the process not grow at all. It may be a lie. */
  #heapBytes(ended: EndedMessage | null): number {
    return Math.min(ended?.memoryBytes ?? 0, this.#memoryBytesMax);
  }

  /** Seen from outside where /proc allows; of a process that is gone, no more than the wall time is known. */
  #cpuMs(wallMs: number, ended: EndedMessage | null): number {
    const now = this.#cpuAtEndMs ?? this.#worker.readings.cpuMs();
    if (now !== null && this.#cpuAtStartMs !== null) return now - this.#cpuAtStartMs;
    return Math.min(ended?.cpuMs ?? wallMs, wallMs);
  }
}

/** What the process may grow by during the call. */
function memoryBytesMax({ args, limits }: SandboxRequest): number {
  const ownBytes = (limits.memoryMiB + memorySlackMiB) * bytesPerMiB;
  return ownBytes + copiesInPassing * (args.length + limits.outputBytes);
}

function violation(detail: string): CallError {
  return { name: 'WorkerCrashed', message: `the isolate worker broke the protocol: ${detail}` };
}

/** The kernel's verdict, or V8's and isolated-vm's words on their way out; the guest cannot write to that stream. */
function looksOutOfMemory(exit: WorkerExit): boolean {
  return (
    exit.cause === 'out_of_memory' || /out of memory|is_heap_oom|Allocation failed/i.test(exit.lastWords)
  );
}
