/** The api's side of the link: runs calls on the runner at the other end of one stream. */
import type { Duplex } from 'node:stream';
import { connectionChannel } from '../protocol/frame.ts';
import type { Frame } from '../protocol/frame.ts';
import { parseControl } from '../protocol/frame-decoder.ts';
import { FrameLink } from '../protocol/frame-link.ts';
import { FrameQueue } from '../protocol/frame-queue.ts';
import { Lost, NotStarted } from '../executor.ts';
import type { ExecutionFrame, ExecutionRequest } from '../executor.ts';
import type { OnSessionEnded } from '../sessions.ts';
import { Liveness } from './liveness.ts';
import { creditBytes, protocolVersion } from './messages.ts';
import type { Hello, RunMessage, RunnerHealth } from './messages.ts';
import { parseHello, parseSessionEnded } from './parse-answers.ts';
import { parseHealth } from './parse-health.ts';
import { RunIntake } from './run-intake.ts';
import type { SessionMessage } from './session-messages.ts';
import { SessionRequests } from './session-requests.ts';
import type { AnsweredSession } from './session-requests.ts';

interface PendingRun {
  readonly queue: FrameQueue;
  readonly intake: RunIntake;
}

/** From the start of a call's code, beyond its own time, or from its cancelling, until it has ended, milliseconds. */
const overdueMsMax = 60_000;
/** Until it has started: as long as calls may wait for each other. */
const startMsMax = 3_600_000;

export interface RunnerClientOptions {
  /** Revision that this api decides under; the runner is asked to hold it when they meet. */
  readonly revision: Promise<string>;
  /** This side closed the link: nothing came from the runner any more, or it broke the protocol. */
  readonly onGivenUp: (reason: string) => void;
  /** The runner ended a session by itself, or a call did. */
  readonly onSessionEnded?: OnSessionEnded;
  /** Sandboxes that it removed, each told once. */
  readonly onOrphans?: (containers: readonly string[]) => void;
}

export class RunnerClient {
  readonly #link: FrameLink;
  readonly #liveness: Liveness;
  readonly #runs = new Map<number, PendingRun>();
  readonly #sessions: SessionRequests;
  readonly #options: RunnerClientOptions;
  readonly #hello = Promise.withResolvers<Hello>();
  readonly #closed = Promise.withResolvers<string>();
  /** What the next answer to a greeting settles, in the order in which they were sent. */
  readonly #asked: PromiseWithResolvers<string>[] = [];
  /** The question under way; who asks meanwhile gets its answer. */
  #health: PromiseWithResolvers<RunnerHealth> | null = null;
  #lastChannel: number = connectionChannel;

