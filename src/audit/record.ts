/**
 * The record's door: one durable store for events, calls, artifacts, idempotency keys and API keys.
 * Everything of one `write` becomes durable together or not at all; when it resolves, a crash loses nothing of it.
 */
import type { Approval, ApprovalStatus } from '../model/approval.ts';
import type { BoundaryReport } from '../model/finding.ts';
import type { Block } from '../model/block.ts';
import type { Call, DecisionSummary, RuntimeReport, Usage } from '../model/call.ts';
import type { JsonObject } from '../model/json.ts';
import type { QuotaDraw } from '../model/decision.ts';
import type { Scope } from '../model/principal.ts';
import type { Session } from '../model/session.ts';
import type { Clearing, ErasurePlan, Hold, PurgePlan, RecordSelection, ScrubDue } from './erasure.ts';
import type { Taint } from '../model/taint.ts';
import type { CallQuery } from './call-listing.ts';
import type { EventStatus } from './event-statuses.ts';
import type { EventType } from './events.ts';
import type { RecordExport } from './export/record-export.ts';
import type { FileFacts, FileQuery, FileRoom, UploadedFile } from './uploaded-files.ts';

/** An event as its room states it. The store adds id, time, writer, sequence, nonce and hashes. */
export interface EventDraft {
  readonly type: EventType;
  readonly callId?: string;
  readonly tenant?: string;
  readonly principal?: string;
  /** Id of the API key, never its secret. */
  readonly key?: string;
  /** Delegation chain, outermost first. */
  readonly act?: readonly string[];
  readonly requestId?: string;
  /** Where the request came from. It is kept with the content, and goes with it. */
  readonly address?: string;
  readonly traceId?: string | null;
  readonly tool?: string;
  readonly toolDigest?: string;
  readonly decision?: DecisionSummary;
  /** A call's status, or the code of a refusal. */
  readonly status?: EventStatus;
  readonly runtime?: RuntimeReport | null;
  readonly usage?: Usage | null;
  readonly boundary?: BoundaryReport | null;
  readonly quotas?: readonly QuotaDraw[];
  /** Permanent, event-specific facts: counts, codes, versions, revisions. Never caller content. */
  readonly details?: JsonObject;
  /** Erasable: args, result, output, error, labels. Already filtered. Each top-level member is committed to by a salted hash. */
  readonly content?: JsonObject;
}

/** An event as the record shows it. `content` is null once erased or expired. */
export interface StoredEvent {
  readonly id: string;
  readonly type: EventType;
  readonly time: string;
  readonly writer: string;
  readonly sequence: number;
  readonly callId: string | null;
  readonly tenant: string | null;
  readonly principal: string | null;
  readonly key: string | null;
  readonly act: readonly string[];
  readonly requestId: string | null;
  readonly traceId: string | null;
  readonly tool: string | null;
  readonly toolDigest: string | null;
  readonly decision: DecisionSummary | null;
  readonly status: string | null;
  readonly runtime: RuntimeReport | null;
  readonly usage: Usage | null;
  readonly boundary: BoundaryReport | null;
  readonly quotas: readonly QuotaDraw[];
  readonly details: JsonObject;
  readonly content: JsonObject | null;
  readonly commitments: Readonly<Record<string, string>>;
  readonly eventHash: string;
  readonly previousHash: string;
  readonly hash: string;
}

/** A call with its owner, as stored. */
export interface StoredCall {
  readonly call: Call;
  readonly tenant: string;
  readonly principal: string;
}

/** A session with its owner and the runner that holds it, as stored. */
export interface StoredSession {
  readonly session: Session;
  readonly tenant: string;
  readonly principal: string;
  /** Name of the runner. */
  readonly runner: string;
  /** Calls that were begun in it; missing: none. */
  readonly callCount?: number;
}

export interface StoredArtifact {
  readonly id: string;
  readonly callId: string;
  readonly tenant: string;
  readonly principal: string;
  readonly name: string;
  readonly mediaType: string;
  readonly sha256: string;
  readonly data: Uint8Array;
  /** Epoch milliseconds; past it the artifact is not returned. */
  readonly expiresAtMs: number;
}

