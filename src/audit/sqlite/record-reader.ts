/** Reads of the record, each done at once, on a connection of their own. */
import { createHash } from 'node:crypto';
import { readEvent } from '../event-row.ts';
import { parseCanonicalEvent } from '../stored-event.ts';
import type { EventRow } from '../event-row.ts';
import { encodeCursor } from '../cursor.ts';
import { listCalls } from './call-index.ts';
import { openReader, recordUnavailable, sqliteCode } from './connection.ts';
import { eventColumns, readEventPage } from './event-page.ts';
import { firstPositionSince } from './event-query.ts';
import { startExport } from './export-rows.ts';
import { hasLeftWaiting } from '../has-left-waiting.ts';
import { apiKey } from '../key-row.ts';
import type { KeyRow } from '../key-row.ts';
import { fileRoomUsed } from './store-file.ts';
import { requireCurrentSchema } from './migrations.ts';
import { isPastRetention, isSessionHeld, parseSession, withoutLabels } from '../session-labels.ts';
import { listHolds, planErasure, planPurge } from './selection.ts';
import { verifyRecord } from './verify-record.ts';
import type { CallQuery } from '../call-listing.ts';
import type { Approval } from '../../model/approval.ts';
import type { ApprovalQuery, PendingOf, Pin, PolicyState, StoredRevision } from '../record.ts';
import type { ActivationFacts, ApiKey, EventQuery } from '../record.ts';
import type { IdempotencyEntry, Page } from '../record.ts';
import type { QuotaUse, RecordReader } from '../record.ts';
import type { SessionQuery, StoredSession } from '../record.ts';
import type { StoredArtifact, StoredCall, StoredEvent } from '../record.ts';
import type { ExportFilter, VerifyReport, VerifyTrust, WriterHead } from '../record.ts';
import type { RecordExport } from '../export/record-export.ts';
import type { ErasurePlan, Hold, PurgePlan, RecordSelection, ScrubDue } from '../erasure.ts';
import type { Block } from '../../model/block.ts';
import type { Connection } from './connection.ts';
import type { FileFacts, FileQuery, FileRoom } from '../uploaded-files.ts';

/** After every id: prefixed ULIDs are ASCII. */
const lastId = '\uffff';

const fileColumns = 'id, tenant, principal, sha256, size_bytes AS sizeBytes, expires_at_ms AS expiresAtMs';
/** Neither expired nor removed. */
const isFileThere = "expires_at_ms > ? AND principal <> ''";

/** As it is indexed. */
const pendingTenant = `json_extract(CAST(body AS TEXT), '$.tenant')`;

/** Rows read at once where a caller may stop in between. */
const drawsBatch = 500;

const firstVersionDraw = { amount: 1, onStoreLoss: 'deny' } as const;

interface DrawRow {
  readonly position: number;
  readonly type: string;
  readonly canonical: Buffer;
}

export class SqliteRecordReader implements RecordReader, Disposable {
  readonly #connection: Connection;
  readonly #clock: { now(): number };
  readonly #statements: ReturnType<typeof prepare>;

