/**
 * One container with a harness in it, from create to remove. Trusted: the engine. Hostile: whatever comes out of
 * the container, which is taken apart here (engine's stream, then frames) and handed on frame by frame.
 */
import type { ContainerCreateOptions } from 'dockerode';

import { aheadOfNeedMsMax } from '../cpu-weights.ts';
import type { CpuTurn, CpuWeights } from '../cpu-weights.ts';
import { FrameDecoder, parseControl } from '../protocol/frame-decoder.ts';
import { payloadBytesMax } from '../protocol/frame.ts';
import type { Frame } from '../protocol/frame.ts';
import { AttachedContainer } from './attached-container.ts';
import type { ContainerEnd } from './attached-container.ts';
import { ByteBuffer } from '../protocol/byte-buffer.ts';
import { drained } from '../protocol/drained.ts';
import { Demultiplexer } from './demultiplex.ts';
import type { Engine } from './engine.ts';
import { complaintBytesMax } from './limits.ts';
import type { Logger } from './logger.ts';
import type { IdleSandbox } from './pool/warm-pool.ts';
import type { ResourceUsage } from './resource-usage.ts';

const harnessFrames = [
  'ready',
  'stdout',
  'stderr',
  'result',
  'artifact',
  'artifactData',
  'ended',
  'fileData',
  'fileEntry',
  'fileDone',
] as const;
const protocolVersion = 2;
/** Of the supervisor, when its stdin or stdout has ended. */
const runnerGoneExitCode = 3;

/** Who takes the frames of a sandbox. */
export interface FrameListener {
  onFrame(frame: Frame): void;
  /** The stream broke its rules; nothing more will come. */
  fail(message: string): void;
  /** Until then nothing more is read. */
  room(): Promise<void>;
}

export interface SandboxStart {
  readonly signal: AbortSignal;
  readonly logger: Logger;
  /** By the ids of containers; null or missing where they have none. */
  readonly weights?: CpuWeights | null;
  /** Resolves when a call waits for it. Missing: one does from the beginning. */
  readonly needed?: Promise<void>;
  /** Called once it was removed; with false when it is left to the sweep. */
  readonly onRemoved: (isGone: boolean) => void;
}

export class Sandbox implements IdleSandbox {
  readonly #container: AttachedContainer;
  readonly #complaint = new ByteBuffer();
  readonly #closed: Promise<void>;
  readonly #idle: IdleListener;
  readonly #onRemoved: SandboxStart['onRemoved'];
  readonly #weights: CpuWeights | null;
  #listener: FrameListener;
  #own: Pick<ResourceUsage, 'cpuMs' | 'oomKills'> = { cpuMs: 0, oomKills: null };
  #turn: CpuTurn = 'resting';
  #isClosed = false;
  #isRemoved = false;

  private constructor(container: AttachedContainer, { onRemoved, weights }: SandboxStart) {
    this.#container = container;
    this.#onRemoved = onRemoved;
    this.#weights = weights ?? null;
    this.#idle = new IdleListener();
    this.#listener = this.#idle;
    this.#closed = this.#pump();
  }