  constructor(stream: Duplex, options: RunnerClientOptions) {
    this.#options = options;
    this.#link = new FrameLink(stream, {
      allowed: [
        'hello',
        'started',
        'stdout',
        'stderr',
        'result',
        'artifact',
        'artifactData',
        'usage',
        'exit',
        'notStarted',
        'lost',
        'health',
        'pong',
        'fileData',
        'sessionAnswer',
        'sessionEnded',
      ],
      creditBytes,
      onFrame: (frame) => this.#receive(frame),
      onClosed: (reason) => this.#close(reason),
    });
    this.#sessions = new SessionRequests(this.#link);
    this.#liveness = new Liveness({
      ping: () => this.#link.sendControl('ping', connectionChannel, {}),
      onSilent: (reason) => this.#giveUp(reason),
    });
    this.#hello.promise.catch(() => {});
    void this.#greet(options.revision);
  }

  /** What the runner said of itself; rejects when it went away first or speaks another protocol. */
  get hello(): Promise<Hello> {
    return this.#hello.promise;
  }

  /** Resolves with the reason when the link is over. */
  get closed(): Promise<string> {
    return this.#closed.promise;
  }

  /** Calls under way. */
  get callCount(): number {
    return this.#runs.size;
  }

  /** `NotStarted` before anything was written; `Lost` when the link breaks afterwards. */
  async *run(
    request: ExecutionRequest,
    signal: AbortSignal,
  ): AsyncGenerator<ExecutionFrame, void, undefined> {
    if (this.#link.isClosed) throw new NotStarted('runtime_unavailable', 'The runner is not connected.');
    const channel = this.#nextChannel();
    const queue = new FrameQueue((bytes) => this.#link.grant(channel, bytes));
    using overdue = new Overdue(() => {
      this.#link.sendControl('cancel', channel, {});
      queue.end(new Lost('the runner did not end the call in time'));
      this.#link.release(channel);
    });
    const intake = new RunIntake({
      limits: request.limits,
      queue,
      onTaken: (bytes) => this.#link.grant(channel, bytes),
      onStarted: () => overdue.within(request.limits.timeoutMs + overdueMsMax),
    });
    this.#runs.set(channel, { queue, intake });
    const cancel = (): void => {
      overdue.within(overdueMsMax);
      this.#link.sendControl('cancel', channel, {});
    };
    try {
      overdue.within(startMsMax);
      const { args, files = [], session, ...rest } = request;
      const message: RunMessage = {
        ...rest,
        argsBytes: args.length,
        ...(session !== undefined && { sessionId: session.id }),
        ...(files.length > 0 && { files: files.map(({ id, data }) => ({ id, sizeBytes: data.length })) }),
      };
      this.#link.sendControl('run', channel, message);
      signal.addEventListener('abort', cancel, { once: true });
      let isOpen = await this.#link.sendData('args', channel, args);
      for (const { data } of files) isOpen &&= await this.#link.sendData('fileData', channel, data);
      if (isOpen) this.#link.sendControl('end', channel, {});
      if (signal.aborted) cancel();
      yield* queue;
    } finally {
      signal.removeEventListener('abort', cancel);
      if (!queue.isEnded) cancel();
      this.#runs.delete(channel);
      this.#link.release(channel);
    }
  }

  /**
   * Asks the runner to hold a revision; an empty one asks it to look at its files. Resolves with the one that it
   * holds instead, where it does not have it. Rejects when the link breaks.
   */
  async hold(revision: string): Promise<string> {
    await this.#hello.promise;
    if (this.#link.isClosed) throw new Lost('the runner is not connected');
    const asked = Promise.withResolvers<string>();
    this.#asked.push(asked);
    this.#link.sendControl('hello', connectionChannel, {
      protocol: protocolVersion,
      revision,
    } satisfies Hello);
    return asked.promise;
  }

  /** `NotStarted` when nothing was done; `Lost` when the link breaks meanwhile. */
  async askSession(message: SessionMessage, data: Uint8Array): Promise<AnsweredSession> {
    if (this.#link.isClosed) throw new NotStarted('runtime_unavailable', 'The runner is not connected.');
    return await this.#sessions.send(this.#nextChannel(), message, data);
  }

  /** Asks every runtime how it is. Rejects when the link breaks. */
  async health(): Promise<RunnerHealth> {
    if (this.#link.isClosed) throw new Lost('the runner is not connected');
    if (this.#health === null) {
      this.#health = Promise.withResolvers<RunnerHealth>();
      this.#link.sendControl('health', connectionChannel, {});
    }
    return this.#health.promise;
  }

  close(): void {
    this.#link.close('closed by this side');
  }

  async #greet(decidedUnder: Promise<string>): Promise<void> {
    try {
      const hello: Hello = { protocol: protocolVersion, revision: await decidedUnder };
      this.#link.sendControl('hello', connectionChannel, hello);
    } catch {
      this.#link.close('this side has no policy');
    }
  }

  #nextChannel(): number {
    do this.#lastChannel = (this.#lastChannel % 0x7fffffff) + 1;
    while (this.#runs.has(this.#lastChannel) || this.#sessions.has(this.#lastChannel));
    return this.#lastChannel;
  }

  #receive(frame: Frame): void {
    this.#liveness.heard();
    if (frame.type === 'pong') return;
    if (frame.channel === connectionChannel) return this.#receiveOwn(frame);
    const run = this.#runs.get(frame.channel);
    if (run === undefined) {
      const fault = this.#sessions.receive(frame);
      if (fault !== null) this.#giveUp(brokeProtocol(fault));
      return;
    }
    const fault = run.intake.receive(frame);
    if (fault !== null) this.#giveUp(brokeProtocol(fault));
    // Also wakes whoever still sends its arguments: nobody takes them any more.
    else if (run.queue.isEnded) this.#link.release(frame.channel);
  }

  #receiveOwn(frame: Frame): void {
    const fields = parseControl(frame);
    if (fields === null) return this.#giveUp(brokeProtocol(`a malformed ${frame.type} frame`));
    if (frame.type === 'health') {
      const health = parseHealth(fields);
      // Unasked it could fill the record with what it removed.
      if (health === null || this.#health === null) return this.#giveUp(brokeProtocol('how it is'));
      this.#health.resolve(health);
      this.#health = null;
      if (health.orphans.length > 0) this.#options.onOrphans?.(health.orphans);
      return;
    }
    if (frame.type === 'sessionEnded') {
      const ended = parseSessionEnded(fields);
      if (ended === null) return this.#giveUp(brokeProtocol('an end of a session'));
      this.#options.onSessionEnded?.(ended.sessionId, ended.reason);
      return;
    }
    const hello = parseHello(fields);
    if (hello === null) return this.#giveUp(brokeProtocol('a greeting'));
    const asked = this.#asked.shift();
    if (hello.protocol === protocolVersion && asked !== undefined) asked.resolve(hello.revision);
    else if (hello.protocol === protocolVersion) this.#hello.resolve(hello);
    else
      this.#link.close(
        `the runner speaks protocol ${hello.protocol}, this api ${protocolVersion}; use one version of both`,
      );
  }

  #giveUp(reason: string): void {
    this.#link.close(reason);
    this.#options.onGivenUp(reason);
  }

  #close(reason: string): void {
    this.#liveness[Symbol.dispose]();
    const lost = new Lost(`the runner went away: ${reason}`);
    this.#hello.reject(lost);
    for (const asked of this.#asked.splice(0)) asked.reject(lost);
    for (const { queue } of this.#runs.values()) queue.end(lost);
    this.#sessions.close(lost);
    this.#health?.reject(lost);
    this.#health = null;
    this.#closed.resolve(reason);
  }
}

function brokeProtocol(how: string): string {
  return `it broke the protocol: ${how}`;
}

/** For a call that its runner does not end: whether it ran to its end is not known then. */
class Overdue implements Disposable {
  readonly #onOverdue: () => void;
  #timer: NodeJS.Timeout | null = null;

  constructor(onOverdue: () => void) {
    this.#onOverdue = onOverdue;
  }

  /** From now on, whatever was said before. */
  within(ms: number): void {
    this[Symbol.dispose]();
    this.#timer = setTimeout(this.#onOverdue, ms);
  }

  [Symbol.dispose](): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
  }
}
