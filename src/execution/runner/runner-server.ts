/**
 * The runner's side of the link: takes run requests from the api, builds each sandbox from its own revision,
 * streams frames back. Trusted: its own policy. Not trusted further than a tool's name: the api.
 */
import type { Duplex } from 'node:stream';
import { ByteBuffer } from '../protocol/byte-buffer.ts';
import { connectionChannel } from '../protocol/frame.ts';
import type { Frame } from '../protocol/frame.ts';
import { parseControl } from '../protocol/frame-decoder.ts';
import { FrameLink } from '../protocol/frame-link.ts';
import { Lost, NotStarted, orphansMax } from '../executor.ts';
import type {
  ExecutionFrame,
  ExecutorHealth,
  NotStartedCode,
  SandboxExecutor,
  SandboxProfile,
  StoredContent,
} from '../executor.ts';
import {
  callsMax,
  capText,
  clampLimits,
  creditBytes,
  heldBytesMax,
  parseRunMessage,
  protocolVersion,
} from './messages.ts';
import type { Hello, RunMessage, RunnerHealth } from './messages.ts';
import type { SeenCalls } from './seen-calls.ts';
import { SessionService } from './session-service.ts';
import { within } from '../../model/within.ts';

export interface RunnerServerOptions {
  readonly stream: Duplex;
  readonly revisions: HeldRevisions;
  /** May still be starting: calls and health checks wait for it. */
  readonly executors: Promise<readonly SandboxExecutor[]>;
  readonly seenCalls: SeenCalls;
  readonly logger: {
    warn(fields: object, message: string): void;
    error(fields: object, message: string): void;
  };
  /** The api went away: every sandbox has been told to end. */
  readonly onClosed: (reason: string) => void;
}

/** What the runner compiled for itself. */
export interface HeldRevisions {
  /** Resolves with `wanted` when it is held, if need be after another look at the policy files; else with the latest. */
  hold(wanted: string): Promise<string>;
  /** The sandbox of a tool in a revision; null when either is unknown. */
  profileOf(revision: string, tool: string): SandboxProfile | null;
}

interface Incoming {
  readonly message: RunMessage;
  readonly args: IncomingBytes;
  readonly files: IncomingBytes;
  readonly abort: AbortController;
  isRunning: boolean;
}

interface IncomingBytes {
  readonly announcedBytes: number;
  readonly content: ByteBuffer;
}

interface Objection {
  readonly code: NotStartedCode;
  readonly message: string;
}

const errorTextCharsMax = 4000;
/** From connecting until the greeting, milliseconds; the api may have its policy to compile first. */
const greetingMsMax = 60_000;
/** Greetings of one connection that may wait for their answer. */
const greetingsMax = 64;
/** How long one runtime may take to say how it is; shorter than the api waits for all of them. */
const executorHealthMsMax = 4000;

export class RunnerServer {
  readonly #options: RunnerServerOptions;
  readonly #link: FrameLink;
  readonly #sessions: SessionService;
  readonly #calls = new Map<number, Incoming>();
  /** The api speaks this protocol. */
  #isGreeted = false;
  /** Greetings that wait for a look at the policy files. */
  #greetings = 0;
  #announcedBytes = 0;
  #isReporting = false;
  readonly #greetingTimer: NodeJS.Timeout;

