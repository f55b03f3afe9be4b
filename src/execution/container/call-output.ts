/**
 * Frames of a harness become frames of the call, within the call's caps. Every payload is hostile: a frame out of
 * turn or a control frame of another shape is a fault, a value, after which nothing more is taken.
 */
import { FrameQueue } from '../protocol/frame-queue.ts';
import { parseControl } from '../protocol/frame-decoder.ts';
import type { Frame } from '../protocol/frame.ts';
import type { ExecutionFrame } from '../executor.ts';
import type { Limits } from '../../model/limits.ts';
import type { Truncation } from '../../model/call.ts';
import { ByteBuffer } from '../protocol/byte-buffer.ts';
import { isPlainPath } from '../work-path.ts';
import {
  artifactsMax,
  envelopeBytesMax,
  frameOverheadBytes,
  queuedBytesMax,
  stderrTailBytesMax,
} from './limits.ts';

/** How the child ended, or answered, as the supervisor saw it; `signal` is 0 for none. */
export interface ChildEnd {
  readonly code: number;
  readonly signal: number;
  /** The container is ready for the next call of its session. */
  readonly goesOn: boolean;
}

type CallOutputEnd =
  | { readonly kind: 'ended'; readonly child: ChildEnd }
  | { readonly kind: 'fault'; readonly message: string }
  | { readonly kind: 'output_limit' };

interface StreamCount {
  kept: number;
  dropped: number;
}

