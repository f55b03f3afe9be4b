/**
 * Keeps the write-ahead log short without keeping commits waiting (https://sqlite.org/wal.html, "Checkpointing"): a thread
 * writes it back to the file while commits go on, and what was added meanwhile, a little, is written back between two of them.
 * Where the thread does not come to its end, a commit does it all, as SQLite does by itself.
 */
import { Worker } from 'node:worker_threads';
import type { Connection } from './connection.ts';

/** Of the log, before it is written back: each page once, however often it changed. */
const pagesMax = 8_192;
/** The log is looked at once so much was added, bytes, and a commit of little counts as so much. */
const lookBytes = 1024 * 1024;
const commitBytes = 32 * 1024;
/** How long a thread at work may be waited for, milliseconds. */
const settleMsMax = 10_000;

/** What the thread is started with. It sets `state[0]` to `idle` at its end, and wakes who waits for it. */
export interface WriteBack {
  readonly file: string;
  readonly state: Int32Array;
}
export const writeBackState = { idle: 0, busy: 1 } as const;

export class LogKeeper {
  readonly #file: string;
  /** Of the latest thread. */
  #state = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  #addedBytes = 0;
  /** More than at the time before, where a reader keeps the log from being written back. */
  #pagesWanted = pagesMax;
  #hasRest = false;

  constructor(file: string) {
    this.#file = file;
  }

  /** After a commit of so many bytes. Throws what SQLite does. */
  look(connection: Connection, bytes: number): void {
    this.#addedBytes += bytes + commitBytes;
    if (this.#isBusy) return;
    if (this.#hasRest) {
      this.#hasRest = false;
      connection.pragma('wal_checkpoint(PASSIVE)');
      return;
    }
    if (this.#addedBytes < lookBytes) return;
    this.#addedBytes = 0;
    const [pages] = connection.pragma('wal_checkpoint(NOOP)') as { log: number; checkpointed: number }[];
    const behind = pages === undefined ? 0 : pages.log - pages.checkpointed;
    if (behind < pagesMax) this.#pagesWanted = pagesMax;
    if (behind < this.#pagesWanted) return;
    this.#pagesWanted = behind + pagesMax;
    try {
      this.#writeBack();
    } catch {
      // The rest is all of it then.
    }
  }

  /** Waits, in place, for a thread that is at work. */
  settle(): void {
    Atomics.wait(this.#state, 0, writeBackState.busy, settleMsMax);
  }

  get #isBusy(): boolean {
    return Atomics.load(this.#state, 0) === writeBackState.busy;
  }

  #writeBack(): void {
    const state = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
    const workerData: WriteBack = { file: this.#file, state };
    this.#hasRest = true;
    Atomics.store(state, 0, writeBackState.busy);
    // Throws where the host has no more threads; what one cannot do a commit does, and says so when it fails as well.
    const thread = new Worker(new URL('./write-back-thread.ts', import.meta.url), {
      workerData,
      name: 'record-write-back',
    });
    this.#state = state;
    thread.on('error', () => {});
    thread.on('exit', () => Atomics.store(state, 0, writeBackState.idle));
    thread.unref();
  }
}
