/** Reads of the record on PostgreSQL. */
import { createHash } from 'node:crypto';
import { encodeCursor } from '../cursor.ts';
import { isCallHeld } from '../hold-sql.ts';
import { hasLeftWaiting } from '../has-left-waiting.ts';
import { apiKey } from '../key-row.ts';
import type { KeyRow } from '../key-row.ts';
import { readEvent } from '../event-row.ts';
import { parseCanonicalEvent } from '../stored-event.ts';
import type { EventRow } from '../event-row.ts';
import { listCalls } from './call-index.ts';
import { columnText } from './column-text.ts';
import { isItsContent, withDay } from './content-of.ts';
import { readEventPage } from './event-page.ts';
import { firstPositionSince } from './event-query.ts';
import { startExport } from './export-rows.ts';
import { isPastRetention, isSessionHeld, withoutLabels } from '../session-labels.ts';
import { listHolds, planErasure, planPurge } from './selection.ts';
import { fileRoomUsed } from './store-file.ts';
import { verifyRecord } from './verify-record.ts';
import type { CallQuery } from '../call-listing.ts';
import type { Approval } from '../../model/approval.ts';
import type { Block } from '../../model/block.ts';
import type { ActivationFacts, ApiKey, ApprovalQuery, EventQuery, ExportFilter } from '../record.ts';
import type { IdempotencyEntry, Page, PendingOf, Pin, PolicyState, QuotaUse } from '../record.ts';
import type { RecordReader, SessionQuery, StoredArtifact, StoredCall } from '../record.ts';
import type { RecordExport } from '../export/record-export.ts';
import type { StoredEvent, StoredRevision, StoredSession } from '../record.ts';
import type { VerifyReport, VerifyTrust, WriterHead } from '../record.ts';
import type { ErasurePlan, Hold, PurgePlan, RecordSelection, ScrubDue } from '../erasure.ts';
import type { Reading } from './reading.ts';
import type { FileFacts, FileQuery, FileRoom } from '../uploaded-files.ts';

/** After every id: prefixed ULIDs are ASCII. */
const lastId = '\uffff';

const fileColumns =
  'id, tenant, principal, sha256, size_bytes AS "sizeBytes", expires_at_ms AS "expiresAtMs"';
/** One that was removed is nobody's. */
const isFileOwned = "principal <> ''";

/** Rows read at once where a caller may stop in between. */
const drawsBatch = 500;

const firstVersionDraw = { amount: 1, onStoreLoss: 'deny' } as const;

interface DrawRow {
  readonly position: number;
  readonly type: string;
  readonly canonical: Buffer;
}

interface BodyRow {
  readonly body: Buffer;
}

export interface RecordOwner {
  /** Whose use of quotas is read. */
  readonly writer: string;
  /** Whose sessions are, and what decides there. */
  readonly home: string;
}

export class PostgresRecordReader implements RecordReader {
  readonly #reading: Reading;
  readonly #own: RecordOwner | null;

  /** Null: what belongs to one alone is that of all. */
  constructor(reading: Reading, own: RecordOwner | null) {
    this.#reading = reading;
    this.#own = own;
  }

  getCall(id: string): Promise<StoredCall | null> {
    return this.#body<StoredCall>(
      `SELECT body FROM calls k WHERE id = $1 AND (stored_at_ms >= $2 OR ${isCallHeld('k.id')})`,
      [id, this.#reading.sinceMs ?? 0],
    );
  }