export class CallOutput {
  readonly queue: FrameQueue;
  /** What the frames come to: settled once, never rejected; pending when the stream just ends. */
  readonly end: Promise<CallOutputEnd>;
  readonly #settle: (end: CallOutputEnd) => void;
  readonly #limits: Limits;
  readonly #counts = {
    stdout: { kept: 0, dropped: 0 },
    stderr: { kept: 0, dropped: 0 },
    artifacts: { kept: 0, dropped: 0 },
  };
  readonly #keepsResult: boolean;
  readonly #result = new ByteBuffer();
  #artifact: { name: string; content: ByteBuffer; bytes: number; isDropped: boolean } | null = null;
  #artifactsOpened = 0;
  #hasLostArtifacts = false;
  readonly #stderrTail = new ByteBuffer();
  #queued = 0;
  #roomWaiter: (() => void) | null = null;
  #isOver = false;

  /** `keepsResult`: false for scripts, whose result the runner forms itself. */
  constructor(limits: Limits, keepsResult: boolean) {
    this.#limits = limits;
    this.#keepsResult = keepsResult;
    const { promise, resolve } = Promise.withResolvers<CallOutputEnd>();
    this.end = promise;
    this.#settle = resolve;
    this.queue = new FrameQueue((bytes) => {
      this.#queued -= bytes + frameOverheadBytes;
      this.#wakeIfRoom();
    });
  }

  onFrame(frame: Frame): void {
    if (this.#isOver) return;
    switch (frame.type) {
      case 'stdout':
      case 'stderr':
        this.#log(frame.type, frame.payload);
        return;
      case 'result':
        this.#addResult(frame.payload);
        return;
      case 'artifact':
        this.#openArtifact(frame);
        return;
      case 'artifactData':
        this.#addToArtifact(frame.payload);
        return;
      case 'ended':
        this.#endCall(frame);
        return;
      default:
        this.fail(`a frame of type ${frame.type} out of turn`);
    }
  }

  /** Resolves when the reader has caught up, or nothing is kept for it any more. */
  async room(): Promise<void> {
    if (this.#isOver || this.#queued < queuedBytesMax) return;
    await new Promise<void>((resolve) => {
      this.#roomWaiter = resolve;
    });
  }

  /** From here on frames are read and dropped, so that the stream comes to its end. */
  stop(): void {
    this.#isOver = true;
    this.#wakeIfRoom();
  }

  fail(message: string): void {
    this.#settle({ kind: 'fault', message });
    this.stop();
  }

  get result(): Uint8Array {
    return this.#result.bytes;
  }

  get stderrTail(): string {
    return Buffer.from(this.#stderrTail.bytes).toString('latin1');
  }

  /** Of stdout and stderr, bytes handed to the reader. */
  get logBytes(): number {
    return this.#counts.stdout.kept + this.#counts.stderr.kept;
  }

  get truncated(): Truncation[] {
    return Object.entries(this.#counts)
      .filter(([stream, { dropped }]) => dropped > 0 || (stream === 'artifacts' && this.#hasLostArtifacts))
      .map(([stream, { kept, dropped }]) => ({ stream, keptBytes: kept, droppedBytes: dropped }));
  }

  #log(stream: 'stdout' | 'stderr', payload: Uint8Array): void {
    const room = this.#limits.logBytes - this.#counts.stdout.kept - this.#counts.stderr.kept;
    const kept = Math.max(0, Math.min(room, payload.length));
    count(this.#counts[stream], kept, payload.length - kept);
    if (stream === 'stderr') {
      this.#stderrTail.append(payload);
      this.#stderrTail.keepLast(stderrTailBytesMax);
    }
    if (kept > 0) this.#push({ type: stream, data: Uint8Array.from(payload.subarray(0, kept)) });
  }

  #addResult(payload: Uint8Array): void {
    if (!this.#keepsResult) return;
    if (this.#result.length + payload.length > this.#limits.outputBytes + envelopeBytesMax) {
      this.#settle({ kind: 'output_limit' });
      this.stop();
      return;
    }
    this.#result.append(payload);
  }

  #openArtifact(frame: Frame): void {
    this.#closeArtifact();
    const name = parseControl(frame)?.['name'];
    if (typeof name !== 'string') {
      this.fail('an artifact without a name');
      return;
    }
    this.#artifactsOpened += 1;
    const isDropped = this.#artifactsOpened > artifactsMax || !isPlainPath(name);
    this.#artifact = { name, content: new ByteBuffer(), bytes: 0, isDropped };
  }

  #addToArtifact(payload: Uint8Array): void {
    const artifact = this.#artifact;
    if (artifact === null) {
      this.fail('data of no artifact');
      return;
    }
    artifact.bytes += payload.length;
    if (this.#counts.artifacts.kept + artifact.bytes > this.#limits.artifactBytes) artifact.isDropped = true;
    if (artifact.isDropped) artifact.content.clear();
    else artifact.content.append(payload);
  }

  /** An artifact is handed on whole or not at all. */
  #closeArtifact(): void {
    const artifact = this.#artifact;
    this.#artifact = null;
    if (artifact === null) return;
    if (artifact.isDropped) {
      this.#hasLostArtifacts = true;
      count(this.#counts.artifacts, 0, artifact.bytes);
      return;
    }
    count(this.#counts.artifacts, artifact.bytes, 0);
    this.#push({ type: 'artifact', name: artifact.name, data: artifact.content.bytes });
  }

  #endCall(frame: Frame): void {
    const { code, signal, droppedFiles, droppedBytes, goesOn } = parseControl(frame) ?? {};
    if (!isCount(code) || !isCount(signal) || !isCount(droppedFiles) || !isCount(droppedBytes)) {
      this.fail('an end that is not understood');
      return;
    }
    this.#closeArtifact();
    this.#hasLostArtifacts ||= droppedFiles > 0;
    count(this.#counts.artifacts, 0, droppedBytes);
    this.#settle({ kind: 'ended', child: { code, signal, goesOn: goesOn === true } });
    this.stop();
  }

  #push(frame: Extract<ExecutionFrame, { data: Uint8Array }>): void {
    this.#queued += frame.data.length + frameOverheadBytes;
    this.queue.push(frame);
  }

  #wakeIfRoom(): void {
    if (!this.#isOver && this.#queued >= queuedBytesMax) return;
    const wake = this.#roomWaiter;
    this.#roomWaiter = null;
    wake?.();
  }
}

function count(counts: StreamCount, kept: number, dropped: number): void {
  counts.kept += kept;
  counts.dropped += dropped;
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
