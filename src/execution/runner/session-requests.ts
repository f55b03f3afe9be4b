/** The api's side of sessions on one link: each request has a channel, its bytes go first, then comes the answer. */
import { Lost, NotStarted } from '../executor.ts';
import type { Frame } from '../protocol/frame.ts';
import { parseControl } from '../protocol/frame-decoder.ts';
import type { FrameLink } from '../protocol/frame-link.ts';
import type { NotStartedMessage } from './messages.ts';
import type { SessionAnswer, SessionMessage } from './session-messages.ts';

export interface AnsweredSession {
  readonly answer: SessionAnswer;
  readonly data: Uint8Array;
}

interface Pending extends PromiseWithResolvers<AnsweredSession> {
  readonly chunks: Uint8Array[];
}

export class SessionRequests {
  readonly #link: FrameLink;
  readonly #pending = new Map<number, Pending>();

  constructor(link: FrameLink) {
    this.#link = link;
  }

  has(channel: number): boolean {
    return this.#pending.has(channel);
  }

  /** Rejects with NotStarted when nothing was done, with Lost when the link breaks meanwhile. */
  async send(channel: number, message: SessionMessage, data: Uint8Array): Promise<AnsweredSession> {
    const pending: Pending = { ...Promise.withResolvers<AnsweredSession>(), chunks: [] };
    pending.promise.catch(() => {});
    this.#pending.set(channel, pending);
    try {
      this.#link.sendControl('session', channel, message);
      if (await this.#link.sendData('fileData', channel, data)) this.#link.sendControl('end', channel, {});
      return await pending.promise;
    } finally {
      this.#pending.delete(channel);
      this.#link.release(channel);
    }
  }

  /** What is wrong with the frame, or null. */
  receive(frame: Frame): string | null {
    const pending = this.#pending.get(frame.channel);
    if (pending === undefined) return null;
    if (frame.type === 'fileData') {
      pending.chunks.push(Uint8Array.from(frame.payload));
      this.#link.grant(frame.channel, frame.payload.length);
      return null;
    }
    const fields: unknown = parseControl(frame);
    if (fields === null) return `malformed ${frame.type} frame`;
    switch (frame.type) {
      case 'sessionAnswer':
        pending.resolve({ answer: fields as SessionAnswer, data: Buffer.concat(pending.chunks) });
        return null;
      case 'notStarted': {
        const { code, message } = fields as NotStartedMessage;
        pending.reject(new NotStarted(code, message));
        return null;
      }
      case 'lost':
        pending.reject(new Lost('the runner lost the request'));
        return null;
      default:
        return `unexpected ${frame.type} frame`;
    }
  }

  close(lost: Lost): void {
    for (const { reject } of this.#pending.values()) reject(lost);
  }
}