/** Binds an `Idempotency-Key` of a principal to a call. `fingerprint` is a keyed hash of the request body. */
export interface IdempotencyEntry {
  readonly principal: string;
  readonly key: string;
  readonly fingerprint: string;
  readonly callId: string;
  readonly expiresAtMs: number;
}

/** Why a revision became the one that decides. */
export interface ActivationFacts {
  readonly previous: string | null;
  readonly trigger: string;
  /** Null: nobody in particular, the files changed. */
  readonly principal: string | null;
  readonly reason: string | null;
  /** What `REVISION.json` in the directory says of itself; nobody has checked it. */
  readonly claimed: { readonly commit: string | null; readonly author: string | null } | null;
}

/** A revision that somebody wanted, whatever the files say, until it is unpinned. */
export interface Pin {
  readonly revision: string;
  readonly principal: string;
  readonly reason: string;
  readonly atMs: number;
}

export interface Activation {
  readonly revision: string;
  /** Canonical content; null where it is stored already. */
  readonly content: string | null;
  readonly atMs: number;
  readonly facts: ActivationFacts;
  readonly pin: Pin | null;
}

/** A revision that decided at some time, without its content. */
export interface StoredRevision {
  readonly revision: string;
  readonly contentBytes: number;
  readonly firstActivatedAtMs: number;
  readonly lastActivatedAtMs: number;
  /** Of the last activation. */
  readonly facts: ActivationFacts;
}

/** What decided last, and whether it is pinned. */
export interface PolicyState {
  readonly revision: string;
  readonly pin: Pin | null;
}

export interface ApiKey {
  readonly id: string;
  /** Hex SHA-256 of the secret. */
  readonly secretHash: string;
  readonly principal: string;
  readonly tenant: string;
  readonly roles: readonly string[];
  /** What policy reads as `principal.attributes`. */
  readonly attributes: Readonly<JsonObject>;
  readonly scopes: readonly Scope[];
  readonly createdAtMs: number;
  readonly expiresAtMs: number | null;
  readonly revokedAtMs: number | null;
}

/** An approval with the sealed arguments of its call. */
export interface RequestedApproval {
  readonly approval: Approval;
  readonly payload: Uint8Array;
}

/** All or nothing. */
export interface RecordWrite {
  readonly events: readonly EventDraft[];
  /** Inserted, or replaced by id. The last event of this write about a call commits to it, so there must be one. */
  readonly calls?: readonly StoredCall[];
  /** Inserted. Their calls are stored already, or in this write. */
  readonly artifacts?: readonly StoredArtifact[];
  /** Inserted. The whole write fails with `NoRoomForFile` when its tenant would have more than `roomMax`. */
  readonly file?: UploadedFile;
  /**
   * Nobody's from then on: its bytes go at once, or with the purge after its time where a hold means it, and count as
   * its tenant's as long as they are there. The whole write fails with `FileGone` when its owner has no such file any more.
   */
  readonly removedFile?: Pick<FileFacts, 'id' | 'tenant' | 'principal'>;
  /**
   * Inserted, or put in the place of one that expired; an entry of the same principal and key that has not expired
   * makes the whole write fail with `IdempotencyTaken`. Its call is stored already, or in this write.
   */
  readonly idempotency?: IdempotencyEntry;
  /**
   * Removed: a call that provably ran nothing frees its idempotency key for a retry. Left alone when the key is another
   * call's by now: one that waited for approval may be older than the time that keys are kept.
   */
  readonly releasedIdempotency?: Pick<IdempotencyEntry, 'principal' | 'key' | 'callId'>;
  /** Ids among `calls` that end without their turn: frees their keys. `CallEnded` when one is not `queued` any more. */
  readonly neverRun?: readonly string[];
  /** Inserted as pending. Its call is stored already, or in this write. */
  readonly requestedApproval?: RequestedApproval;
  /**
   * Takes its final status, once: the payload is deleted with it. The whole write fails with `ApprovalSettled` when it
   * is not pending, when it is too late to decide it, or when the chain says that its call was dispatched or ended.
   */
  readonly settledApproval?: Approval;
  /** Held until the later of both times, where the holder has it already. */
  readonly taints?: readonly Taint[];
  /** Inserted, or replaced by id; one that has ended stays as it ended. */
  readonly sessions?: readonly StoredSession[];
  /** Inserted, or replaced by id. */
  readonly keys?: readonly ApiKey[];
  /** Sets `revokedAtMs` of these keys; one that is revoked already keeps its time. */
  readonly revokedKeys?: readonly { readonly id: string; readonly atMs: number }[];
  /** The revision is stored, and is the one that decides from now on. */
  readonly activation?: Activation;
  /** Inserted. */
  readonly blocks?: readonly Block[];
  /** Ids. */
  readonly removedBlocks?: readonly string[];
  /** Rejects with `ContentHeld`, and clears nothing, where a hold means some of it by then. */
  readonly clearing?: Clearing;
  /** Expired artifacts, uploaded files and idempotency keys go, except files that a hold means. */
  readonly dropsExpired?: true;
  /** Inserted. */
  readonly hold?: Hold;
  /** Id. */
  readonly releasedHold?: string;
}

