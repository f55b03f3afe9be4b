/**
 * One container with a harness in it, from create to remove. Trusted: the engine. Hostile: whatever comes out of
 * the container, which is taken apart here (engine's stream, then frames) and handed on frame by frame.
 */
import type { Duplex } from 'node:stream';
import type { Container, ContainerCreateOptions, ContainerInspectInfo } from 'dockerode';

import { FrameDecoder, parseControl } from '../protocol/frame-decoder.ts';
import type { Frame } from '../protocol/frame.ts';
import { ByteBuffer } from './byte-buffer.ts';
import { Demultiplexer } from './demultiplex.ts';
import { bounded, statusOf } from './engine.ts';
import type { Engine } from './engine.ts';
import { complaintBytesMax, killGraceMs } from './limits.ts';
import type { Logger } from './logger.ts';
import { cgroupPathsOf, readResourceUsage } from './resource-usage.ts';
import type { ResourceUsage } from './resource-usage.ts';

const harnessFrames = ['ready', 'stdout', 'stderr', 'result', 'artifact', 'artifactData', 'ended'] as const;
const protocolVersion = 1;
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

/** How a container ended by itself, as the engine says. */
export interface ContainerEnd {
  readonly exitCode: number;
  readonly oomKilled: boolean;
}

export class Sandbox implements AsyncDisposable {
  readonly #container: Container;
  readonly #stream: Duplex;
  readonly #exited: Promise<unknown>;
  readonly #logger: Logger;
  readonly #complaint = new ByteBuffer();
  readonly #closed: Promise<void>;
  #listener: FrameListener;
  #pid = 0;

  private constructor(
    container: Container,
    stream: Duplex,
    exited: Promise<unknown>,
    logger: Logger,
    first: FrameListener,
  ) {
    this.#container = container;
    this.#stream = stream;
    this.#exited = exited;
    this.#logger = logger;
    this.#listener = first;
    // An error ends the reading in `#pump`, or comes when nobody reads any more.
    stream.on('error', () => {});
    this.#closed = this.#pump();
  }

