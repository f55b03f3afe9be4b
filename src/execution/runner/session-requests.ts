/** The api's side of sessions on one link: each request has a channel, its bytes go first, then comes the answer. */
import { Lost, NotStarted } from '../executor.ts';
import type { Frame } from '../protocol/frame.ts';
import { parseControl } from '../protocol/frame-decoder.ts';
import type { FrameLink } from '../protocol/frame-link.ts';
import { ByteBuffer } from '../protocol/byte-buffer.ts';
import { parseNotStarted } from './parse-answers.ts';
import { answerBytesMax, parseSessionAnswer } from './session-messages.ts';
import type { SessionAnswer, SessionMessage } from './session-messages.ts';

/** From the question until its answer, milliseconds: longer than a container takes to start, or a file to move. */
const answerMsMax = 120_000;

export interface AnsweredSession {
  readonly answer: SessionAnswer;
  readonly data: Uint8Array;
}

interface Pending extends PromiseWithResolvers<AnsweredSession> {
  readonly content: ByteBuffer;
  readonly bytesMax: number;
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
    const pending: Pending = {
      ...Promise.withResolvers<AnsweredSession>(),
      content: new ByteBuffer(),
      bytesMax: answerBytesMax(message),
    };
    pending.promise.catch(() => {});
    this.#pending.set(channel, pending);
    const overdue = setTimeout(() => {
      pending.reject(new Lost('the runner did not answer in time'));
      this.#link.release(channel);
    }, answerMsMax);
    try {
      this.#link.sendControl('session', channel, message);
      if (await this.#link.sendData('fileData', channel, data)) this.#link.sendControl('end', channel, {});
      return await pending.promise;
    } finally {
      clearTimeout(overdue);
      this.#pending.delete(channel);
      this.#link.release(channel);
    }
  }

  /** What is wrong with the frame, or null. */
  receive(frame: Frame): string | null {
    const pending = this.#pending.get(frame.channel);
    if (pending === undefined) return null;
    if (frame.type === 'fileData') {
      if (frame.payload.length === 0) return 'fileData without bytes';
      if (pending.content.length + frame.payload.length > pending.bytesMax)
        return 'more bytes than were asked for';
      pending.content.append(frame.payload);
      this.#link.grant(frame.channel, frame.payload.length);
      return null;
    }
    const fields = parseControl(frame);
    switch (frame.type) {
      case 'sessionAnswer': {
        const answer = parseSessionAnswer(fields);
        if (answer === null) return 'an answer about a session that is not understood';
        pending.resolve({ answer, data: pending.content.bytes });
        return null;
      }
      case 'notStarted': {
        const refused = parseNotStarted(fields);
        if (refused === null) return 'a refusal that is not understood';
        pending.reject(new NotStarted(refused.code, refused.message));
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
