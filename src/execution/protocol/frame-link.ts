/**
 * Frames over one duplex stream, with credit for data on each channel: a sender never has more than the
 * agreed bytes under way, so neither side's memory follows the other's speed.
 */
import type { Duplex } from 'node:stream';
import { drained } from './drained.ts';
import { encodeControl, inFrames, isDataFrame, payloadBytesMax } from './frame.ts';
import type { Frame, FrameType } from './frame.ts';
import { FrameDecoder, parseControl } from './frame-decoder.ts';

export interface FrameLinkOptions {
  /** Types that the other side may send. */
  readonly allowed: Iterable<FrameType>;
  /** Data bytes that may be under way on one channel. */
  readonly creditBytes: number;
  readonly onFrame: (frame: Frame) => void;
  /** Called once, when the link is over; `reason` says why in words for the log. */
  readonly onClosed: (reason: string) => void;
}

/** Bytes that wait for the other side to read: with more, data waits, and what is sent meanwhile is behind no more of it. */
const unsentBytesMax = 256 * 1024;
/** The last so many bytes of somebody's data wait for no one's else: small arguments are not behind large ones. */
const smallBytesMax = 16 * 1024;
/** With so many nobody reads there; small data waits at half of it. */
const stuckBytesMax = 16 * 1024 * 1024;

interface ChannelCredit {
  available: number;
  waiting: (() => void)[];
  isReleased: boolean;
}

export class FrameLink {
  readonly #stream: Duplex;
  readonly #creditBytes: number;
  readonly #credits = new Map<number, ChannelCredit>();
  readonly #taken = new Map<number, number>();
  readonly #onClosed: (reason: string) => void;
  #isClosed = false;
  #isCorked = false;

  constructor(stream: Duplex, options: FrameLinkOptions) {
    this.#stream = stream;
    // Each call whose data waits listens.
    stream.setMaxListeners(0);
    this.#creditBytes = options.creditBytes;
    this.#onClosed = options.onClosed;
    const decoder = new FrameDecoder([...options.allowed, 'credit']);
    stream.on('data', (chunk: Buffer) => {
      const violation = decoder.decode(chunk, (frame) => {
        if (frame.type === 'credit') this.#addCredit(frame);
        else options.onFrame(frame);
      });
      if (violation !== null) this.close(`protocol violation: ${violation.kind}: ${violation.detail}`);
    });
    stream.on('error', (error) => this.close(error.message));
    stream.on('close', () => this.close('closed by the other side'));
    stream.on('end', () => this.close('closed by the other side'));
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Sends a control frame; control frames need no credit. */
  sendControl(type: FrameType, channel: number, payload: object): void {
    this.#write(encodeControl(type, channel, payload));
  }

  /**
   * Sends data in frames of at most 64 KiB, waiting for credit. It must not change afterwards. Returns false when the link
   * closed, or the channel was released, meanwhile.
   */
  async sendData(type: FrameType, channel: number, data: Uint8Array): Promise<boolean> {
    if (!isDataFrame(type)) throw new TypeError(`${type} is not a data frame`);
    for (let offset = 0; offset < data.length;) {
      const credit = this.#creditOf(channel);
      while (credit.available <= 0 && !this.#isClosed && !credit.isReleased) {
        await new Promise<void>((resolve) => credit.waiting.push(resolve));
      }
      const isSmall = data.length - offset <= smallBytesMax;
      const unsentMax = isSmall ? stuckBytesMax / 2 : unsentBytesMax;
      while (this.#stream.writableLength > unsentMax && !this.#isClosed) await drained(this.#stream);
      if (this.#isClosed || credit.isReleased) return false;
      if (credit.available <= 0) continue;
      const length = Math.min(payloadBytesMax, credit.available, data.length - offset);
      credit.available -= length;
      for (const piece of inFrames(type, channel, data.subarray(offset, offset + length))) this.#write(piece);
      offset += length;
    }
    return !this.#isClosed;
  }

  /** Tells the sender that its bytes were used up; grants go out in halves of the window to save frames. */
  grant(channel: number, bytes: number): void {
    const taken = (this.#taken.get(channel) ?? 0) + bytes;
    if (taken < this.#creditBytes / 2) {
      this.#taken.set(channel, taken);
      return;
    }
    this.#taken.set(channel, 0);
    this.sendControl('credit', channel, { bytes: taken });
  }

  /** Forgets a channel whose call is over; whoever still sends on it stops. */
  release(channel: number): void {
    const credit = this.#credits.get(channel);
    if (credit !== undefined) {
      credit.isReleased = true;
      for (const wake of credit.waiting.splice(0)) wake();
    }
    this.#credits.delete(channel);
    this.#taken.delete(channel);
  }

  close(reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const credit of this.#credits.values()) for (const wake of credit.waiting) wake();
    this.#credits.clear();
    this.#stream.destroy();
    this.#onClosed(reason);
  }

  #creditOf(channel: number): ChannelCredit {
    let credit = this.#credits.get(channel);
    if (credit === undefined) {
      credit = { available: this.#creditBytes, waiting: [], isReleased: false };
      this.#credits.set(channel, credit);
    }
    return credit;
  }

  #addCredit(frame: Frame): void {
    const credit = this.#credits.get(frame.channel);
    if (credit === undefined) return;
    const bytes = parseControl(frame)?.['bytes'];
    if (typeof bytes !== 'number' || !(bytes > 0)) return;
    credit.available = Math.min(this.#creditBytes, credit.available + bytes);
    for (const wake of credit.waiting.splice(0)) wake();
  }

  /** Frames of one turn of the event loop leave in one system call. */
  #write(bytes: Uint8Array): void {
    if (this.#isClosed) return;
    if (this.#stream.writableLength > stuckBytesMax) return this.close('the other side does not read');
    if (!this.#isCorked) {
      this.#isCorked = true;
      this.#stream.cork();
      process.nextTick(() => {
        this.#isCorked = false;
        this.#stream.uncork();
      });
    }
    this.#stream.write(bytes);
  }
}
