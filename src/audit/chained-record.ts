/** The record over a store: seals what is written, and knows whether the store can be written. */
import { RecordUnavailable } from './record.ts';
import { parseCanonicalEvent, storedEvent } from './stored-event.ts';
import { poolRandomBytes, sealWrite } from './seal-write.ts';
import type { CallQuery } from './call-listing.ts';
import type { ApprovalQuery, PendingOf, SessionQuery } from './record.ts';
import type { EventQuery, Receipt, RecordHealth, RecordReader, RecordStore } from './record.ts';
import type { RecordWrite, StoredArtifact, StoredEvent } from './record.ts';
import type { ExportFilter, VerifyTrust } from './record.ts';
import type { FileQuery } from './uploaded-files.ts';
import type { RecordSelection } from './erasure.ts';
import { linkEvent } from './chain.ts';
import type { ChainHead, SealedEvent } from './chain.ts';
import type { SealedWrite } from './sealed-write.ts';
import type { SealSources } from './seal-write.ts';

/** A success older than this says nothing about now: a probe is written before the record is called healthy, milliseconds. */
const healthAgeMsMax = 5_000;

/** After a failure it takes room for this much, more than most writes, to be healthy again, bytes. */
const recoveryBytes = 128 * 1024;

/** Where sealed writes become durable. Disposing waits for what was pushed. */
export interface WriteSink extends AsyncDisposable {
  /** The head that the write's events follow, once they are durable. Rejects as `RecordStore.write` does. */
  push(write: SealedWrite): Promise<ChainHead>;
  /** False once the store is known to be away, also before a write has failed. */
  readonly isConnected: boolean;
  /** As `RecordStore.scrub` does. */
  scrub(): Promise<unknown>;
}

export interface ChainedRecordParts {
  readonly reader: RecordReader;
  readonly sink: WriteSink;
  /** Disposed after the sink: what reader and sink stand on. */
  readonly resources: AsyncDisposable;
  readonly onCallStored?: ((callId: string) => void) | undefined;
}

export class ChainedRecord implements RecordStore {
  readonly #sources: SealSources;
  readonly #reader: RecordReader;
  readonly #sink: WriteSink;
  readonly #resources: AsyncDisposable;
  readonly #onCallStored: ((callId: string) => void) | undefined;
  #scrubs = 0;
  #failed = false;
  #successAtMs = Number.NEGATIVE_INFINITY;
  #probe: Promise<RecordHealth> | null = null;
  #closing: Promise<void> | null = null;

  /** Takes over the sink and the resources: disposing disposes them. */
  constructor(sources: SealSources, { reader, sink, resources, onCallStored }: ChainedRecordParts) {
    this.#sources = { ...sources, randomBytes: poolRandomBytes(sources.randomBytes) };
    this.#reader = reader;
    this.#sink = sink;
    this.#resources = resources;
    this.#onCallStored = onCallStored;
  }

