/**
 * What waits for PostgreSQL: bounded, in order, one transaction at a time. What arrived while a commit ran goes into
 * the next one together. Between commits the writer says that it is alive.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { RecordUnavailable } from '../record.ts';
import {
  batchWritesMax,
  failureError,
  queuedBytesMax,
  queuedWritesMax,
  queueFull,
  writeBytes,
} from '../write-limits.ts';
import { recordUnavailable } from './connection.ts';
import type { ChainHead } from '../chain.ts';
import type { WriteSink } from '../chained-record.ts';
import type { SealedWrite } from '../sealed-write.ts';
import type { PostgresCommitter } from './committer.ts';

/** A twelfth of the silence after which others take this writer for dead, milliseconds. */
const beatEveryMs = 5_000;

/** What is not committed so long after the end began is given up, milliseconds; nothing in it was acknowledged. */
const closeMsMax = 10_000;

/** Resolves once nothing is in the way, with what makes the tables forget. */
export type PrepareRewrite = () => Promise<() => Promise<void>>;

interface Waiting {
  readonly write: SealedWrite;
  readonly bytes: number;
  readonly resolve: (place: ChainHead) => void;
  readonly reject: (error: unknown) => void;
}

export class BatchQueue implements WriteSink {
  readonly #committer: PostgresCommitter;
  readonly #prepareRewrite: PrepareRewrite;
  readonly #beatEveryMs: number;
  /** Scrubs, one after the other: each waits for what is in its way, and then rewrites. */
  #scrubbing: Promise<unknown> = Promise.resolve();
  #rewriting: Promise<unknown> = Promise.resolve();
  /** The commit under way. */
  #committing: Promise<unknown> = Promise.resolve();
  readonly #timer: NodeJS.Timeout;
  #waiting: Waiting[] = [];
  #underwayCount = 0;
  #bytes = 0;
  #working: Promise<void> | null = null;
  #isBeatDue = false;
  #closed = false;

  /** Takes over the committer, which is open: disposing disposes it. `beatEveryMs` is the usual one where it is left out. */
  constructor(committer: PostgresCommitter, prepareRewrite: PrepareRewrite, everyMs = beatEveryMs) {
    this.#committer = committer;
    this.#prepareRewrite = prepareRewrite;
    this.#beatEveryMs = everyMs;
    this.#timer = setInterval(() => {
      this.#isBeatDue = true;
      this.#work();
    }, everyMs).unref();
  }

  get isConnected(): boolean {
    return this.#committer.isConnected;
  }

  push(write: SealedWrite): Promise<ChainHead> {
    const bytes = writeBytes(write);
    if (this.#closed) return Promise.reject(new RecordUnavailable('The record is closed.'));
    const count = this.#waiting.length + this.#underwayCount;
    if (count >= queuedWritesMax || this.#bytes + bytes > queuedBytesMax)
      return Promise.reject(new RecordUnavailable(queueFull));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ write, bytes, resolve, reject });
      this.#bytes += bytes;
      this.#work();
    });
  }

  /** Writes wait while the tables are rewritten; those of other nodes may be refused. Rejects with `RecordUnavailable`. */
  scrub(): Promise<unknown> {
    if (this.#closed) return Promise.reject(new RecordUnavailable('The record is closed.'));
    const scrubbed = this.#scrubbing
      .then(() => this.#scrub())
      .catch((error: unknown) => {
        throw recordUnavailable(error);
      });
    this.#scrubbing = scrubbed.catch(() => {});
    return scrubbed;
  }

  async #scrub(): Promise<void> {
    const rewrite = await this.#prepareRewrite();
    // For the commit, not for the run that it is of: that one waits for us.
    const rewriting = this.#committing.then(rewrite);
    this.#rewriting = rewriting.catch(() => {});
    await rewriting;
  }

  /** Commits what was pushed, then lets the chain go. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#timer);
    const timer = setTimeout(() => this.#committer.giveUp(), closeMsMax);
    await this.#scrubbing;
    await this.#working;
    clearTimeout(timer);
    await this.#committer[Symbol.asyncDispose]();
  }

  #work(): void {
    this.#working ??= this.#run().finally(() => {
      this.#working = null;
    });
  }

  async #run(): Promise<void> {
    // Writes of one turn of the event loop go together.
    await new Promise((resolve) => setImmediate(resolve));
    for (;;) {
      await this.#rewritten();
      if (this.#waiting.length === 0) break;
      const batch = this.#waiting.splice(0, batchWritesMax);
      this.#underwayCount = batch.length;
      const committing = this.#committer.commit(batch.map(({ write }) => write));
      this.#committing = committing.catch(() => {});
      const commit = await committing;
      this.#underwayCount = 0;
      for (const [index, { bytes, resolve, reject }] of batch.entries()) {
        this.#bytes -= bytes;
        const result = commit[index];
        if (result?.kind === 'stored') resolve(result);
        else
          reject(result === undefined ? new TypeError('no answer') : failureError(result, recordUnavailable));
      }
    }
    if (this.#isBeatDue) await this.#beat();
  }

  /** Once nothing is rewritten, which may take minutes: meanwhile others are told that this writer lives. */
  async #rewritten(): Promise<void> {
    let seen: unknown = null;
    while (seen !== this.#rewriting) {
      const rewriting = this.#rewriting;
      seen = rewriting;
      const done = rewriting.then(() => true);
      while (!(await Promise.race([done, sleep(this.#beatEveryMs, false, { ref: false })])))
        await this.#beat();
    }
  }

  async #beat(): Promise<void> {
    if (this.#closed) return;
    this.#isBeatDue = false;
    // The next one, or the next write, tries again; until then nothing is promised.
    await this.#committer.beat().catch(() => {});
  }
}
