/**
 * The worker's end of its connection: blocking reads and writes on one descriptor, or on two. Nothing else runs in this
 * process while it waits, so blocking costs nothing and saves two turns of the event loop a call.
 * The runner is trusted; what it sends is still checked for shape, because a bug there must not go on here.
 */
import { readSync, writeSync } from 'node:fs';
import { encodeControl, inFrames, payloadBytesMax, soleCallChannel } from '../../protocol/frame.ts';
import type { Frame } from '../../protocol/frame.ts';
import { FrameDecoder, parseControl } from '../../protocol/frame-decoder.ts';
import type { EndedMessage, RunMessage } from './messages.ts';

/** One call as it came in. `code` is null when the source is in the arguments. */
export interface WorkerCall {
  readonly limits: RunMessage;
  readonly code: { readonly name: string; readonly source: string } | null;
  readonly args: string;
}

export class WorkerChannel {
  readonly #input: number;
  readonly #output: number;
  readonly #chunk = Buffer.allocUnsafe(payloadBytesMax);
  #isBroken = false;

  constructor(descriptors: { readonly input: number; readonly output: number }) {
    this.#input = descriptors.input;
    this.#output = descriptors.output;
  }

  /** Waits for a whole call. Null when the runner hung up. */
  receive(): WorkerCall | null {
    const inbox = new CallInbox();
    const decoder = new FrameDecoder(['run', 'file', 'fileData', 'args', 'end']);
    while (!inbox.isComplete) {
      const length = readSync(this.#input, this.#chunk);
      if (length === 0) return null;
      const violation = decoder.decode(this.#chunk.subarray(0, length), (frame) => inbox.take(frame));
      if (violation !== null) throw new Error(`the runner broke the protocol: ${violation.detail}`);
    }
    return inbox.open();
  }

  sendControl(type: 'ready' | 'ended', payload: object): void {
    this.#write(encodeControl(type, soleCallChannel, payload));
  }

  sendLog(type: 'stdout' | 'stderr', data: Buffer): void {
    this.#write(...inFrames(type, soleCallChannel, data));
  }

  /** The result, if any, and the end in one write. */
  sendEnd(result: Buffer | null, ended: EndedMessage): void {
    this.#write(
      ...(result === null ? [] : inFrames('result', soleCallChannel, result)),
      encodeControl('ended', soleCallChannel, ended),
    );
  }

  /** After half a frame nothing more is sent: the guest's next text would pass for the rest of it. */
  #write(...frames: Uint8Array[]): void {
    if (this.#isBroken) throw new Error('an earlier write to the runner ended in the middle of a frame');
    const bytes = Buffer.concat(frames);
    let sent = 0;
    try {
      while (sent < bytes.length) sent += writeSync(this.#output, bytes, sent);
    } finally {
      this.#isBroken = sent > 0 && sent < bytes.length;
    }
  }
}

class CallInbox {
  #limits: RunMessage | null = null;
  #name: string | null = null;
  readonly #source: Buffer[] = [];
  readonly #args: Buffer[] = [];
  isComplete = false;

  take(frame: Frame): void {
    if (frame.type === 'run') this.#limits = parseControl(frame) as RunMessage | null;
    if (frame.type === 'file') this.#name = String(parseControl(frame)?.['path']);
    if (frame.type === 'fileData') this.#source.push(Buffer.from(frame.payload));
    if (frame.type === 'args') this.#args.push(Buffer.from(frame.payload));
    if (frame.type === 'end') this.isComplete = true;
  }

  open(): WorkerCall {
    if (this.#limits === null) throw new Error('the runner sent a call without its run frame');
    const source = Buffer.concat(this.#source).toString('utf8');
    return {
      limits: this.#limits,
      code: this.#name === null ? null : { name: this.#name, source },
      args: Buffer.concat(this.#args).toString('utf8'),
    };
  }
}