  /** Throws SQLite's error when the file cannot be read, and `RecordUnavailable` when its schema is not this version's. */
  constructor(file: string, clock: { now(): number }) {
    this.#connection = openReader(file, clock);
    this.#clock = clock;
    try {
      requireCurrentSchema(this.#connection);
      this.#statements = prepare(this.#connection);
    } catch (error) {
      this.#connection.close();
      throw error;
    }
  }

  async getCall(id: string): Promise<StoredCall | null> {
    const body = this.#read(() => this.#statements.call.get(id) as Buffer | undefined);
    return body === undefined ? null : parseCall(body);
  }

  async listCalls(query: CallQuery): Promise<Page<StoredCall>> {
    return this.#read(() => listCalls(this.#connection, query));
  }

  async getArtifact(id: string): Promise<StoredArtifact | null> {
    return this.#read(() => this.#statements.artifact.get(id, this.#clock.now()) as StoredArtifact) ?? null;
  }

  async getFile(id: string): Promise<FileFacts | null> {
    return (
      this.#read(() => this.#statements.file.get(id, this.#clock.now()) as FileFacts | undefined) ?? null
    );
  }

  async fileContent(id: string): Promise<Uint8Array | null> {
    const now = this.#clock.now();
    return this.#read(() => this.#statements.fileContent.get(id, now) as Buffer | undefined) ?? null;
  }

  async listFiles({ tenant, principal, before = lastId, limit }: FileQuery): Promise<readonly FileFacts[]> {
    const now = this.#clock.now();
    return this.#read(() => this.#statements.files.all(tenant, principal, before, now, limit) as FileFacts[]);
  }

  async fileRoomUsed(tenant: string): Promise<FileRoom> {
    return this.#read(() => this.#statements.fileRoom.get(tenant, this.#clock.now()) as FileRoom);
  }

  async findIdempotency(principal: string, key: string): Promise<IdempotencyEntry | null> {
    const now = this.#clock.now();
    return (
      this.#read(() => this.#statements.idempotency.get(principal, key, now) as IdempotencyEntry) ?? null
    );
  }

  async getApproval(id: string): Promise<Approval | null> {
    const body = this.#read(() => this.#statements.approval.get(id) as Buffer | undefined);
    return body === undefined ? null : parseApproval(body);
  }

  async listApprovals({ status, before = lastId, limit }: ApprovalQuery): Promise<readonly Approval[]> {
    const { approvals, approvalsOfStatus } = this.#statements;
    const read = (): unknown[] =>
      status === undefined ? approvals.all(before, limit) : approvalsOfStatus.all(status, before, limit);
    return (this.#read(read) as Buffer[]).map(parseApproval);
  }

  async overdueApprovals(nowMs: number, limit: number): Promise<readonly Approval[]> {
    return (this.#read(() => this.#statements.overdue.all(nowMs, limit)) as Buffer[]).map(parseApproval);
  }

  async countPendingApprovals(of: PendingOf): Promise<number> {
    const { countPending, countPendingOf, countPendingOfTenant } = this.#statements;
    return Number(
      this.#read(() => {
        if (of === null) return countPending.get();
        return 'tenant' in of ? countPendingOfTenant.get(of.tenant) : countPendingOf.get(of.principal);
      }),
    );
  }

  async getPendingPayload(callId: string): Promise<Uint8Array | null> {
    return (this.#read(() => this.#statements.payload.get(callId)) as Buffer | undefined) ?? null;
  }

  async getSession(id: string): Promise<StoredSession | null> {
    const body = this.#read(() => this.#statements.session.get(id) as Buffer | undefined);
    return body === undefined ? null : this.#shownSession(body);
  }

  async listSessions({
    tenant,
    principal,
    status,
    before = lastId,
    limit,
  }: SessionQuery): Promise<readonly StoredSession[]> {
    const { sessions } = this.#statements;
    const wanted = status ?? null;
    const bodies = this.#read(() => sessions.all(tenant, principal, before, wanted, wanted, limit));
    return (bodies as Buffer[]).map((body) => this.#shownSession(body));
  }

  async openSessions(): Promise<readonly StoredSession[]> {
    const bodies = this.#read(() => this.#statements.openSessions.all()) as Buffer[];
    return bodies.map((body) => this.#shownSession(body));
  }

  #shownSession(body: Buffer): StoredSession {
    const stored = parseSession(body);
    const { retentionSince, sessionHeld } = this.#statements;
    const sinceMs = this.#read(() => retentionSince.get() as number | undefined) ?? null;
    if (!isPastRetention(stored, sinceMs)) return stored;
    return this.#read(() => sessionHeld.get(stored.session.id)) === 1 ? stored : withoutLabels(stored);
  }

  async taintsOf(holders: readonly string[]): Promise<readonly string[]> {
    const now = this.#clock.now();
    return this.#read(() => this.#statements.taints.all(JSON.stringify(holders), now) as string[]);
  }

  async getKey(id: string): Promise<ApiKey | null> {
    const row = this.#read(() => this.#statements.key.get(id) as KeyRow | undefined);
    return row === undefined ? null : apiKey(row);
  }

  async listKeys(): Promise<readonly ApiKey[]> {
    return this.#read(() => this.#statements.keys.all() as KeyRow[]).map(apiKey);
  }

  async policyState(): Promise<PolicyState | null> {
    const row = this.#read(
      () => this.#statements.policyState.get() as { revision: string; pin: string | null } | undefined,
    );
    if (row === undefined) return null;
    return { revision: row.revision, pin: row.pin === null ? null : (JSON.parse(row.pin) as Pin) };
  }

  async revisionContent(revision: string): Promise<string | null> {
    const content = this.#read(() => this.#statements.revisionContent.get(revision) as Buffer | undefined);
    if (content === undefined) return null;
    const id = `sha256:${createHash('sha256').update(content).digest('hex')}`;
    return id === revision ? content.toString() : null;
  }

  async listRevisions(): Promise<readonly StoredRevision[]> {
    const rows = this.#read(() => this.#statements.revisions.all() as (StoredRevision & { facts: string })[]);
    return rows.map((row) => ({ ...row, facts: JSON.parse(row.facts) as ActivationFacts }));
  }

  async listBlocks(): Promise<readonly Block[]> {
    const now = this.#clock.now();
    return this.#read(() => this.#statements.blocks.all(now) as string[]).map(
      (body) => JSON.parse(body) as Block,
    );
  }

  async listEvents(query: EventQuery): Promise<Page<StoredEvent>> {
    const { shown, more } = this.#read(() => readEventPage(this.#connection, query));
    const last = shown.at(-1);
    return {
      items: shown.map(readEvent),
      nextCursor: more && last !== undefined ? encodeCursor(query.order, last.position) : null,
    };
  }

  async getEvent(id: string): Promise<StoredEvent | null> {
    const row = this.#read(() => this.#statements.event.get(id) as EventRow | undefined);
    return row === undefined ? null : readEvent(row);
  }

  async planErasure(selection: RecordSelection, limit: number): Promise<ErasurePlan> {
    return this.#read(() => planErasure(this.#connection, selection, limit));
  }

  async planPurge(limit: number): Promise<PurgePlan> {
    return this.#read(() => planPurge(this.#connection, this.#clock.now(), limit));
  }

  async listHolds(): Promise<readonly Hold[]> {
    return this.#read(() => listHolds(this.#connection));
  }

  async scrubDue(): Promise<ScrubDue> {
    const due = this.#read(() => this.#statements.scrubDue.get()) as number;
    return due === 0 ? 'no' : due === 1 ? 'some_time' : 'now';
  }

  async export(filter: ExportFilter): Promise<RecordExport> {
    return this.#read(() => startExport(this.#connection, filter, (read) => this.#read(read)));
  }

  async heads(): Promise<readonly WriterHead[]> {
    return this.#read(() => this.#statements.heads.all() as WriterHead[]);
  }

  verify(trust: VerifyTrust = {}): Promise<VerifyReport> {
    return verifyRecord(this.#connection, trust).catch((error: unknown) => {
      throw recordUnavailable(error);
    });
  }

