/** The record on SQLite: reads here and now, writes through the writer's thread. */
import { IdempotencyTaken, RecordUnavailable } from '../record.ts';
import { parseCanonicalEvent, storedEvent } from '../stored-event.ts';
import { probeWrite, sealWrite } from './seal-write.ts';
import { outcomeError, WriteQueue } from './write-queue.ts';
import type { EventQuery, RecordHealth, RecordStore, RecordWrite, StoredEvent } from '../record.ts';
import type { Link, SealedWrite } from './protocol.ts';
import type { SealSources } from './seal-write.ts';
import type { SqliteRecordReader } from './record-reader.ts';

/** A success older than this says nothing about now: a probe is written before the record is called healthy, milliseconds. */
const healthAgeMsMax = 5_000;

export class SqliteRecord implements RecordStore {
  readonly #sources: SealSources;
  readonly #reader: SqliteRecordReader;
  readonly #lock: Disposable;
  readonly #queue: WriteQueue;
  #failure: RecordUnavailable | null = null;
  #successAtMs = Number.NEGATIVE_INFINITY;
  #probe: Promise<RecordHealth> | null = null;
  #closing: Promise<void> | null = null;

  /** Takes over the reader and the lock: disposing disposes them. */
  constructor(
    sources: SealSources,
    parts: { readonly file: string; readonly reader: SqliteRecordReader; readonly lock: Disposable },
  ) {
    this.#sources = sources;
    this.#reader = parts.reader;
    this.#lock = parts.lock;
    this.#queue = new WriteQueue({ file: parts.file, writer: sources.writer });
  }

  async write(write: RecordWrite): Promise<readonly StoredEvent[]> {
    const sealed = sealWrite(write, this.#sources);
    const links = await this.#store(sealed);
    return sealed.events.flatMap((event, index) => {
      const link = links[index];
      if (link === undefined)
        throw new RecordUnavailable('The record answered for fewer events than it was given.');
      const canonical = parseCanonicalEvent(`${event.before}${link.sequence}${event.after}`);
      return [storedEvent(canonical, event.content?.text ?? null, link)];
    });
  }

  async health(): Promise<RecordHealth> {
    const ageMs = this.#sources.clock.now() - this.#successAtMs;
    // A negative age means that the clock went back, and the success may be old.
    if (this.#failure === null && ageMs >= 0 && ageMs <= healthAgeMsMax) return { state: 'ok', reason: null };
    this.#probe ??= this.#writeProbe().finally(() => {
      this.#probe = null;
    });
    return this.#probe;
  }

  getCall(id: string) {
    return this.#reader.getCall(id);
  }

  getArtifact(id: string) {
    return this.#reader.getArtifact(id);
  }

  findIdempotency(principal: string, key: string) {
    return this.#reader.findIdempotency(principal, key);
  }

  getKey(id: string) {
    return this.#reader.getKey(id);
  }

  listKeys() {
    return this.#reader.listKeys();
  }

  listEvents(query: EventQuery) {
    return this.#reader.listEvents(query);
  }

  verify() {
    return this.#reader.verify();
  }

  quotaDrawsSince(sinceMs: number) {
    return this.#reader.quotaDrawsSince(sinceMs);
  }

  openCalls() {
    return this.#reader.openCalls();
  }

  /** Stores what was asked for before, then lets the next process in. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    using parts = new DisposableStack();
    parts.use(this.#lock);
    parts.use(this.#reader);
    await this.#queue[Symbol.asyncDispose]();
  }

  async #writeProbe(): Promise<RecordHealth> {
    try {
      await this.#store(probeWrite(this.#sources.clock.now()));
      return { state: 'ok', reason: null };
    } catch (error) {
      return { state: 'down', reason: error instanceof Error ? error.message : String(error) };
    }
  }

  async #store(sealed: SealedWrite): Promise<readonly Link[]> {
    const outcome = await this.#queue.push(sealed);
    switch (outcome.kind) {
      case 'stored':
        this.#failure = null;
        this.#successAtMs = this.#sources.clock.now();
        return outcome.links;
      case 'idempotency_taken':
        throw new IdempotencyTaken('Another call holds this idempotency key.');
      case 'failed':
        this.#failure = outcomeError(outcome.error);
        throw this.#failure;
    }
  }
}