  /**
   * Creates, attaches, starts, and waits for the harness. Throws when that fails or the signal is aborted;
   * nothing is left behind then, as far as the engine answers.
   */
  static async start(engine: Engine, spec: ContainerCreateOptions, start: SandboxStart): Promise<Sandbox> {
    const { signal } = start;
    const container = await AttachedContainer.create(engine, spec, signal, start.logger);
    try {
      const sandbox = new Sandbox(container, start);
      using _turn = sandbox.#takeTime(start.needed);
      await container.start(signal);
      // Its cgroup is there from now on.
      sandbox.weigh(sandbox.#turn);
      const isReady = Promise.all([sandbox.#idle.ready, container.learnPid()]);
      await Promise.race([isReady, sandbox.#endBeforeReady(), aborted(signal)]);
      sandbox.#own = container.usageSoFar();
      return sandbox;
    } catch (error) {
      start.weights?.forget(container.id);
      await container[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** It starts: ahead of need, until a call waits for it or it has taken too long. */
  #takeTime(needed: Promise<void> | undefined): Disposable {
    let isStarting = true;
    const hurry = (): void => {
      if (isStarting) this.weigh('short');
    };
    this.weigh(needed === undefined ? 'short' : 'spare');
    const timer = setTimeout(hurry, aheadOfNeedMsMax);
    void needed?.then(hurry);
    return {
      [Symbol.dispose]: () => {
        isStarting = false;
        clearTimeout(timer);
        this.weigh('resting');
      },
    };
  }

  get id(): string {
    return this.#container.id;
  }

  get isIdle(): boolean {
    return this.#listener === this.#idle && !this.#idle.isSpoiled;
  }

  get spoiled(): Promise<void> {
    return this.#idle.spoiled;
  }

  async memoryBytes(): Promise<number> {
    return (await this.usage()).memoryPeakBytes;
  }

  async isRunning(): Promise<boolean | null> {
    return await this.#container.isRunning();
  }

  /** The end of the stream: nothing more comes. Never rejects. */
  get closed(): Promise<void> {
    return this.#closed;
  }

  /** False once nothing more can come. */
  get isAlive(): boolean {
    return !this.#isClosed;
  }

  /** What the supervisor said when it gave up. */
  get complaint(): string {
    return Buffer.from(this.#complaint.bytes).toString('utf8').trim();
  }

  get hasCpuWeight(): boolean {
    return this.#weights !== null;
  }

  /** What it has of the processor. */
  weigh(turn: CpuTurn): void {
    this.#turn = turn;
    if (!this.#isRemoved) this.#weights?.set(this.id, turn);
  }

  /** From here on frames go to another listener. */
  listen(listener: FrameListener): void {
    this.#listener = listener;
  }

  /** Writes frames as fast as the harness takes them. Ends early, without an error, when the stream ends. */
  async send(frames: Iterable<Uint8Array>): Promise<void> {
    const { stream } = this.#container;
    for (const bytes of inPieces(frames)) {
      if (!stream.writable) return;
      if (!stream.write(bytes)) await drained(stream);
    }
  }

  /** What its start took, which is no call's. */
  get ownUsage(): Pick<ResourceUsage, 'cpuMs' | 'oomKills'> {
    return this.#own;
  }

  async usage(): Promise<ResourceUsage> {
    return await this.#container.usage();
  }

  /** Closes its stdin: the supervisor then takes the runner for gone. */
  hangUp(): void {
    this.#container.stream.end();
  }

  /** Ends all processes of the container, and waits for its stream to end. */
  async kill(): Promise<void> {
    await this.#container.kill(this.#closed);
  }

  /**
   * How the container ended by itself. Null when that is not known: the engine was lost on the way, or the
   * supervisor gave up because it had lost us.
   */
  async ended(): Promise<ContainerEnd | null> {
    const end = await this.#container.ended();
    return end?.exitCode === runnerGoneExitCode ? null : end;
  }

  /** The engine's flag; false where it does not answer. */
  async wasOomKilled(): Promise<boolean> {
    return await this.#container.wasOomKilled();
  }

  /** Removes the container, alive or not. What fails is left to the sweep. */
  async [Symbol.asyncDispose](): Promise<void> {
    // What dies needs the processor as well.
    this.weigh('short');
    const isGone = await this.#container.remove();
    this.#isRemoved = true;
    this.#weights?.forget(this.id);
    this.#onRemoved(isGone);
  }

  async #pump(): Promise<void> {
    const demultiplexer = new Demultiplexer();
    const decoder = new FrameDecoder(harnessFrames);
    try {
      for await (const chunk of this.#container.stream as AsyncIterable<Buffer>) {
        let violation: string | null = null;
        const fault = demultiplexer.write(chunk, (stream, bytes) => {
          if (stream === 'stderr') this.#keepComplaint(bytes);
          else violation ??= decoder.decode(bytes, (frame) => this.#listener.onFrame(frame))?.detail ?? null;
        });
        if (fault !== null || violation !== null) {
          this.#listener.fail(fault ?? violation ?? '');
          return;
        }
        await this.#listener.room();
      }
    } catch {
      // A connection that broke: its end is all there is to know, `ended` asks the engine.
    } finally {
      this.#isClosed = true;
      this.#idle.end();
    }
  }

  #keepComplaint(bytes: Uint8Array): void {
    const room = complaintBytesMax - this.#complaint.length;
    if (room > 0) this.#complaint.append(bytes.subarray(0, room));
  }

  async #endBeforeReady(): Promise<never> {
    await this.#closed;
    throw new Error(`the container ended before its harness was ready: ${this.complaint || 'no word why'}`);
  }
}

/** Small frames in one piece: each write wakes the engine, which then has this core, and one frame of two would wait. */
function* inPieces(frames: Iterable<Uint8Array>): Generator<Uint8Array> {
  let piece: Uint8Array[] = [];
  let length = 0;
  for (const frame of frames) {
    piece.push(frame);
    length += frame.length;
    if (length < payloadBytesMax) continue;
    yield Buffer.concat(piece);
    piece = [];
    length = 0;
  }
  if (length > 0) yield Buffer.concat(piece);
}

/** From start to claim: first `ready` is awaited, then silence is all that a harness may keep. */
class IdleListener implements FrameListener {
  readonly ready: Promise<void>;
  readonly spoiled: Promise<void>;
  isSpoiled = false;
  readonly #isReady = Promise.withResolvers<void>();
  readonly #isSpoiled = Promise.withResolvers<void>();
  #wasReady = false;

  constructor() {
    this.ready = this.#isReady.promise;
    this.spoiled = this.#isSpoiled.promise;
    this.ready.catch(() => {});
  }

  onFrame(frame: Frame): void {
    if (this.#wasReady) this.fail(`a frame of type ${frame.type} without a call`);
    else if (frame.type === 'ready' && parseControl(frame)?.['protocol'] === protocolVersion) {
      this.#wasReady = true;
      this.#isReady.resolve();
    } else if (frame.type === 'ready')
      this.fail('its harness speaks another protocol: build the image again');
    else if (frame.type !== 'stdout' && frame.type !== 'stderr')
      this.fail(`a frame of type ${frame.type} before ready`);
  }

  fail(message: string): void {
    this.#isReady.reject(new Error(message));
    this.end();
  }

  end(): void {
    this.isSpoiled = true;
    this.#isSpoiled.resolve();
  }

  async room(): Promise<void> {}
}

async function aborted(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  if (signal.aborted) reject(signal.reason);
  else signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  return await promise;
}