  async write(write: RecordWrite): Promise<Receipt> {
    const sealed = sealWrite(write, this.#sources);
    const place = await this.#store(sealed);
    for (const { call } of write.calls ?? []) this.#onCallStored?.(call.id);
    return { events: () => eventsAfter(place, sealed.events) };
  }

  async scrub(): Promise<void> {
    this.#scrubs += 1;
    try {
      await this.#sink.scrub();
    } finally {
      this.#scrubs -= 1;
    }
  }

  async health(): Promise<RecordHealth> {
    // Writes wait for it, and are not refused: it says nothing against the record.
    if (this.#scrubs > 0 && !this.#failed) return { state: 'ok', reason: null };
    const ageMs = this.#sources.clock.now() - this.#successAtMs;
    // A negative age means that the clock went back, and the success may be old.
    const isFresh = ageMs >= 0 && ageMs <= healthAgeMsMax;
    if (!this.#failed && this.#sink.isConnected && isFresh) return { state: 'ok', reason: null };
    this.#probe ??= this.#writeProbe().finally(() => {
      this.#probe = null;
    });
    return this.#probe;
  }

  getCall(id: string) {
    return this.#reader.getCall(id);
  }

  listCalls(query: CallQuery) {
    return this.#reader.listCalls(query);
  }

  async getArtifact(id: string) {
    const artifact = await this.#reader.getArtifact(id);
    if (artifact !== null && !(await isWhole(artifact)))
      throw new Error(`The bytes of artifact ${id} were changed; "sallyport audit verify --deep" says more.`);
    return artifact;
  }

  getFile(id: string) {
    return this.#reader.getFile(id);
  }

  fileContent(id: string) {
    return this.#reader.fileContent(id);
  }

  listFiles(query: FileQuery) {
    return this.#reader.listFiles(query);
  }

  fileRoomUsed(tenant: string) {
    return this.#reader.fileRoomUsed(tenant);
  }

  findIdempotency(principal: string, key: string) {
    return this.#reader.findIdempotency(principal, key);
  }

  getApproval(id: string) {
    return this.#reader.getApproval(id);
  }

  listApprovals(query: ApprovalQuery) {
    return this.#reader.listApprovals(query);
  }

  overdueApprovals(nowMs: number, limit: number) {
    return this.#reader.overdueApprovals(nowMs, limit);
  }

  countPendingApprovals(of: PendingOf) {
    return this.#reader.countPendingApprovals(of);
  }

  getPendingPayload(callId: string) {
    return this.#reader.getPendingPayload(callId);
  }

  getSession(id: string) {
    return this.#reader.getSession(id);
  }

  listSessions(query: SessionQuery) {
    return this.#reader.listSessions(query);
  }

  openSessions() {
    return this.#reader.openSessions();
  }

  taintsOf(holders: readonly string[]) {
    return this.#reader.taintsOf(holders);
  }

  getKey(id: string) {
    return this.#reader.getKey(id);
  }

  listKeys() {
    return this.#reader.listKeys();
  }

  policyState() {
    return this.#reader.policyState();
  }

  revisionContent(revision: string) {
    return this.#reader.revisionContent(revision);
  }

  listRevisions() {
    return this.#reader.listRevisions();
  }

  listBlocks() {
    return this.#reader.listBlocks();
  }

  listEvents(query: EventQuery) {
    return this.#reader.listEvents(query);
  }

  getEvent(id: string) {
    return this.#reader.getEvent(id);
  }

  planErasure(selection: RecordSelection, limit: number) {
    return this.#reader.planErasure(selection, limit);
  }

  planPurge(limit: number) {
    return this.#reader.planPurge(limit);
  }

  listHolds() {
    return this.#reader.listHolds();
  }

  scrubDue() {
    return this.#reader.scrubDue();
  }

  export(filter: ExportFilter) {
    return this.#reader.export(filter);
  }

  heads() {
    return this.#reader.heads();
  }

  verify(trust?: VerifyTrust) {
    return this.#reader.verify(trust);
  }

  quotaUseSince(sinceMs: number) {
    return this.#reader.quotaUseSince(sinceMs);
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
    await using _resources = this.#resources;
    await this.#sink[Symbol.asyncDispose]();
  }

  async #writeProbe(): Promise<RecordHealth> {
    try {
      const probeBytes = this.#failed ? recoveryBytes : 0;
      await this.#store({ nowMs: this.#sources.clock.now(), events: [], probeBytes });
      return { state: 'ok', reason: null };
    } catch (error) {
      return { state: 'down', reason: error instanceof Error ? error.message : String(error) };
    }
  }

  async #store(sealed: SealedWrite): Promise<ChainHead> {
    try {
      const place = await this.#sink.push(sealed);
      this.#failed = false;
      this.#successAtMs = this.#sources.clock.now();
      return place;
    } catch (error) {
      this.#failed = error instanceof RecordUnavailable;
      throw error;
    }
  }
}

/** Linked once more from what was sealed; the writer did the same when it stored them. */
function eventsAfter(head: ChainHead, events: readonly SealedEvent[]): readonly StoredEvent[] {
  let place = head;
  return events.map((event) => {
    const linked = linkEvent(event, place);
    place = linked;
    return storedEvent(parseCanonicalEvent(linked.canonical), event.content?.text ?? null, linked);
  });
}

/** Hashed beside this thread: they may be many. */
async function isWhole({ data, sha256 }: StoredArtifact): Promise<boolean> {
  const digest = await crypto.subtle.digest('SHA-256', data as Uint8Array<ArrayBuffer>);
  return Buffer.from(digest).toString('hex') === sha256;
}
