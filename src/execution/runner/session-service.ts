/**
 * The runner's side of sessions on one link: takes what the api asks for, looks up the profile in the runner's own
 * revision, and answers. Trusted: that revision. Not trusted further than a tool's name: the api.
 */
import { NotStarted } from '../executor.ts';
import type { SandboxExecutor, SandboxProfile } from '../executor.ts';
import type { FileAnswer, FileOperation, SandboxSessions, SessionOwner } from '../sessions.ts';
import { ByteBuffer } from '../protocol/byte-buffer.ts';
import { connectionChannel } from '../protocol/frame.ts';
import type { Frame } from '../protocol/frame.ts';
import { parseControl } from '../protocol/frame-decoder.ts';
import type { FrameLink } from '../protocol/frame-link.ts';
import { capText } from './messages.ts';
import { parseSessionMessage } from './session-messages.ts';
import type { SessionAnswer, SessionMessage } from './session-messages.ts';

export interface SessionServiceOptions {
  readonly link: FrameLink;
  readonly executors: Promise<readonly SandboxExecutor[]>;
  readonly profileOf: (revision: string, tool: string) => SandboxProfile | null;
  readonly logger: { error(fields: object, message: string): void };
}

interface Incoming {
  readonly message: SessionMessage;
  readonly content: ByteBuffer;
  isServed: boolean;
}

/** Requests under way on one link. */
const pendingMax = 256;
const errorTextCharsMax = 4000;

export class SessionService implements Disposable {
  readonly #options: SessionServiceOptions;
  readonly #incoming = new Map<number, Incoming>();
  readonly #subscriptions = new DisposableStack();

  constructor(options: SessionServiceOptions) {
    this.#options = options;
    void this.#tellEnds().catch(() => {});
  }

  /** Whether a channel is one of ours. */
  has(channel: number): boolean {
    return this.#incoming.has(channel);
  }

  /** What is wrong with the frame, or null. */
  open(frame: Frame): string | null {
    const message = parseSessionMessage(parseControl(frame));
    if (message === null || frame.channel === connectionChannel || this.has(frame.channel))
      return 'malformed session frame';
    if (this.#incoming.size >= pendingMax) return 'too many session frames';
    this.#incoming.set(frame.channel, { message, content: new ByteBuffer(), isServed: false });
    return null;
  }

  collect(frame: Frame): string | null {
    const incoming = this.#incoming.get(frame.channel);
    if (incoming === undefined || incoming.isServed) return null;
    if (incoming.content.length + frame.payload.length > announcedBytes(incoming.message))
      return 'more bytes than a session frame announced';
    incoming.content.append(frame.payload);
    this.#options.link.grant(frame.channel, frame.payload.length);
    return null;
  }

  end(channel: number): string | null {
    const incoming = this.#incoming.get(channel);
    if (incoming === undefined || incoming.isServed) return null;
    if (incoming.content.length !== announcedBytes(incoming.message))
      return 'fewer bytes than a session frame announced';
    incoming.isServed = true;
    this.#serve(channel, incoming)
      .catch((error: unknown) => this.#fail(channel, error))
      .finally(() => {
        this.#incoming.delete(channel);
        this.#options.link.release(channel);
      });
    return null;
  }

  [Symbol.dispose](): void {
    this.#subscriptions.dispose();
  }

  async #tellEnds(): Promise<void> {
    const { link } = this.#options;
    for (const { sessions } of await this.#options.executors) {
      if (sessions === undefined || this.#subscriptions.disposed) continue;
      this.#subscriptions.use(
        sessions.onEnded((sessionId, reason) =>
          link.sendControl('sessionEnded', connectionChannel, { sessionId, reason }),
        ),
      );
    }
  }

  async #serve(channel: number, { message, content }: Incoming): Promise<void> {
    const { link } = this.#options;
    const answer = (words: SessionAnswer): void => link.sendControl('sessionAnswer', channel, words);
    if (message.op === 'open') {
      const profile = this.#options.profileOf(message.revision, message.tool);
      if (profile?.kind !== 'container') throw unknownTool(message.revision, message.tool);
      const sessions = await this.#sessions();
      return answer({ kind: 'opened', runtime: await sessions.open(message, profile) });
    }
    const sessions = await this.#sessions();
    const { sessionId } = message;
    const owner: SessionOwner = { tenant: message.tenant, principal: message.principal };
    if ('path' in message) {
      const done = await sessions.exchange(sessionId, owner, operationOf(message, content.bytes));
      if (done.kind === 'refused') return answer(done);
      if (await link.sendData('fileData', channel, contentOf(message, done)))
        answer({ kind: 'done', dropped: done.dropped });
      return;
    }
    if (message.op === 'check') return answer({ kind: 'checked', isHeld: sessions.check(sessionId, owner) });
    await sessions.close(sessionId, owner);
    answer({ kind: 'closed' });
  }

  #fail(channel: number, error: unknown): void {
    const { link, logger } = this.#options;
    if (error instanceof NotStarted) {
      const { code, message } = error;
      return link.sendControl('notStarted', channel, { code, message: capText(message, errorTextCharsMax) });
    }
    logger.error({ err: error }, 'a session request ended in an error of ours');
    link.sendControl('lost', channel, { message: 'the runner lost the request' });
  }

  async #sessions(): Promise<SandboxSessions> {
    const found = (await this.#options.executors).find(({ sessions }) => sessions !== undefined);
    if (found?.sessions === undefined)
      throw new NotStarted('runtime_unavailable', 'The runner has no runtime that keeps sessions.');
    return found.sessions;
  }
}

function announcedBytes(message: SessionMessage): number {
  return message.op === 'put' ? message.dataBytes : 0;
}

function operationOf(message: Extract<SessionMessage, { path: string }>, content: Uint8Array): FileOperation {
  const { path } = message;
  switch (message.op) {
    case 'put':
      return { kind: 'put', path, data: content };
    case 'get':
      return { kind: 'get', path, bytesMax: message.bytesMax };
    case 'list':
      return { kind: 'list', prefix: path };
    case 'remove':
      return { kind: 'remove', path };
    default:
      return message satisfies never;
  }
}

function contentOf({ op }: SessionMessage, done: Extract<FileAnswer, { kind: 'done' }>): Uint8Array {
  return op === 'list' ? Buffer.from(JSON.stringify(done.files)) : done.data;
}

function unknownTool(revision: string, tool: string): NotStarted {
  return new NotStarted(
    'runtime_unavailable',
    `The runner does not hold container tool ${tool} of revision ${revision}.`,
  );
}
