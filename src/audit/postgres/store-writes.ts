/** Sealed writes as statements of one transaction. */
import { linkEvent } from '../chain.ts';
import { parseCanonicalEvent, searchColumnNames, searchColumns } from '../stored-event.ts';
import { rowsOf } from './connection.ts';
import { factColumns, storeLabels } from './call-index.ts';
import { storeClearing } from './clearing.ts';
import { hasLeftWaiting } from '../has-left-waiting.ts';
import { withStoredLabels } from '../session-labels.ts';
import { Refused } from './refused.ts';
import { removeFile, storeFile } from './store-file.ts';
import { eventTerms, insertTerms, insertWords } from './search-index.ts';
import { eventWords } from '../search-terms.ts';
import { columnText } from './column-text.ts';
import type { ChainHead } from '../chain.ts';
import type { Activation, StoredArtifact, StoredSession } from '../record.ts';
import type { News } from './news.ts';
import type { IndexRow } from './search-index.ts';
import type { JsonObject } from '../../model/json.ts';
import type { SealedCall, SealedWrite, StoredApproval } from '../sealed-write.ts';
import type { Session } from './connection.ts';

/** Policy revisions kept: the latest activated, and the one that decides. */
const revisionsKeptMax = 1000;

/** The record as this transaction left it so far: the last row of all, and the head of our chain. */
export interface Position extends ChainHead {
  readonly position: number;
  readonly timeHigh: string;
}

export interface Place {
  /** Days known to have a partition; more are made, and noted. */
  readonly days: Set<string>;
  /** Who answers for calls that run. */
  readonly owner: () => { readonly writer: string; readonly home: string; readonly epoch: number };
}

export interface StoredWrites {
  readonly position: Position;
  /** The head that the events of each write follow. */
  readonly starts: readonly ChainHead[];
  /** For the other nodes. */
  readonly news: News;
}

/** Rejects with `Refused`, or with the driver's error. */
export async function storeWrites(
  session: Session,
  writes: readonly SealedWrite[],
  start: Position,
  place: Place,
): Promise<StoredWrites> {
  const rows = new EventRows(start);
  const starts: ChainHead[] = [];
  for (const run of runsOf(writes)) {
    const [first] = run;
    // Before the events: they say themselves that the call is dispatched or ended.
    if (first?.settledApproval !== undefined) await settle(session, first.settledApproval, first.nowMs);
    if (first?.neverRun !== undefined) await giveUp(session, first.neverRun);
    for (const write of run) starts.push(rows.take(write));
    await storeEvents(session, rows, place.days);
    if (first !== undefined) await storeClearing(session, first);
    for (const group of callsOf(run)) await storeCalls(session, group, place);
    await storeArtifacts(
      session,
      run.flatMap(({ artifacts = [] }) => artifacts),
    );
    if (first !== undefined && !isPlain(first)) await storeRest(session, first, place);
  }
  const news: News = {
    calls: [...new Set(writes.flatMap(({ calls = [] }) => calls.map(({ id }) => id)))],
    cancelled: rows.cancelled,
    haveBlocksChanged: writes.some(({ blocks, removedBlocks }) => (blocks ?? removedBlocks) !== undefined),
  };
  return { position: rows.position, starts, news };
}

/** Events, calls and artifacts of many writes go together; what may be refused, or depends on the one before, alone. */
function runsOf(writes: readonly SealedWrite[]): readonly (readonly SealedWrite[])[] {
  const runs: SealedWrite[][] = [];
  let last: SealedWrite[] | null = null;
  for (const write of writes) {
    if (last !== null && isPlain(write) && !sharesCall(last, write)) last.push(write);
    else runs.push([write]);
    last = isPlain(write) ? (runs.at(-1) ?? null) : null;
  }
  return runs;
}

/** Each state of a call is looked at by itself: the second end of one is refused. */
function sharesCall(run: readonly SealedWrite[], { calls = [] }: SealedWrite): boolean {
  const ids = new Set(run.flatMap(({ calls: before = [] }) => before.map(({ id }) => id)));
  return calls.some(({ id }) => ids.has(id));
}