  async *quotaUseSince(sinceMs: number): AsyncGenerator<QuotaUse> {
    const since = new Date(sinceMs).toISOString();
    for (let after = 0; ;) {
      const rows = this.#read(
        () => this.#statements.quotaUse.all(since, since, after, drawsBatch) as DrawRow[],
      );
      for (const row of rows) yield* this.#quotaUseOf(row);
      const last = rows.at(-1);
      if (last === undefined || rows.length < drawsBatch) return;
      after = last.position;
    }
  }

  #quotaUseOf({ type, canonical }: DrawRow): readonly QuotaUse[] {
    const { time, callId, tenant = '', quotas } = parseCanonicalEvent(canonical.toString());
    if (callId === undefined) return [];
    if (type === 'not_started') {
      const intent = this.#read(() => this.#statements.intent.get(callId) as DrawRow | undefined);
      return intent === undefined
        ? []
        : this.#quotaUseOf(intent).map((use) => ({ ...use, kind: 'withdrawn' }));
    }
    if (quotas === undefined) return [];
    const kind = type === 'intent' ? 'leased' : 'ended';
    // Draws of the first version said no amount: it counted calls alone.
    const draws = quotas.map((draw) => ({ ...firstVersionDraw, ...draw }));
    return [{ kind, atMs: Date.parse(time), callId, tenant, draws }];
  }

  async openCalls(): Promise<readonly StoredCall[]> {
    return this.#read(() => this.#statements.openCalls.all() as Buffer[]).map(parseCall);
  }

  [Symbol.dispose](): void {
    this.#connection.close();
  }

  #read<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      if (sqliteCode(error) === null && this.#connection.open) throw error;
      throw recordUnavailable(error);
    }
  }
}