  /**
   * Creates, attaches, starts, and waits for the harness. Throws when that fails or the signal is aborted;
   * nothing is left behind then, as far as the engine answers.
   */
  static async start(
    engine: Engine,
    spec: ContainerCreateOptions,
    signal: AbortSignal,
    logger: Logger,
  ): Promise<Sandbox> {
    const container = await engine.docker.createContainer({ ...spec, abortSignal: signal });
    try {
      const stream = (await container.attach({
        stream: true,
        stdin: true,
        stdout: true,
        stderr: true,
        hijack: true,
        abortSignal: signal,
      })) as Duplex;
      // Before start, so that no end can be missed. Pending for good when the engine is lost while we wait.
      const exited: Promise<unknown> = container.wait({ condition: 'next-exit' }).catch(() => null);
      const ready = new ReadyListener();
      const sandbox = new Sandbox(container, stream, exited, logger, ready);
      await container.start({ abortSignal: signal });
      const isReady = Promise.all([ready.seen, sandbox.#learnPid()]);
      await Promise.race([isReady, sandbox.#endBeforeReady(), aborted(signal)]);
      return sandbox;
    } catch (error) {
      await removeContainer(container, logger);
      throw error;
    }
  }

  get id(): string {
    return this.#container.id;
  }

  /** The end of the stream: nothing more comes. Never rejects. */
  get closed(): Promise<void> {
    return this.#closed;
  }

  /** What the supervisor said when it gave up. */
  get complaint(): string {
    return Buffer.from(this.#complaint.bytes).toString('utf8').trim();
  }

  /** From here on frames go to another listener. */
  listen(listener: FrameListener): void {
    this.#listener = listener;
  }

  /** Writes frames as fast as the harness takes them. Ends early, without an error, when the stream ends. */
  async send(frames: Iterable<Uint8Array>): Promise<void> {
    for (const frame of frames) {
      if (!this.#stream.writable) return;
      if (!this.#stream.write(frame)) await drained(this.#stream);
    }
  }

  async usage(): Promise<ResourceUsage> {
    return await readResourceUsage(this.#container, this.#pid);
  }

  /** Ends all processes of the container, and waits for its stream to end. */
  async kill(): Promise<void> {
    try {
      await bounded(this.#container.kill());
    } catch (error) {
      // 404, 409: it has ended already. Anything else: the engine does not answer, the kernel does.
      if (statusOf(error) === null) await this.#killFirstProcess();
    }
    await within(killGraceMs, this.#closed);
    this.#stream.destroy();
  }

  /**
   * How the container ended by itself. Null when that is not known: the engine was lost on the way, or the
   * supervisor gave up because it had lost us.
   */
  async ended(): Promise<ContainerEnd | null> {
    let state = await this.#state();
    if (state?.Running === true) {
      await within(killGraceMs, this.#exited);
      state = await this.#state();
    }
    if (state === null || state.Running || state.ExitCode === runnerGoneExitCode) return null;
    return { exitCode: state.ExitCode, oomKilled: state.OOMKilled };
  }

  /** The engine's flag; false where it does not answer. */
  async wasOomKilled(): Promise<boolean> {
    return (await this.#state())?.OOMKilled ?? false;
  }

  /** Removes the container, alive or not. What fails is left to the sweep. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stream.destroy();
    await removeContainer(this.#container, this.#logger);
  }

  async #pump(): Promise<void> {
    const demultiplexer = new Demultiplexer();
    const decoder = new FrameDecoder(harnessFrames);
    try {
      for await (const chunk of this.#stream as AsyncIterable<Buffer>) {
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
    }
  }

  #keepComplaint(bytes: Uint8Array): void {
    const room = complaintBytesMax - this.#complaint.length;
    if (room > 0) this.#complaint.append(bytes.subarray(0, room));
  }

  /** For what is read and killed past the engine; missing where the engine does not tell. */
  async #learnPid(): Promise<void> {
    this.#pid = (await this.#state())?.Pid ?? 0;
  }

  /** Null when the engine does not answer, or does not know the container. */
  async #state(): Promise<ContainerInspectInfo['State'] | null> {
    return await bounded(this.#container.inspect()).then(
      (inspected) => inspected.State,
      () => null,
    );
  }

  async #endBeforeReady(): Promise<never> {
    await this.#closed;
    throw new Error(`the container ended before its harness was ready: ${this.complaint || 'no word why'}`);
  }

  /** For an engine that is gone: the container's own first process, if it still is that. */
  async #killFirstProcess(): Promise<void> {
    if ((await cgroupPathsOf(this.#pid, this.id)) === null) return;
    try {
      process.kill(this.#pid, 'SIGKILL');
    } catch (error) {
      this.#logger.warn({ err: error, container: this.id }, 'a sandbox could not be killed');
    }
  }
}

class ReadyListener implements FrameListener {
  readonly seen: Promise<void>;
  readonly #resolve: () => void;
  readonly #reject: (error: Error) => void;

  constructor() {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.seen = promise;
    this.#resolve = resolve;
    this.#reject = reject;
    promise.catch(() => {});
  }

  onFrame(frame: Frame): void {
    if (frame.type === 'ready' && parseControl(frame)?.['protocol'] === protocolVersion) this.#resolve();
    else if (frame.type === 'ready') this.fail('its harness speaks another protocol: build the image again');
    else if (frame.type !== 'stdout' && frame.type !== 'stderr')
      this.fail(`a frame of type ${frame.type} before ready`);
  }

  fail(message: string): void {
    this.#reject(new Error(message));
  }

  async room(): Promise<void> {}
}

async function removeContainer(container: Container, logger: Logger): Promise<void> {
  try {
    await bounded(container.remove({ force: true, v: true }));
  } catch (error) {
    if (statusOf(error) === 404 || statusOf(error) === 409) return;
    logger.warn({ err: error, container: container.id }, 'a sandbox could not be removed; the sweep will');
  }
}

async function aborted(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  if (signal.aborted) reject(signal.reason);
  else signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  return await promise;
}

async function drained(stream: Duplex): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  stream.once('drain', resolve);
  stream.once('close', resolve);
  if (stream.destroyed) resolve();
  await promise;
  stream.off('drain', resolve);
  stream.off('close', resolve);
}

/** The promise's value, or undefined when it takes too long. */
async function within<T>(milliseconds: number, promise: Promise<T>): Promise<T | undefined> {
  const { promise: late, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => resolve(undefined), milliseconds);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