const plainMembers = new Set<keyof SealedWrite>(['nowMs', 'events', 'calls', 'artifacts']);

function isPlain(write: SealedWrite): boolean {
  return Object.keys(write).every((member) => plainMembers.has(member as keyof SealedWrite));
}

interface ContentRow {
  readonly day: string;
  readonly position: number;
  readonly tenant: string | null;
  readonly time: string;
  readonly salt: string;
  readonly content: Buffer;
}

/** Links events one after the other, and keeps their rows until they are stored. */
class EventRows {
  #position: Position;
  #rows: (readonly unknown[])[] = [];
  #contents: ContentRow[] = [];
  #index: IndexRow[] = [];
  /** Calls that were asked to end. */
  readonly cancelled: string[] = [];

  constructor(start: Position) {
    this.#position = start;
  }

  get position(): Position {
    return this.#position;
  }

  /** The head that they follow. */
  take({ events }: SealedWrite): ChainHead {
    const { sequence: before, hash: hashBefore } = this.#position;
    for (const event of events) {
      const { canonical, sequence, eventHash, previousHash, hash } = linkEvent(event, this.#position);
      const parsed = parseCanonicalEvent(canonical);
      const { time, tenant = null } = parsed;
      if (parsed.type === 'call_cancelled' && parsed.callId !== undefined) this.cancelled.push(parsed.callId);
      const timeHigh = time > this.#position.timeHigh ? time : this.#position.timeHigh;
      const position = this.#position.position + 1;
      const columns = searchColumns(parsed).map(columnText);
      this.#rows.push([
        position,
        Buffer.from(canonical),
        eventHash,
        previousHash,
        hash,
        timeHigh,
        ...columns,
      ]);
      if (event.content !== null) {
        const content = Buffer.from(event.content.text);
        const { salt } = event.content;
        this.#contents.push({ day: dayOf(time), position, tenant: columnText(tenant), time, salt, content });
      }
      const content = event.content === null ? null : (JSON.parse(event.content.text) as JsonObject);
      const terms = eventTerms(parsed, content);
      this.#index.push({ position, terms, words: eventWords(parsed.details, content) });
      this.#position = { position, sequence, hash, timeHigh };
    }
    return { sequence: before, hash: hashBefore };
  }

  /** Rows and contents since the last time. */
  drain() {
    const drained = { rows: this.#rows, contents: this.#contents, index: this.#index };
    this.#rows = [];
    this.#contents = [];
    this.#index = [];
    return drained;
  }
}

/** The partition of a time: its day in UTC. */
function dayOf(time: string): string {
  return time.slice(0, 10);
}

const eventColumns = [
  ['position', 'bigint'],
  ['canonical', 'bytea'],
  ['event_hash', 'text'],
  ['previous_hash', 'text'],
  ['hash', 'text'],
  ['time_high', 'text'],
  ...searchColumnNames.map((name) => [name, name === 'sequence' ? 'bigint' : 'text'] as const),
] as const;

const contentColumns = [
  ['day', 'text'],
  ['position', 'bigint'],
  ['tenant', 'text'],
  ['time', 'text'],
  ['salt', 'text'],
  ['content', 'bytea'],
] as const;

type Columns = readonly (readonly [name: string, type: string])[];

/** One statement for any number of rows. */
function insertSql(table: string, columns: Columns): string {
  const names = columns.map(([name]) => name).join(', ');
  const arrays = columns.map(([, type], index) => `$${index + 1}::${type}[]`).join(', ');
  return `INSERT INTO ${table} (${names}) SELECT * FROM unnest(${arrays})`;
}

function transposed(columns: Columns, rows: readonly (readonly unknown[])[]): unknown[][] {
  return columns.map((_column, index) => rows.map((row) => row[index]));
}

const insertEvents = insertSql('audit_chain', eventColumns);
const insertContents = insertSql('audit_content', contentColumns);