export interface ApprovalQuery {
  readonly status?: ApprovalStatus;
  /** Ids before this one. */
  readonly before?: string;
  readonly limit: number;
}

/** Of a principal, of a tenant, or all. */
export type PendingOf = { readonly principal: string } | { readonly tenant: string } | null;

export interface SessionQuery {
  readonly tenant: string;
  readonly principal: string;
  readonly status?: Session['status'];
  /** Ids before this one. */
  readonly before?: string;
  readonly limit: number;
}

export interface EventQuery {
  /** null: every tenant (scope admin). */
  readonly tenant: string | null;
  readonly type?: string;
  readonly principal?: string;
  readonly tool?: string;
  readonly status?: string;
  readonly effect?: string;
  readonly rule?: string;
  /** Whose rule: policies may have rules of one name. */
  readonly policy?: string;
  readonly callId?: string;
  readonly requestId?: string;
  /** Id of the API key. */
  readonly key?: string;
  readonly session?: string;
  readonly run?: string;
  readonly approval?: string;
  /** Id of a detector that found something. */
  readonly finding?: string;
  /** Where something was sent. */
  readonly host?: string;
  readonly credential?: string;
  /** `name=value`. */
  readonly label?: string;
  readonly address?: string;
  /** Words, all of which stand in the content or the details; one that ends with * is a beginning. */
  readonly text?: string;
  /** RFC 3339; events of this time and later. */
  readonly from?: string;
  /** RFC 3339; events before this time. */
  readonly to?: string;
  /** Only what was written after the event of this id; after one that is not there, nothing. */
  readonly afterId?: string;
  /** 1 to 1000. A page ends earlier with the event by which it holds `pageBytesMax`. */
  readonly limit: number;
  /** Opaque; from `nextCursor`. A broken one throws `InvalidCursor`. */
  readonly cursor?: string;
  /** Newest first is the default at the door. */
  readonly order: 'asc' | 'desc';
}

/** What an export shows. All else of the chains is left out, and counted. */
export type ExportFilter = Omit<EventQuery, 'limit' | 'cursor' | 'order' | 'afterId'>;

export interface Page<T> {
  readonly items: readonly T[];
  readonly nextCursor: string | null;
}

export interface VerifyProblem {
  readonly kind:
    | 'altered'
    | 'missing'
    | 'reordered'
    | 'truncated'
    | 'content_altered'
    | 'call_altered'
    /** The chain is not what a checkpoint or an anchor signed. */
    | 'rewritten'
    /** A checkpoint whose signature or key is not good. */
    | 'checkpoint_invalid'
    /** `sequence` is the line of the anchor, `writer` is empty. */
    | 'anchor_invalid'
    /** A public key was given, and nothing is signed with it. */
    | 'unsigned';
  readonly writer: string;
  readonly sequence: number;
  readonly detail: string;
}