  constructor(options: RunnerServerOptions) {
    this.#options = options;
    this.#link = new FrameLink(options.stream, {
      allowed: ['hello', 'run', 'args', 'fileData', 'end', 'cancel', 'health', 'ping', 'session'],
      creditBytes,
      onFrame: (frame) => this.#receive(frame),
      onClosed: (reason) => {
        clearTimeout(this.#greetingTimer);
        this.#sessions[Symbol.dispose]();
        for (const call of this.#calls.values()) call.abort.abort();
        options.onClosed(reason);
      },
    });
    this.#greetingTimer = setTimeout(() => {
      if (!this.#isGreeted) this.#link.close(`no greeting within ${greetingMsMax} ms`);
    }, greetingMsMax);
    this.#sessions = new SessionService({
      link: this.#link,
      executors: options.executors,
      profileOf: (revision, tool) => options.revisions.profileOf(revision, tool),
      logger: options.logger,
    });
  }

  /** Calls that are being received or run. */
  get callCount(): number {
    return this.#calls.size;
  }

  #receive(frame: Frame): void {
    switch (frame.type) {
      case 'hello':
        return this.#greet(frame);
      case 'run':
        return this.#open(frame);
      case 'session':
        return this.#reject(this.#isGreeted ? this.#openSession(frame) : 'a session before the greeting');
      case 'args':
        return this.#collect(frame, 'args');
      case 'fileData':
        if (this.#sessions.has(frame.channel)) return this.#reject(this.#sessions.collect(frame));
        return this.#collect(frame, 'files');
      case 'end':
        if (this.#sessions.has(frame.channel)) return this.#reject(this.#sessions.end(frame.channel));
        return this.#start(frame.channel);
      case 'cancel':
        this.#calls.get(frame.channel)?.abort.abort();
        return;
      case 'ping':
        return this.#link.sendControl('pong', connectionChannel, {});
      case 'health':
        this.#reportHealth().catch((error: unknown) =>
          this.#options.logger.error({ err: error }, 'health check failed'),
        );
        return;
      default:
        this.#link.close(`unexpected ${frame.type} frame`);
    }
  }

  #greet(frame: Frame): void {
    const hello = parseControl(frame);
    const wanted = hello?.['revision'];
    const answer = (revision: string): void =>
      this.#link.sendControl('hello', connectionChannel, {
        protocol: protocolVersion,
        revision,
      } satisfies Hello);
    if (hello?.['protocol'] !== protocolVersion || typeof wanted !== 'string') {
      const spoken = String(hello?.['protocol']);
      this.#options.logger.warn({ spoken, known: protocolVersion }, 'an api speaks another protocol');
      // It hangs up by itself when it reads our version, and then knows why.
      return answer('');
    }
    this.#isGreeted = true;
    if (this.#greetings >= greetingsMax) return this.#link.close('too many greetings at once');
    this.#greetings += 1;
    this.#options.revisions
      .hold(wanted)
      .then(answer, (error: unknown) => {
        this.#options.logger.error({ err: error }, 'policy cannot be read');
        this.#link.close('the runner cannot read its policy');
      })
      .finally(() => {
        this.#greetings -= 1;
      });
  }

  #open(frame: Frame): void {
    const { channel } = frame;
    const message = parseRunMessage(parseControl(frame));
    if (!this.#isGreeted) return this.#link.close('a call before the greeting');
    const isTaken = this.#calls.has(channel) || this.#sessions.has(channel);
    if (message === null || channel === connectionChannel || isTaken) {
      this.#link.close('malformed run frame');
      return;
    }
    const [argsBytes, filesBytes] = [message.argsBytes, filesBytesOf(message)];
    const announcedBytes = argsBytes + filesBytes;
    const objection = this.#objectionTo(announcedBytes) ?? this.#objectionToId(message.callId);
    if (objection !== null) return this.#refuse(channel, objection.code, objection.message);
    this.#announcedBytes += announcedBytes;
    this.#calls.set(channel, {
      message,
      args: { announcedBytes: argsBytes, content: new ByteBuffer(argsBytes) },
      files: { announcedBytes: filesBytes, content: new ByteBuffer(filesBytes) },
      abort: new AbortController(),
      isRunning: false,
    });
  }

  #openSession(frame: Frame): string | null {
    return this.#calls.has(frame.channel) ? 'malformed session frame' : this.#sessions.open(frame);
  }

  #reject(fault: string | null): void {
    if (fault !== null) this.#link.close(fault);
  }

  #collect(frame: Frame, part: 'args' | 'files'): void {
    const call = this.#calls.get(frame.channel);
    if (call === undefined || call.isRunning) return;
    const { announcedBytes, content } = call[part];
    if (content.length + frame.payload.length > announcedBytes) {
      this.#link.close('more bytes than the run frame announced');
      return;
    }
    content.append(frame.payload);
    this.#link.grant(frame.channel, frame.payload.length);
  }

  #start(channel: number): void {
    const call = this.#calls.get(channel);
    if (call === undefined || call.isRunning) return;
    if ([call.args, call.files].some(({ announcedBytes, content }) => content.length !== announcedBytes)) {
      this.#link.close('fewer bytes than the run frame announced');
      return;
    }
    call.isRunning = true;
    this.#run(channel, call)
      .catch((error: unknown) => {
        this.#options.logger.error(
          { err: error, callId: call.message.callId },
          'a run ended in an error of ours',
        );
        this.#link.sendControl('lost', channel, { message: 'the runner lost the call' });
      })
      .finally(() => {
        this.#calls.delete(channel);
        this.#announcedBytes -= call.args.announcedBytes + call.files.announcedBytes;
        this.#link.release(channel);
      });
  }

  async #run(channel: number, call: Incoming): Promise<void> {
    const { message } = call;
    const profile = this.#options.revisions.profileOf(message.revision, message.tool);
    if (profile === null) {
      this.#refuse(
        channel,
        'runtime_unavailable',
        `The runner does not hold tool ${message.tool} of revision ${message.revision}.`,
      );
      return;
    }
    const executors = await this.#options.executors;
    const executor = executors.find((candidate) => candidate.kind === profile.kind);
    if (executor === undefined) {
      this.#refuse(channel, 'runtime_unavailable', `The runner has no ${profile.kind} runtime.`);
      return;
    }
    const { argsBytes: _argsBytes, files: _files, sessionId, ...asked } = message;
    const limits = clampLimits(message.limits, profile.limits);
    const args = call.args.content.bytes;
    const session = sessionId === undefined ? {} : { session: { id: sessionId, runner: '' } };
    const request = { ...asked, limits, args, profile, files: storedContents(call), ...session };
    let hasExited = false;
    try {
      for await (const frame of executor.run(request, call.abort.signal)) {
        if (!(await this.#forward(channel, frame))) call.abort.abort();
        hasExited ||= frame.type === 'exit';
      }
      if (!hasExited) throw new Lost(`the ${profile.kind} executor ended without an exit frame`);
    } catch (error) {
      if (error instanceof NotStarted) this.#refuse(channel, error.code, error.message);
      else throw error;
    }
  }

  /** False when the api is gone; the loop then keeps draining until the sandbox has ended. */
  async #forward(channel: number, frame: ExecutionFrame): Promise<boolean> {
    if (this.#link.isClosed) return false;
    switch (frame.type) {
      case 'stdout':
      case 'stderr':
      case 'result':
        return this.#link.sendData(frame.type, channel, frame.data);
      case 'artifact':
        this.#link.sendControl('artifact', channel, { name: frame.name });
        return this.#link.sendData('artifactData', channel, frame.data);
      case 'started':
        this.#link.sendControl('started', channel, frame.runtime);
        return true;
      case 'usage': {
        const { type: _type, ...usage } = frame;
        this.#link.sendControl('usage', channel, usage);
        return true;
      }
      case 'exit': {
        this.#link.sendControl('exit', channel, {
          reason: frame.reason,
          error: frame.error && capError(frame.error),
        });
        return true;
      }
    }
  }

  #objectionTo(announcedBytes: number): Objection | null {
    if (this.#calls.size < callsMax && this.#announcedBytes + announcedBytes <= heldBytesMax) return null;
    return { code: 'overloaded', message: 'The runner has more calls of this server than it can hold.' };
  }

  #objectionToId(callId: string): Objection | null {
    const verdict = this.#options.seenCalls.add(callId);
    if (verdict === 'new') return null;
    const message =
      verdict === 'seen'
        ? `The runner has seen ${callId} before and runs nothing twice.`
        : `${callId} is of a time to come: set the clocks of server and runner.`;
    return { code: 'runtime_unavailable', message };
  }

  #refuse(channel: number, code: string, message: string): void {
    this.#link.sendControl('notStarted', channel, { code, message: capText(message, errorTextCharsMax) });
  }

  /** One look serves all who ask meanwhile. */
  async #reportHealth(): Promise<void> {
    if (this.#isReporting) return;
    this.#isReporting = true;
    try {
      const ready = await this.#options.executors;
      const executors = await Promise.all(ready.map(healthOf));
      const orphans = ready.flatMap((executor) => executor.takeOrphans?.() ?? []).slice(-orphansMax);
      const health: RunnerHealth = { executors, orphans };
      this.#link.sendControl('health', connectionChannel, health);
    } finally {
      this.#isReporting = false;
    }
  }
}

function filesBytesOf({ files = [] }: RunMessage): number {
  return files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

/** One after the other, as they were announced. */
function storedContents({ message, files }: Incoming): StoredContent[] {
  const all = files.content.bytes;
  let at = 0;
  return (message.files ?? []).map(({ id, sizeBytes }) => {
    at += sizeBytes;
    return { id, data: all.subarray(at - sizeBytes, at) };
  });
}

/** A runtime that does not say how it is in time is down; the others are not. */
async function healthOf(executor: SandboxExecutor): Promise<ExecutorHealth> {
  const { kind } = executor;
  try {
    return await within(executorHealthMsMax, executor.health());
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'no answer';
    return { kind, state: 'down', confinement: 'unknown', reason };
  }
}

/** Guest text in an `exit` frame: short enough that its JSON fits one control frame however it escapes. */
function capError(error: {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
}): object {
  return {
    name: capText(error.name, 200),
    message: capText(error.message, errorTextCharsMax),
    ...(error.stack === undefined ? {} : { stack: capText(error.stack, errorTextCharsMax) }),
  };
}