async function storeEvents(session: Session, pending: EventRows, days: Set<string>): Promise<void> {
  const { rows, contents, index } = pending.drain();
  if (rows.length > 0) await rowsOf(session, insertEvents, transposed(eventColumns, rows));
  await insertTerms(session, index);
  await insertWords(session, index);
  if (contents.length === 0) return;
  for (const day of new Set(contents.map((content) => content.day))) await ensureDay(session, day, days);
  const values = contents.map((row) => [row.day, row.position, row.tenant, row.time, row.salt, row.content]);
  await rowsOf(session, insertContents, transposed(contentColumns, values));
}

/** `day` is of our own clock: ten characters, digits and hyphens. */
async function ensureDay(session: Session, day: string, days: Set<string>): Promise<void> {
  if (days.has(day)) return;
  if (!/^\d{4}-\d\d-\d\d$/.test(day)) throw new TypeError(`${day} is not a day`);
  const name = `audit_content_${day.replaceAll('-', '')}`;
  await session.query(
    `CREATE TABLE IF NOT EXISTS ${name} PARTITION OF audit_content FOR VALUES IN ('${day}')`,
  );
  // A partition that is named itself asks for rights of its own.
  await session.query(`ALTER TABLE ${name} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY`);
  days.add(day);
}

interface CallRows {
  readonly latest: readonly SealedCall[];
  readonly nowMs: number;
  /** By an erasure. */
  readonly areEmptied: boolean;
}

/** Of a call that is stored several times, the last. */
function callsOf(run: readonly SealedWrite[]): readonly CallRows[] {
  const latest = [...new Map(run.flatMap(({ calls = [] }) => calls).map((call) => [call.id, call])).values()];
  const [first] = run;
  if (latest.length === 0 || first === undefined) return [];
  return [{ latest, nowMs: first.nowMs, areEmptied: first.clearing !== undefined }];
}

/** Whoever closes calls of a node that fell silent has read them a while ago: it may have come back and begun one. */
async function giveUp(session: Session, callIds: readonly string[]): Promise<void> {
  const waiting = await rowsOf(
    session,
    `SELECT id FROM calls WHERE id = ANY ($1) AND status = 'queued' ORDER BY id FOR UPDATE`,
    [callIds],
  );
  if (waiting.length < callIds.length) throw new Refused({ kind: 'call_ended' });
  await rowsOf(session, 'DELETE FROM idempotency WHERE call_id = ANY ($1)', [callIds]);
}

/** A call that has ended stays as it ended, unless an erasure empties it. */
async function storeCalls(
  session: Session,
  { latest, nowMs, areEmptied }: CallRows,
  place: Place,
): Promise<void> {
  const { writer, epoch } = place.owner();
  const stored = await rowsOf(
    session,
    `INSERT INTO calls AS c
       (id, status, salt, body, tenant, principal, created_at_ms, tool, session, writer, epoch, stored_at_ms)
     SELECT u.*, $5, $6, $7 FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[],
       $9::text[], $10::text[], $11::bigint[], $12::text[], $13::text[]) AS u
     ON CONFLICT (id) DO UPDATE SET status = excluded.status, salt = excluded.salt, body = excluded.body,
       writer = excluded.writer, epoch = excluded.epoch
       WHERE $8 OR c.status IN ('queued', 'running', 'pending_approval') RETURNING id`,
    [
      latest.map(({ id }) => id),
      latest.map(({ status }) => status),
      latest.map(({ salt }) => salt),
      latest.map(({ body }) => Buffer.from(body)),
      writer,
      epoch,
      nowMs,
      areEmptied,
      ...factColumns(latest.map(({ facts }) => facts)),
    ],
  );
  await storeLabels(session, latest);
  if (stored.length < latest.length) throw new Refused({ kind: 'call_ended' });
}