export interface VerifyReport {
  readonly valid: boolean;
  readonly events: number;
  readonly from: string | null;
  readonly to: string | null;
  readonly writers: readonly { readonly writer: string; readonly events: number; readonly head: string }[];
  /**
   * What stands behind the proof. `unanchored`: no signed checkpoint. `self-signed`: with a key that only the record
   * itself names. Neither excludes the operator. `known-key`: with a key that the verifier was given, which excludes all
   * who do not hold it. `anchored`: the heads were also noted elsewhere.
   */
  readonly trust: 'unanchored' | 'self-signed' | 'known-key' | 'anchored';
  readonly checkpoints: number;
  /** Public keys whose signatures count, 64 hex digits each. */
  readonly keys: readonly string[];
  /** Events that no checkpoint covers. */
  readonly afterLastCheckpoint: number;
  readonly problems: readonly VerifyProblem[];
  /** What is derived from the chain was checked too. Left out where it was not, also when it was asked for. */
  readonly deep?: true;
  /** Of an export: events that it leaves out, proved by their hashes alone. */
  readonly omitted?: number;
}

/** What the verifier knows from elsewhere. */
export interface VerifyTrust {
  /** 64 hex digits each. None: the first key of the record is taken. */
  readonly publicKeys?: readonly string[];
  /** Also checks what is derived from the chain: search terms, words, holds, and that content went by an erasure. Slow. */
  readonly deep?: boolean;
  /** Parsed lines of anchors. */
  readonly anchors?: readonly unknown[];
}

/** The last event of a writer's chain. */
export interface WriterHead {
  readonly writer: string;
  readonly sequence: number;
  readonly hash: string;
}

export interface RecordHealth {
  readonly state: 'ok' | 'down';
  readonly reason: string | null;
}

/** What a write left. */
export interface Receipt {
  /** Its events as the record shows them. Made when asked for: whoever waits for durability alone pays nothing. */
  events(): readonly StoredEvent[];
}

/** The record cannot be written or read now (disk full, locked, gone). Calls are refused with 503 `audit_unavailable`. */
export class RecordUnavailable extends Error {
  override readonly name = 'RecordUnavailable';
}

/** Another call holds this idempotency key. */
export class IdempotencyTaken extends Error {
  override readonly name = 'IdempotencyTaken';
}

/** Somebody else decided this approval, or its time is over. */
export class ApprovalSettled extends Error {
  override readonly name = 'ApprovalSettled';
}

/** The call ended otherwise meanwhile: another node closed it as `unknown`, because this one had fallen silent. */
export class CallEnded extends Error {
  override readonly name = 'CallEnded';
}

/** The cursor is not one of ours. */
export class InvalidCursor extends Error {
  override readonly name = 'InvalidCursor';
}

/**
 * `leased` with an intent; `withdrawn` when that provably ran nothing, then with the intent's draws and time; `ended`
 * with an outcome, for draws whose use was measured.
 */
export interface QuotaUse {
  readonly kind: 'leased' | 'withdrawn' | 'ended';
  readonly atMs: number;
  readonly callId: string;
  readonly tenant: string;
  readonly draws: readonly QuotaDraw[];
}