  listCalls(query: CallQuery): Promise<Page<StoredCall>> {
    return listCalls(this.#reading, query);
  }

  async getArtifact(id: string): Promise<StoredArtifact | null> {
    const [artifact] = await this.#reading.rows<StoredArtifact & { data: Buffer }>(
      `SELECT id, call_id AS "callId", tenant, principal, name, media_type AS "mediaType", sha256, data,
         expires_at_ms AS "expiresAtMs" FROM artifacts WHERE id = $1 AND expires_at_ms > $2`,
      [columnText(id), this.#reading.nowMs],
    );
    return artifact ?? null;
  }

  async getFile(id: string): Promise<FileFacts | null> {
    const [facts] = await this.#reading.rows<FileFacts & Record<string, unknown>>(
      `SELECT ${fileColumns} FROM files WHERE id = $1 AND expires_at_ms > $2 AND ${isFileOwned}`,
      [columnText(id), this.#reading.nowMs],
    );
    return facts ?? null;
  }

  async fileContent(id: string): Promise<Uint8Array | null> {
    const [file] = await this.#reading.rows<{ data: Buffer }>(
      `SELECT data FROM files WHERE id = $1 AND expires_at_ms > $2 AND ${isFileOwned}`,
      [columnText(id), this.#reading.nowMs],
    );
    return file?.data ?? null;
  }

  listFiles({ tenant, principal, before = lastId, limit }: FileQuery): Promise<readonly FileFacts[]> {
    return this.#reading.rows<FileFacts & Record<string, unknown>>(
      `SELECT ${fileColumns} FROM files
       WHERE tenant = $1 AND principal = $2 AND id < $3 AND expires_at_ms > $4 AND ${isFileOwned} ORDER BY id DESC LIMIT $5`,
      [tenant, principal, columnText(before), this.#reading.nowMs, limit],
    );
  }

  async fileRoomUsed(tenant: string): Promise<FileRoom> {
    const [room] = await this.#reading.rows<FileRoom & Record<string, unknown>>(fileRoomUsed, [
      tenant,
      this.#reading.nowMs,
    ]);
    return room ?? { files: 0, bytes: 0 };
  }

  async findIdempotency(principal: string, key: string): Promise<IdempotencyEntry | null> {
    const [entry] = await this.#reading.rows<IdempotencyEntry & Record<string, unknown>>(
      `SELECT principal, key, fingerprint, call_id AS "callId", expires_at_ms AS "expiresAtMs"
       FROM idempotency WHERE principal = $1 AND key = $2 AND expires_at_ms > $3`,
      [principal, key, this.#reading.nowMs],
    );
    return entry ?? null;
  }

  getApproval(id: string): Promise<Approval | null> {
    return this.#body<Approval>('SELECT body FROM approvals WHERE id = $1', [id]);
  }

  listApprovals({ status, before = lastId, limit }: ApprovalQuery): Promise<readonly Approval[]> {
    return this.#bodies<Approval>(
      `SELECT body FROM approvals WHERE id < $1 AND ($2::text IS NULL OR status = $2) ORDER BY id DESC LIMIT $3`,
      [before, status ?? null, limit],
    );
  }

  overdueApprovals(nowMs: number, limit: number): Promise<readonly Approval[]> {
    return this.#bodies<Approval>(
      `SELECT body FROM approvals WHERE status = 'pending' AND expires_at_ms <= $1 AND NOT ${hasLeftWaiting}
       ORDER BY expires_at_ms LIMIT $2`,
      [nowMs, limit],
    );
  }

  async countPendingApprovals(of: PendingOf): Promise<number> {
    const pending = `SELECT count(*) AS count FROM approvals WHERE status = 'pending'`;
    const [row] =
      of === null
        ? await this.#reading.rows<{ count: number }>(pending)
        : 'tenant' in of
          ? await this.#reading.rows<{ count: number }>(`${pending} AND tenant = $1`, [of.tenant])
          : await this.#reading.rows<{ count: number }>(`${pending} AND principal = $1`, [of.principal]);
    return row?.count ?? 0;
  }

  async getPendingPayload(callId: string): Promise<Uint8Array | null> {
    const [row] = await this.#reading.rows<{ sealed: Buffer }>(
      'SELECT sealed FROM pending_payloads WHERE call_id = $1',
      [callId],
    );
    return row?.sealed ?? null;
  }

  getSession(id: string): Promise<StoredSession | null> {
    return this.#sessions(`id = $1`, [columnText(id)]).then(([stored]) => stored ?? null);
  }

  listSessions(query: SessionQuery): Promise<readonly StoredSession[]> {
    const { tenant, principal, status, before = lastId, limit } = query;
    return this.#sessions(
      `tenant = $1 AND principal = $2 AND id < $3 AND ($4::text IS NULL OR status = $4) ORDER BY id DESC LIMIT $5`,
      [tenant, principal, columnText(before), status ?? null, limit],
    );
  }

  openSessions(): Promise<readonly StoredSession[]> {
    return this.#sessions(`status = 'open' AND ($1::text IS NULL OR writer = $1) ORDER BY id`, [
      this.#own?.home ?? null,
    ]);
  }

  /** As a reader may see them. */
  async #sessions(where: string, values: readonly unknown[]): Promise<readonly StoredSession[]> {
    const sessions = await this.#bodies<StoredSession>(`SELECT body FROM sessions WHERE ${where}`, values);
    const { sinceMs } = this.#reading;
    const expired = sessions.filter((stored) => isPastRetention(stored, sinceMs));
    if (expired.length === 0) return sessions;
    const held = await this.#reading.rows<{ id: string }>(
      `SELECT id FROM unnest($1::text[]) AS s (id) WHERE ${isSessionHeld('s.id')}`,
      [expired.map(({ session }) => session.id)],
    );
    const heldIds = new Set(held.map(({ id }) => id));
    return sessions.map((stored) =>
      isPastRetention(stored, sinceMs) && !heldIds.has(stored.session.id) ? withoutLabels(stored) : stored,
    );
  }

  async taintsOf(holders: readonly string[]): Promise<readonly string[]> {
    const rows = await this.#reading.rows<{ name: string }>(
      'SELECT DISTINCT name FROM taints WHERE holder = ANY ($1) AND expires_at_ms > $2 ORDER BY name',
      [holders, this.#reading.nowMs],
    );
    return rows.map(({ name }) => name);
  }

  async getKey(id: string): Promise<ApiKey | null> {
    const [row] = await this.#reading.rows<KeyRow>('SELECT * FROM api_keys WHERE id = $1', [columnText(id)]);
    return row === undefined ? null : apiKey(row);
  }

  async listKeys(): Promise<readonly ApiKey[]> {
    return (await this.#reading.rows<KeyRow>('SELECT * FROM api_keys ORDER BY id')).map(apiKey);
  }

  async policyState(): Promise<PolicyState | null> {
    const [row] = await this.#reading.rows<{ revision: string; pin: string | null }>(
      'SELECT revision, pin FROM policy_state WHERE writer = $1',
      [this.#own?.home ?? null],
    );
    if (row === undefined) return null;
    return { revision: row.revision, pin: row.pin === null ? null : (JSON.parse(row.pin) as Pin) };
  }

  async revisionContent(revision: string): Promise<string | null> {
    const [row] = await this.#reading.rows<{ content: Buffer }>(
      'SELECT content FROM policy_revisions WHERE id = $1',
      [columnText(revision)],
    );
    if (row === undefined) return null;
    const id = `sha256:${createHash('sha256').update(row.content).digest('hex')}`;
    return id === revision ? row.content.toString() : null;
  }

  async listRevisions(): Promise<readonly StoredRevision[]> {
    const rows = await this.#reading.rows<Omit<StoredRevision, 'facts'> & { facts: string }>(
      `SELECT id AS revision, length(content) AS "contentBytes", first_activated_at_ms AS "firstActivatedAtMs",
         last_activated_at_ms AS "lastActivatedAtMs", facts
       FROM policy_revisions ORDER BY last_activated_at_ms DESC, id LIMIT 1000`,
    );
    return rows.map((row) => ({ ...row, facts: JSON.parse(row.facts) as ActivationFacts }));
  }

  async listBlocks(): Promise<readonly Block[]> {
    const rows = await this.#reading.rows<{ body: string }>(
      'SELECT body FROM blocks WHERE expires_at_ms > $1 ORDER BY id',
      [this.#reading.nowMs],
    );
    return rows.map(({ body }) => JSON.parse(body) as Block);
  }

  async listEvents(query: EventQuery): Promise<Page<StoredEvent>> {
    const rows = await readEventPage(this.#reading, query);
    const last = rows.at(-1);
    return {
      items: rows.map(readEvent),
      nextCursor: last?.more === true ? encodeCursor(query.order, last.position) : null,
    };
  }

  async getEvent(id: string): Promise<StoredEvent | null> {
    const [row] = await this.#reading.contentRows<EventRow & Record<string, unknown>>(
      null,
      `SELECT e.position, canonical, event_hash, previous_hash, hash, content
       FROM (SELECT ${withDay} FROM audit_chain e WHERE id = $1 LIMIT 1) e LEFT JOIN audit_content c ON ${isItsContent}`,
      [columnText(id)],
    );
    return row === undefined ? null : readEvent(row);
  }

  planErasure(selection: RecordSelection, limit: number): Promise<ErasurePlan> {
    return planErasure(this.#reading, selection, limit);
  }

  planPurge(limit: number): Promise<PurgePlan> {
    return planPurge(this.#reading, limit);
  }

  listHolds(): Promise<readonly Hold[]> {
    return listHolds(this.#reading);
  }

  async scrubDue(): Promise<ScrubDue> {
    const [row] = await this.#reading.rows<{ due: number }>('SELECT scrub_due AS due FROM upkeep');
    const due = row?.due ?? 0;
    return due === 0 ? 'no' : due === 1 ? 'some_time' : 'now';
  }

  export(filter: ExportFilter): Promise<RecordExport> {
    return startExport(this.#reading, filter);
  }

  heads(): Promise<readonly WriterHead[]> {
    return this.#reading.rows<WriterHead & Record<string, unknown>>(
      'SELECT writer, sequence, hash FROM writers WHERE sequence > 0 ORDER BY writer',
    );
  }

  verify(trust: VerifyTrust = {}): Promise<VerifyReport> {
    return verifyRecord(this.#reading, trust);
  }

  async *quotaUseSince(sinceMs: number): AsyncGenerator<QuotaUse> {
    const since = new Date(sinceMs).toISOString();
    for (let after = 0; ;) {
      const rows = await this.#reading.rows<DrawRow>(
        // Inside of strings quotation marks are escaped: only the member itself reads like this.
        `SELECT position, type, canonical FROM audit_chain
         WHERE type IN ('intent', 'outcome', 'not_started') AND position >= ${firstPositionSince('$1')}
           AND (type = 'not_started' OR position('"quotas":['::bytea IN canonical) > 0)
           AND time >= $1 AND position > $2 AND ($4::text IS NULL OR writer = $4) ORDER BY position LIMIT $3`,
        [since, after, drawsBatch, this.#own?.writer ?? null],
      );
      for (const row of rows) yield* await this.#quotaUseOf(row);
      const last = rows.at(-1);
      if (last === undefined || rows.length < drawsBatch) return;
      after = last.position;
    }
  }

  async #quotaUseOf({ type, canonical }: DrawRow): Promise<readonly QuotaUse[]> {
    const { time, callId, tenant = '', quotas } = parseCanonicalEvent(canonical.toString());
    if (callId === undefined) return [];
    if (type === 'not_started') {
      const [intent] = await this.#reading.rows<DrawRow>(
        `SELECT position, type, canonical FROM audit_chain WHERE call_id = $1 AND type = 'intent'`,
        [callId],
      );
      if (intent === undefined) return [];
      return (await this.#quotaUseOf(intent)).map((use) => ({ ...use, kind: 'withdrawn' }));
    }
    if (quotas === undefined) return [];
    const kind = type === 'intent' ? 'leased' : 'ended';
    // Draws of the first version said no amount: it counted calls alone.
    const draws = quotas.map((draw) => ({ ...firstVersionDraw, ...draw }));
    return [{ kind, atMs: Date.parse(time), callId, tenant, draws }];
  }

  /** Those that nobody alive answers for: their writer has a later epoch. */
  openCalls(): Promise<readonly StoredCall[]> {
    return this.#bodies<StoredCall>(
      `SELECT body FROM calls JOIN writers w ON w.writer = calls.writer AND calls.epoch < w.epoch
       WHERE status IN ('queued', 'running')
         AND EXISTS (SELECT 1 FROM audit_chain WHERE call_id = calls.id AND type IN ('queued', 'intent'))
         AND NOT EXISTS
           (SELECT 1 FROM audit_chain WHERE call_id = calls.id AND type IN ('outcome', 'not_started'))
       ORDER BY id`,
    );
  }

  async #body<T>(text: string, values: readonly (string | number)[]): Promise<T | null> {
    const [body] = await this.#bodies<T>(text, values.map(columnText));
    return body ?? null;
  }

  async #bodies<T>(text: string, values: readonly unknown[] = []): Promise<T[]> {
    const rows = await this.#reading.rows<BodyRow & Record<string, unknown>>(text, values);
    return rows.map(({ body }) => JSON.parse(body.toString()) as T);
  }
}
