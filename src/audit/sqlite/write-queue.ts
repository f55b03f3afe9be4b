/**
 * The api's side of the writer's thread: bounded, in order, one message a turn of the event loop.
 * A thread that dies takes its unanswered writes with it as failures; the next write starts another.
 */
import { getCompileCacheDir } from 'node:module';
import { dirname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { RecordUnavailable } from '../record.ts';
import { failureError, queuedBytesMax, queuedWritesMax, queueFull, writeBytes } from '../write-limits.ts';
import type { WriteSink } from '../chained-record.ts';
import { recordUnavailable } from './connection.ts';
import type { ChainHead } from '../chain.ts';
import type { Commit, SealedWrite, ThreadStart, ToThread } from '../sealed-write.ts';

/** A commit that takes longer than this at the end is given up, milliseconds; nothing in it was acknowledged. */
const closeMsMax = 10_000;

interface Waiting {
  /** null: the file is rewritten. */
  readonly write: SealedWrite | null;
  readonly bytes: number;
  readonly resolve: (place: ChainHead) => void;
  readonly reject: (error: unknown) => void;
}

export class WriteQueue implements WriteSink {
  readonly isConnected = true;
  readonly #start: ThreadStart;
  #thread: Worker | null = null;
  /** Of this turn, not yet sent. */
  #unsent: Waiting[] = [];
  /** Sent and not yet answered, in order. */
  #sent: Waiting[] = [];
  #bytes = 0;
  #closed = false;

  constructor(start: ThreadStart) {
    this.#start = start;
  }

  /** The head that the write's events follow, once they are durable. Rejects with `IdempotencyTaken`, `ApprovalSettled` or `RecordUnavailable`. */
  push(write: SealedWrite): Promise<ChainHead> {
    const bytes = writeBytes(write);
    if (this.#closed) return Promise.reject(new RecordUnavailable('The record is closed.'));
    const full =
      this.#unsent.length + this.#sent.length >= queuedWritesMax || this.#bytes + bytes > queuedBytesMax;
    if (full) return Promise.reject(new RecordUnavailable(queueFull));
    return new Promise((resolve, reject) => {
      if (this.#unsent.length === 0) setImmediate(() => this.#send());
      this.#unsent.push({ write, bytes, resolve, reject });
      this.#bytes += bytes;
    });
  }

  /** Rewrites the file after what was pushed before. Rejects with `RecordUnavailable`. */
  scrub(): Promise<unknown> {
    if (this.#closed) return Promise.reject(new RecordUnavailable('The record is closed.'));
    return new Promise((resolve, reject) => {
      this.#send();
      this.#post([{ write: null, bytes: 0, resolve, reject }], { kind: 'scrub' });
    });
  }

  /** Waits for what was pushed, then ends the thread. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#send();
    const thread = this.#thread;
    if (thread === null) return;
    const ended = new Promise((resolve) => thread.once('exit', resolve));
    thread.postMessage({ kind: 'close' } satisfies ToThread, []);
    const timer = setTimeout(() => void thread.terminate(), closeMsMax);
    await ended;
    clearTimeout(timer);
  }

  #send(): void {
    const waiting = this.#unsent;
    if (waiting.length === 0) return;
    this.#unsent = [];
    this.#post(waiting, {
      kind: 'writes',
      writes: waiting.flatMap(({ write }) => (write === null ? [] : [write])),
    });
  }

  #post(waiting: Waiting[], message: ToThread): void {
    try {
      const thread = (this.#thread ??= this.#startThread());
      // An idle record must not keep the process alive; a write that waits must.
      thread.ref();
      thread.postMessage(message, []);
    } catch (error) {
      this.#lose(waiting, error);
      return;
    }
    this.#sent = this.#sent.length === 0 ? waiting : [...this.#sent, ...waiting];
  }

  #startThread(): Worker {
    const thread = new Worker(new URL('./writer-thread.ts', import.meta.url), {
      workerData: this.#start,
      env: threadEnvironment(),
      name: 'record-writer',
    });
    let failure: unknown = null;
    thread.on('message', (commit: Commit) => this.#answer(commit));
    thread.on('error', (error) => {
      failure = error;
    });
    thread.on('exit', () => {
      if (this.#thread === thread) this.#thread = null;
      this.#lose(this.#sent, failure);
      this.#sent = [];
    });
    return thread;
  }

  #answer(commit: Commit): void {
    const answered = this.#sent.splice(0, commit.length);
    if (this.#sent.length === 0) this.#thread?.unref();
    for (const [index, result] of commit.entries()) {
      const waiting = answered[index];
      if (waiting === undefined) continue;
      this.#bytes -= waiting.bytes;
      if (result.kind === 'stored') waiting.resolve(result);
      else waiting.reject(failureError(result, recordUnavailable));
    }
  }

  #lose(lost: readonly Waiting[], failure: unknown): void {
    for (const { bytes, reject } of lost) {
      this.#bytes -= bytes;
      reject(new RecordUnavailable('The record is unavailable: its writer ended.', { cause: failure }));
    }
  }
}

/** Nothing of ours but the compile cache, which spares the thread 30 MB and 100 ms of stripping types again. */
function threadEnvironment(): Record<string, string> {
  const directory = getCompileCacheDir();
  return directory === undefined ? {} : { NODE_COMPILE_CACHE: dirname(directory) };
}