/** What can be read. Every method throws `RecordUnavailable` when the store cannot be read now. */
export interface RecordReader {
  getCall(id: string): Promise<StoredCall | null>;
  /** Newest first. A page may come short of its limit, or empty, and lead on: see `call-listing.ts`. */
  listCalls(query: CallQuery): Promise<Page<StoredCall>>;
  /** Null once it has expired. Rejects for bytes that are not those that were stored. */
  getArtifact(id: string): Promise<StoredArtifact | null>;
  /** Null once it has expired. */
  getFile(id: string): Promise<FileFacts | null>;
  /** Its bytes; null once it has expired. */
  fileContent(id: string): Promise<Uint8Array | null>;
  listFiles(query: FileQuery): Promise<readonly FileFacts[]>;
  fileRoomUsed(tenant: string): Promise<FileRoom>;
  findIdempotency(principal: string, key: string): Promise<IdempotencyEntry | null>;
  getApproval(id: string): Promise<Approval | null>;
  /** Newest first. */
  listApprovals(query: ApprovalQuery): Promise<readonly Approval[]>;
  /** Pending ones whose time is over, at most so many. */
  overdueApprovals(nowMs: number, limit: number): Promise<readonly Approval[]>;
  /** How many are pending. */
  countPendingApprovals(of: PendingOf): Promise<number>;
  /** The sealed arguments of a waiting call; null once they are deleted. */
  getPendingPayload(callId: string): Promise<Uint8Array | null>;
  getSession(id: string): Promise<StoredSession | null>;
  /** Of one principal, newest first. */
  listSessions(query: SessionQuery): Promise<readonly StoredSession[]>;
  /** Of everybody, oldest first. */
  openSessions(): Promise<readonly StoredSession[]>;
  /** Names of the taints that these holders have now, each once, in order. */
  taintsOf(holders: readonly string[]): Promise<readonly string[]>;
  getKey(id: string): Promise<ApiKey | null>;
  listKeys(): Promise<readonly ApiKey[]>;
  /** Null before anything was activated. */
  policyState(): Promise<PolicyState | null>;
  /** Content of a revision, or null when it is not stored, or what is stored is not what its hash says. */
  revisionContent(revision: string): Promise<string | null>;
  /** Latest activation first, at most a thousand. */
  listRevisions(): Promise<readonly StoredRevision[]>;
  /** Blocks that have not expired, oldest first. */
  listBlocks(): Promise<readonly Block[]>;
  listEvents(query: EventQuery): Promise<Page<StoredEvent>>;
  getEvent(id: string): Promise<StoredEvent | null>;
  /** At most `limit` calls and ten times as many events. Rejects with `RangeError` for a selection of nothing in particular. */
  planErasure(selection: RecordSelection, limit: number): Promise<ErasurePlan>;
  /** What content is older than the retention and what else expired, at most so many of each. */
  planPurge(limit: number): Promise<PurgePlan>;
  /** Oldest first. */
  listHolds(): Promise<readonly Hold[]>;
  /** Whether the files may still hold traces of what was cleared: `now` after an erasure, `some_time` after a purge. */
  scrubDue(): Promise<ScrubDue>;
  /** Walks every chain from its first event. Memory grows with the checkpoints, not with the events. */
  verify(trust?: VerifyTrust): Promise<VerifyReport>;
  /** Every chain from its first event, with what fits the filter shown. */
  export(filter: ExportFilter): Promise<RecordExport>;
  /** Of every chain, by writer. */
  heads(): Promise<readonly WriterHead[]>;
  /** What calls drew on quotas since then, oldest first: the counters are rebuilt from it at start. */
  quotaUseSince(sinceMs: number): AsyncIterable<QuotaUse>;
  /** Calls that run or wait for their turn, and for which nobody alive answers any more. They are closed. */
  openCalls(): Promise<readonly StoredCall[]>;
}

export interface RecordStore extends RecordReader, AsyncDisposable {
  /**
   * Durable when resolved; reads from then on see it. Rejects with `RecordUnavailable`, `IdempotencyTaken`, `ApprovalSettled`, `CallEnded`, `NoRoomForFile` or `FileGone`,
   * then nothing of it was written; only when the store itself dies between disk and answer, the write may be there,
   * as after a crash. Rejects with `NotCanonical` or `TypeError` for what JSON cannot say, or a call
   * without an event about it: mistakes of ours.
   */
  write(write: RecordWrite): Promise<Receipt>;
  /**
   * Rewrites the files so that nothing of what was cleared is left in their bytes. Writes wait meanwhile. Rejects with
   * `RecordUnavailable`, then it stays due.
   */
  scrub(): Promise<void>;
  /** Probes the store with a real write when the last one failed or is old. */
  health(): Promise<RecordHealth>;
}