function prepare(connection: Connection) {
  return {
    call: connection.prepare('SELECT body FROM calls_kept WHERE id = ?').pluck(),
    event: connection.prepare(
      `SELECT ${eventColumns} FROM audit_chain e LEFT JOIN audit_content_kept c ON c.position = e.position WHERE e.id = ?`,
    ),
    scrubDue: connection.prepare('SELECT scrub_due FROM upkeep').pluck(),
    artifact: connection.prepare(
      `SELECT id, call_id AS callId, tenant, principal, name, media_type AS mediaType, sha256, data,
         expires_at_ms AS expiresAtMs FROM artifacts WHERE id = ? AND expires_at_ms > ?`,
    ),
    file: connection.prepare(`SELECT ${fileColumns} FROM files WHERE id = ? AND ${isFileThere}`),
    files: connection.prepare(
      `SELECT ${fileColumns} FROM files WHERE tenant = ? AND principal = ? AND id < ? AND ${isFileThere} ORDER BY id DESC LIMIT ?`,
    ),
    fileContent: connection.prepare(`SELECT data FROM files WHERE id = ? AND ${isFileThere}`).pluck(),
    fileRoom: connection.prepare(fileRoomUsed),
    idempotency: connection.prepare(
      `SELECT principal, key, fingerprint, call_id AS callId, expires_at_ms AS expiresAtMs
       FROM idempotency WHERE principal = ? AND key = ? AND expires_at_ms > ?`,
    ),
    approval: connection.prepare('SELECT body FROM approvals WHERE id = ?').pluck(),
    approvals: connection.prepare('SELECT body FROM approvals WHERE id < ? ORDER BY id DESC LIMIT ?').pluck(),
    approvalsOfStatus: connection
      .prepare('SELECT body FROM approvals WHERE status = ? AND id < ? ORDER BY id DESC LIMIT ?')
      .pluck(),
    overdue: connection
      .prepare(
        `SELECT body FROM approvals WHERE status = 'pending' AND expires_at_ms <= ? AND NOT ${hasLeftWaiting}
         ORDER BY expires_at_ms LIMIT ?`,
      )
      .pluck(),
    countPending: connection.prepare(`SELECT count(*) FROM approvals WHERE status = 'pending'`).pluck(),
    countPendingOf: connection
      .prepare(`SELECT count(*) FROM approvals WHERE status = 'pending' AND principal = ?`)
      .pluck(),
    countPendingOfTenant: connection
      .prepare(`SELECT count(*) FROM approvals WHERE status = 'pending' AND ${pendingTenant} = ?`)
      .pluck(),
    payload: connection.prepare('SELECT sealed FROM pending_payloads WHERE call_id = ?').pluck(),
    session: connection.prepare('SELECT body FROM sessions WHERE id = ?').pluck(),
    sessions: connection
      .prepare(
        `SELECT body FROM sessions WHERE tenant = ? AND principal = ? AND id < ? AND (? IS NULL OR status = ?)
         ORDER BY id DESC LIMIT ?`,
      )
      .pluck(),
    retentionSince: connection.prepare('SELECT since_ms FROM retention_now').pluck(),
    sessionHeld: connection.prepare(`SELECT ${isSessionHeld('?')}`).pluck(),
    openSessions: connection.prepare(`SELECT body FROM sessions WHERE status = 'open' ORDER BY id`).pluck(),
    taints: connection
      .prepare(
        `SELECT DISTINCT name FROM taints
         WHERE holder IN (SELECT value FROM json_each(?)) AND expires_at_ms > ? ORDER BY name`,
      )
      .pluck(),
    key: connection.prepare('SELECT * FROM api_keys WHERE id = ?'),
    keys: connection.prepare('SELECT * FROM api_keys ORDER BY id'),
    policyState: connection.prepare('SELECT revision, pin FROM policy_state'),
    revisionContent: connection.prepare('SELECT content FROM policy_revisions WHERE id = ?').pluck(),
    revisions: connection.prepare(
      `SELECT id AS revision, length(content) AS contentBytes, first_activated_at_ms AS firstActivatedAtMs,
         last_activated_at_ms AS lastActivatedAtMs, facts
       FROM policy_revisions ORDER BY last_activated_at_ms DESC, id LIMIT 1000`,
    ),
    blocks: connection.prepare('SELECT body FROM blocks WHERE expires_at_ms > ? ORDER BY id').pluck(),
    heads: connection.prepare('SELECT writer, sequence, hash FROM writers ORDER BY writer'),
    // Inside of strings quotation marks are escaped: only the member itself reads like this.
    quotaUse: connection.prepare(
      `SELECT position, type, canonical FROM audit_chain
       WHERE type IN ('intent', 'outcome', 'not_started') AND position >= ${firstPositionSince}
         AND (type = 'not_started' OR instr(canonical, CAST('"quotas":[' AS BLOB)) > 0)
         AND time >= ? AND position > ? ORDER BY position LIMIT ?`,
    ),
    intent: connection.prepare(
      `SELECT position, type, canonical FROM audit_chain WHERE call_id = ? AND type = 'intent'`,
    ),
    openCalls: connection
      .prepare(
        `SELECT body FROM calls WHERE status IN ('queued', 'running')
           AND EXISTS (SELECT 1 FROM audit_chain WHERE call_id = calls.id AND type IN ('queued', 'intent'))
           AND NOT EXISTS
             (SELECT 1 FROM audit_chain WHERE call_id = calls.id AND type IN ('outcome', 'not_started'))
         ORDER BY id`,
      )
      .pluck(),
  };
}

function parseApproval(body: Buffer): Approval {
  return JSON.parse(body.toString()) as Approval;
}

function parseCall(body: Buffer): StoredCall {
  return JSON.parse(body.toString()) as StoredCall;
}