async function storeArtifacts(session: Session, artifacts: readonly StoredArtifact[]): Promise<void> {
  for (const { id, callId, tenant, principal, name, mediaType, sha256, expiresAtMs, data } of artifacts)
    await rowsOf(
      session,
      `INSERT INTO artifacts (id, call_id, tenant, principal, name, media_type, sha256, expires_at_ms, data)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
      [id, callId, tenant, principal, name, mediaType, sha256, expiresAtMs, Buffer.from(data)],
    );
}

/** What few writes hold. */
async function storeSession(session: Session, stored: StoredSession, home: string): Promise<void> {
  const { id, status } = stored.session;
  const [before] = await rowsOf<{ body: Buffer }>(session, 'SELECT body FROM sessions WHERE id = $1', [id]);
  const body = Buffer.from(JSON.stringify(withStoredLabels(stored, before?.body)));
  await rowsOf(
    session,
    `INSERT INTO sessions AS s (id, tenant, principal, status, body, writer) VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (id) DO UPDATE SET status = excluded.status, body = excluded.body WHERE s.status = 'open'`,
    [id, stored.tenant, stored.principal, status, body, home],
  );
}

async function storeRest(session: Session, write: SealedWrite, place: Place): Promise<void> {
  const { home } = place.owner();
  if (write.file !== undefined) await storeFile(session, write.file, write.nowMs);
  if (write.removedFile !== undefined) await removeFile(session, write.removedFile, write.nowMs);
  await storeIdempotency(session, write);
  if (write.requestedApproval !== undefined) {
    const { approval, payload } = write.requestedApproval;
    const { id, callId, tenant, principal, expiresAtMs, body } = approval;
    await rowsOf(
      session,
      `INSERT INTO approvals (id, call_id, tenant, principal, status, expires_at_ms, body)
       VALUES ($1, $2, $3, $4, 'pending', $5, $6)`,
      [id, callId, tenant, principal, expiresAtMs, Buffer.from(body)],
    );
    await rowsOf(session, 'INSERT INTO pending_payloads (call_id, sealed) VALUES ($1, $2)', [
      callId,
      Buffer.from(payload),
    ]);
  }
  await storeTaints(session, write);
  for (const stored of write.sessions ?? []) await storeSession(session, stored, home);
  await storeKeys(session, write);
  if (write.activation !== undefined) await storeActivation(session, write.activation, home);
  await storeBlocks(session, write);
  if (write.probeBytes !== undefined)
    await rowsOf(
      session,
      `INSERT INTO probe (id, at_ms, ballast) VALUES (1, $1, $2)
       ON CONFLICT (id) DO UPDATE SET at_ms = excluded.at_ms, ballast = excluded.ballast`,
      [write.nowMs, Buffer.alloc(write.probeBytes)],
    );
}

async function storeIdempotency(session: Session, write: SealedWrite): Promise<void> {
  if (write.idempotency !== undefined) {
    const { principal, key, fingerprint, callId, expiresAtMs } = write.idempotency;
    const claimed = await rowsOf(
      session,
      `INSERT INTO idempotency AS i (principal, key, fingerprint, call_id, expires_at_ms) VALUES ($1, $2, $3, $4, $5)
       ON CONFLICT (principal, key) DO UPDATE SET fingerprint = excluded.fingerprint, call_id = excluded.call_id,
         expires_at_ms = excluded.expires_at_ms WHERE i.expires_at_ms <= $6 RETURNING key`,
      [principal, key, fingerprint, callId, expiresAtMs, write.nowMs],
    );
    if (claimed.length === 0) throw new Refused({ kind: 'idempotency_taken' });
  }
  if (write.releasedIdempotency !== undefined) {
    const { principal, key, callId } = write.releasedIdempotency;
    await rowsOf(session, 'DELETE FROM idempotency WHERE principal = $1 AND key = $2 AND call_id = $3', [
      principal,
      key,
      callId,
    ]);
  }
}

async function storeTaints(session: Session, { taints, nowMs }: SealedWrite): Promise<void> {
  if (taints === undefined) return;
  for (const { holder, name, expiresAtMs } of taints)
    await rowsOf(
      session,
      `INSERT INTO taints AS t (holder, name, expires_at_ms) VALUES ($1, $2, $3)
       ON CONFLICT (holder, name) DO UPDATE SET expires_at_ms = greatest(t.expires_at_ms, excluded.expires_at_ms)`,
      [holder, name, expiresAtMs],
    );
  await rowsOf(session, 'DELETE FROM taints WHERE expires_at_ms <= $1', [nowMs]);
}

async function storeKeys(session: Session, { keys = [], revokedKeys = [] }: SealedWrite): Promise<void> {
  for (const key of keys) {
    const { id, secretHash, principal, tenant, createdAtMs, expiresAtMs, revokedAtMs } = key;
    const lists = [key.roles, key.scopes, key.attributes].map((list) => JSON.stringify(list));
    await rowsOf(
      session,
      `INSERT INTO api_keys
         (id, secret_hash, principal, tenant, roles, scopes, attributes, created_at_ms, expires_at_ms, revoked_at_ms)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
       ON CONFLICT (id) DO UPDATE SET secret_hash = excluded.secret_hash, principal = excluded.principal,
         tenant = excluded.tenant, roles = excluded.roles, scopes = excluded.scopes, attributes = excluded.attributes,
         created_at_ms = excluded.created_at_ms, expires_at_ms = excluded.expires_at_ms,
         revoked_at_ms = excluded.revoked_at_ms`,
      [id, secretHash, principal, tenant, ...lists, createdAtMs, expiresAtMs, revokedAtMs],
    );
  }
  // A key that is revoked already keeps its time.
  for (const { id, atMs } of revokedKeys)
    await rowsOf(session, 'UPDATE api_keys SET revoked_at_ms = coalesce(revoked_at_ms, $1) WHERE id = $2', [
      atMs,
      id,
    ]);
}

async function storeActivation(
  session: Session,
  { revision, content, atMs, facts, pin }: Activation,
  home: string,
): Promise<void> {
  const text = JSON.stringify(facts);
  // What is there already was altered, else it would not be brought again.
  if (content !== null)
    await rowsOf(
      session,
      `INSERT INTO policy_revisions (id, content, first_activated_at_ms, last_activated_at_ms, facts)
       VALUES ($1, $2, $3, $3, $4) ON CONFLICT (id) DO UPDATE SET content = excluded.content`,
      [revision, Buffer.from(content), atMs, text],
    );
  await rowsOf(session, 'UPDATE policy_revisions SET last_activated_at_ms = $1, facts = $2 WHERE id = $3', [
    atMs,
    text,
    revision,
  ]);
  // The reference makes an activation without content fail when it is not stored after all.
  await rowsOf(
    session,
    `INSERT INTO policy_state (writer, revision, pin) VALUES ($3, $1, $2)
     ON CONFLICT (writer) DO UPDATE SET revision = excluded.revision, pin = excluded.pin`,
    [revision, pin === null ? null : JSON.stringify(pin), home],
  );
  await rowsOf(
    session,
    `DELETE FROM policy_revisions WHERE id NOT IN (SELECT revision FROM policy_state)
       AND id NOT IN (SELECT id FROM policy_revisions ORDER BY last_activated_at_ms DESC, id LIMIT $1)`,
    [revisionsKeptMax],
  );
}

async function storeBlocks(session: Session, write: SealedWrite): Promise<void> {
  for (const block of write.blocks ?? []) {
    await rowsOf(session, 'INSERT INTO blocks (id, expires_at_ms, body) VALUES ($1, $2, $3)', [
      block.id,
      block.expiresAtMs,
      JSON.stringify(block),
    ]);
    // What expired is on the record; here it would only be read at every start.
    await rowsOf(session, 'DELETE FROM blocks WHERE expires_at_ms <= $1', [write.nowMs]);
  }
  for (const id of write.removedBlocks ?? []) await rowsOf(session, 'DELETE FROM blocks WHERE id = $1', [id]);
}

/** Compare-and-swap from pending. */
async function settle(session: Session, approval: StoredApproval, nowMs: number): Promise<void> {
  const { id, callId, status, body } = approval;
  const isInTime = status === 'approved' || status === 'rejected' ? nowMs : 0;
  const settled = await rowsOf(
    session,
    // The chain cannot be taken back: a row that was put back to pending by other hands settles no second time.
    `UPDATE approvals SET status = $1, body = $2 WHERE id = $3 AND status = 'pending' AND expires_at_ms > $4
       AND NOT ${hasLeftWaiting} RETURNING id`,
    [status, Buffer.from(body), id, isInTime],
  );
  if (settled.length === 0) throw new Refused({ kind: 'approval_settled' });
  await rowsOf(session, 'DELETE FROM pending_payloads WHERE call_id = $1', [callId]);
}
