/**
 * The one that writes: many writes in one transaction. When one of them is refused, all are written once more, each
 * in a savepoint of its own, so that it does not spoil the others. Holds the head of this writer's chain; after any failure it is read again.
 */
import { genesisHash, linkEvent } from '../chain.ts';
import { parseCanonicalEvent, searchColumnNames, searchColumns } from '../stored-event.ts';
import { openWriter, sqliteCode } from './connection.ts';
import { LogKeeper } from './log-keeper.ts';
import { fileStatements, removeFile, storeFile } from './store-file.ts';
import type { ChainHead, SealedEvent } from '../chain.ts';
import type { Activation } from '../record.ts';
import type { Connection } from './connection.ts';
import { callIndexStatements, indexCall } from './call-index.ts';
import { addHold, clear, clearingStatements, dropExpired, scrub } from './clearing.ts';
import { hasLeftWaiting } from '../has-left-waiting.ts';
import { withStoredLabels } from '../session-labels.ts';
import { addToIndex } from './search-schema.ts';
import { writeBytes } from '../write-limits.ts';
import type { Commit, SealedWrite, Stored, StoredApproval, WriteFailure } from '../sealed-write.ts';

/** Policy revisions kept: the latest activated, and the one that decides. */
const revisionsKeptMax = 1000;

/** The chain as this transaction left it so far. */
interface Position extends ChainHead {
  readonly timeHigh: string;
}

export class Committer implements Disposable {
  readonly #file: string;
  readonly #writer: string;
  #connection: Connection | null = null;
  #statements: Statements | null = null;
  #position: Position | null = null;
  readonly #log: LogKeeper;

  constructor(file: string, writer: string) {
    this.#file = file;
    this.#writer = writer;
    this.#log = new LogKeeper(file);
  }

  /** Durable when it returns. Never throws: what failed says so in its place. */
  commit(writes: readonly SealedWrite[]): Commit {
    try {
      return this.#transaction(writes);
    } catch (error) {
      this.#reset();
      const failure = writeFailure(error);
      return writes.map(() => failure);
    }
  }

  /** After the writes of a commit were answered: they are durable, whatever becomes of this. */
  keepLog(writes: readonly SealedWrite[]): void {
    if (this.#connection === null) return;
    try {
      this.#log.look(
        this.#connection,
        writes.reduce((sum, write) => sum + writeBytes(write), 0),
      );
    } catch {
      // What is wrong with the file the next commit meets as well.
      this.#reset();
    }
  }

  /** Rewrites the file, so that nothing of what was cleared is left in its bytes. */
  scrub(): Commit {
    try {
      this.#log.settle();
      scrub((this.#connection ??= openWriter(this.#file)));
      return [{ kind: 'stored', sequence: 0, hash: genesisHash }];
    } catch (error) {
      this.#reset();
      return [writeFailure(error)];
    }
  }

  /** Leaves everything in the one file, as far as readers let it. */
  [Symbol.dispose](): void {
    this.#log.settle();
    this.#connection?.pragma('wal_checkpoint(TRUNCATE)');
    this.#reset();
  }

  /** Most transactions have nothing to take back, and marking the way back costs a third of the whole. */
  #transaction(writes: readonly SealedWrite[]): Commit {
    const connection = (this.#connection ??= openWriter(this.#file));
    const statements = (this.#statements ??= prepare(connection));
    try {
      return this.#apply(statements, writes, (write, place) =>
        storeOrContradict(connection, statements, write, place),
      );
    } catch (error) {
      if (!(error instanceof Contradiction)) throw error;
      statements.rollback.run();
      return this.#apply(statements, writes, (write, place) =>
        storeInSavepoint(connection, statements, write, place),
      );
    }
  }

  #apply(statements: Statements, writes: readonly SealedWrite[], store: Store): Commit {
    statements.begin.run();
    const before = (this.#position ??= readPosition(statements, this.#writer));
    let position = before;
    const commit: (Stored | WriteFailure)[] = [];
    for (const write of writes) {
      const applied = store(write, position);
      if ('kind' in applied) commit.push(applied);
      else {
        commit.push({ kind: 'stored', sequence: position.sequence, hash: position.hash });
        position = applied;
      }
    }
    if (position !== before) statements.setHead.run(this.#writer, position.sequence, position.hash);
    statements.commit.run();
    this.#position = position;
    return commit;
  }

  /** A connection that failed is not used again; closing it rolls back what it had begun. */
  #reset(): void {
    this.#position = null;
    this.#statements = null;
    const connection = this.#connection;
    this.#connection = null;
    connection?.close();
  }
}

/** Puts one write after a position: where that leads, or why the write left nothing. */
type Store = (write: SealedWrite, position: Position) => Position | WriteFailure;

/** A write of the batch cannot be stored; which one, and why, the savepoints tell. */
class Contradiction extends Error {
  override readonly name = 'Contradiction';
}

/** For a batch in which every write holds, as nearly all do. */
function storeOrContradict(
  connection: Connection,
  statements: Statements,
  write: SealedWrite,
  position: Position,
): Position {
  let applied: Position | WriteFailure;
  try {
    applied = storeWrite(statements, write, position);
  } catch (error) {
    if (!isOwnAffair(connection, error)) throw error;
    throw new Contradiction('a constraint', { cause: error });
  }
  if ('kind' in applied) throw new Contradiction(applied.kind);
  return applied;
}

/** A write that is refused takes nothing but itself back. */
function storeInSavepoint(
  connection: Connection,
  statements: Statements,
  write: SealedWrite,
  position: Position,
): Position | WriteFailure {
  statements.savepoint.run();
  try {
    const applied = storeWrite(statements, write, position);
    if ('kind' in applied) statements.rollbackTo.run();
    statements.release.run();
    return applied;
  } catch (error) {
    if (!isOwnAffair(connection, error)) throw error;
    statements.rollbackTo.run();
    statements.release.run();
    return writeFailure(error);
  }
}

/** Only a contradiction with what is stored is a write's own affair; anything else fails the whole batch. */
function isOwnAffair(connection: Connection, error: unknown): boolean {
  return connection.inTransaction && sqliteCode(error)?.startsWith('SQLITE_CONSTRAINT') === true;
}

function storeWrite(statements: Statements, write: SealedWrite, start: Position): Position | WriteFailure {
  // Before the events: they say themselves that the call is dispatched or ended.
  if (write.settledApproval !== undefined && !settle(statements, write.settledApproval, write.nowMs))
    return { kind: 'approval_settled' };
  for (const id of write.neverRun ?? []) {
    if (statements.callStatus.get(id) !== 'queued') return { kind: 'call_ended' };
    statements.unclaimCall.run(id);
  }
  let position = start;
  for (const event of write.events) position = storeEvent(statements, event, position);
  if (write.clearing !== undefined && !clear(statements.clearing, write.clearing)) return { kind: 'held' };
  if (write.dropsExpired === true) dropExpired(statements.clearing, write.nowMs);
  if (write.hold !== undefined) addHold(statements.clearing, write.hold);
  if (write.releasedHold !== undefined) statements.clearing.dropHold.run(write.releasedHold);
  for (const call of write.calls ?? []) {
    const { id, status, salt, body } = call;
    statements.putCall.run(id, status, salt, Buffer.from(body), write.nowMs);
    indexCall(statements.callIndex, call, write.nowMs);
  }
  for (const artifact of write.artifacts ?? []) {
    const { id, callId, tenant, principal, name, mediaType, sha256, expiresAtMs, data } = artifact;
    statements.addArtifact.run(id, callId, tenant, principal, name, mediaType, sha256, expiresAtMs, data);
  }
  if (write.file !== undefined && !storeFile(statements.files, write.file, write.nowMs))
    return { kind: 'no_room_for_file' };
  if (write.removedFile !== undefined && !removeFile(statements.files, write.removedFile, write.nowMs))
    return { kind: 'file_gone' };
  if (write.idempotency !== undefined) {
    const { principal, key, fingerprint, callId, expiresAtMs } = write.idempotency;
    const { changes } = statements.claim.run(principal, key, fingerprint, callId, expiresAtMs, write.nowMs);
    if (changes === 0) return { kind: 'idempotency_taken' };
  }
  if (write.requestedApproval !== undefined) {
    const { approval, payload } = write.requestedApproval;
    const { id, callId, principal, expiresAtMs, body } = approval;
    statements.addApproval.run(id, callId, principal, expiresAtMs, Buffer.from(body));
    statements.addPayload.run(callId, payload);
  }
  if (write.releasedIdempotency !== undefined) {
    const { principal, key, callId } = write.releasedIdempotency;
    statements.unclaim.run(principal, key, callId);
  }
  for (const { holder, name, expiresAtMs } of write.taints ?? [])
    statements.putTaint.run(holder, name, expiresAtMs);
  if (write.taints !== undefined) statements.dropTaints.run(write.nowMs);
  for (const stored of write.sessions ?? []) {
    const { session, tenant, principal } = stored;
    const before = statements.clearing.session.get(session.id) as Buffer | undefined;
    const body = Buffer.from(JSON.stringify(withStoredLabels(stored, before)));
    statements.putSession.run(session.id, tenant, principal, session.status, body);
  }
  for (const key of write.keys ?? []) {
    const { id, secretHash, principal, tenant, createdAtMs, expiresAtMs, revokedAtMs } = key;
    const lists = [key.roles, key.scopes, key.attributes].map((list) => JSON.stringify(list));
    statements.putKey.run(id, secretHash, principal, tenant, ...lists, createdAtMs, expiresAtMs, revokedAtMs);
  }
  for (const { id, atMs } of write.revokedKeys ?? []) statements.revokeKey.run(atMs, id);
  if (write.activation !== undefined) storeActivation(statements, write.activation);
  for (const block of write.blocks ?? []) {
    statements.putBlock.run(block.id, block.expiresAtMs, JSON.stringify(block));
    statements.dropBlocks.run(write.nowMs);
  }
  for (const id of write.removedBlocks ?? []) statements.dropBlock.run(id);
  if (write.probeBytes !== undefined) statements.probe.run(write.nowMs, write.probeBytes);
  return position;
}

function storeActivation(statements: Statements, { revision, content, atMs, facts, pin }: Activation): void {
  const text = JSON.stringify(facts);
  if (content !== null) statements.addRevision.run(revision, Buffer.from(content), atMs, atMs, text);
  statements.useRevision.run(atMs, text, revision);
  statements.setPolicyState.run(revision, pin === null ? null : JSON.stringify(pin));
  statements.dropRevisions.run(revisionsKeptMax);
}

/** Compare-and-swap from pending; false when another write was first. */
function settle(statements: Statements, approval: StoredApproval, nowMs: number): boolean {
  const { id, callId, status, body } = approval;
  const isInTime = status === 'approved' || status === 'rejected' ? nowMs : 0;
  const { changes } = statements.settleApproval.run(status, Buffer.from(body), id, isInTime);
  if (changes === 1) statements.dropPayload.run(callId);
  return changes === 1;
}

function storeEvent(statements: Statements, event: SealedEvent, position: Position): Position {
  const { canonical, sequence, eventHash, previousHash, hash } = linkEvent(event, position);
  const parsed = parseCanonicalEvent(canonical);
  const timeHigh = parsed.time > position.timeHigh ? parsed.time : position.timeHigh;
  const hashes = [eventHash, previousHash, hash];
  const { lastInsertRowid } = statements.addEvent.run(
    Buffer.from(canonical),
    ...hashes,
    timeHigh,
    ...searchColumns(parsed),
  );
  if (event.content !== null)
    statements.addContent.run(lastInsertRowid, event.content.salt, Buffer.from(event.content.text));
  addToIndex(statements.clearing.index, lastInsertRowid, parsed, event.content?.text ?? null);
  return { sequence, hash, timeHigh };
}

/** Goes on after a tail that was cut off: the gap stays as evidence. Events after the head leave no place to go on. */
function readPosition(statements: Statements, writer: string): Position {
  const head = (statements.getHead.get(writer) as ChainHead | undefined) ?? {
    sequence: 0,
    hash: genesisHash,
  };
  const last = statements.getLastSequence.get(writer) as number | null;
  if (last !== null && last > head.sequence)
    throw new Error(`the chain of ${writer} goes on after its head ${head.sequence}; verify the record`);
  const timeHigh = statements.getTimeHigh.get() as string | undefined;
  return { ...head, timeHigh: timeHigh ?? '' };
}

function writeFailure(error: unknown): WriteFailure {
  const message = error instanceof Error ? error.message : String(error);
  return { kind: 'failed', code: sqliteCode(error), message };
}

type Statements = ReturnType<typeof prepare>;

function prepare(connection: Connection) {
  const columns = searchColumnNames.join(', ');
  const marks = searchColumnNames.map(() => '?').join(', ');
  return {
    clearing: clearingStatements(connection),
    callIndex: callIndexStatements(connection),
    begin: connection.prepare('BEGIN IMMEDIATE'),
    commit: connection.prepare('COMMIT'),
    rollback: connection.prepare('ROLLBACK'),
    savepoint: connection.prepare('SAVEPOINT one_write'),
    rollbackTo: connection.prepare('ROLLBACK TO one_write'),
    release: connection.prepare('RELEASE one_write'),
    getHead: connection.prepare('SELECT sequence, hash FROM writers WHERE writer = ?'),
    getLastSequence: connection.prepare('SELECT max(sequence) FROM audit_chain WHERE writer = ?').pluck(),
    getTimeHigh: connection
      .prepare('SELECT time_high FROM audit_chain ORDER BY position DESC LIMIT 1')
      .pluck(),
    setHead: connection.prepare('INSERT OR REPLACE INTO writers (writer, sequence, hash) VALUES (?, ?, ?)'),
    addEvent: connection.prepare(
      `INSERT INTO audit_chain (canonical, event_hash, previous_hash, hash, time_high, ${columns}) VALUES (?, ?, ?, ?, ?, ${marks})`,
    ),
    addContent: connection.prepare('INSERT INTO audit_content (position, salt, content) VALUES (?, ?, ?)'),
    putCall: connection.prepare(
      `INSERT INTO calls (id, status, salt, body, stored_at_ms) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET status = excluded.status, salt = excluded.salt, body = excluded.body`,
    ),
    callStatus: connection.prepare('SELECT status FROM calls WHERE id = ?').pluck(),
    unclaimCall: connection.prepare('DELETE FROM idempotency WHERE call_id = ?'),
    addArtifact: connection.prepare(
      `INSERT INTO artifacts (id, call_id, tenant, principal, name, media_type, sha256, expires_at_ms, data)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    files: fileStatements(connection),
    // No row changes when the entry is held and has not expired.
    claim: connection.prepare(
      `INSERT INTO idempotency (principal, key, fingerprint, call_id, expires_at_ms) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (principal, key) DO UPDATE SET fingerprint = excluded.fingerprint, call_id = excluded.call_id,
         expires_at_ms = excluded.expires_at_ms WHERE expires_at_ms <= ?`,
    ),
    unclaim: connection.prepare('DELETE FROM idempotency WHERE principal = ? AND key = ? AND call_id = ?'),
    addApproval: connection.prepare(
      `INSERT INTO approvals (id, call_id, principal, status, expires_at_ms, body) VALUES (?, ?, ?, 'pending', ?, ?)`,
    ),
    addPayload: connection.prepare('INSERT INTO pending_payloads (call_id, sealed) VALUES (?, ?)'),
    // The chain cannot be taken back: a row that was put back to pending by other hands settles no second time.
    settleApproval: connection.prepare(
      `UPDATE approvals SET status = ?, body = ? WHERE id = ? AND status = 'pending' AND expires_at_ms > ?
         AND NOT ${hasLeftWaiting}`,
    ),
    dropPayload: connection.prepare('DELETE FROM pending_payloads WHERE call_id = ?'),
    putTaint: connection.prepare(
      `INSERT INTO taints (holder, name, expires_at_ms) VALUES (?, ?, ?)
       ON CONFLICT (holder, name) DO UPDATE SET expires_at_ms = max(expires_at_ms, excluded.expires_at_ms)`,
    ),
    dropTaints: connection.prepare('DELETE FROM taints WHERE expires_at_ms <= ?'),
    putSession: connection.prepare(
      `INSERT INTO sessions (id, tenant, principal, status, body) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET status = excluded.status, body = excluded.body WHERE status = 'open'`,
    ),
    putKey: connection.prepare(
      `INSERT OR REPLACE INTO api_keys
         (id, secret_hash, principal, tenant, roles, scopes, attributes, created_at_ms, expires_at_ms, revoked_at_ms)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    // A key that is revoked already keeps its time.
    revokeKey: connection.prepare(
      'UPDATE api_keys SET revoked_at_ms = coalesce(revoked_at_ms, ?) WHERE id = ?',
    ),
    // What is there already was altered, else it would not be brought again.
    addRevision: connection.prepare(
      `INSERT INTO policy_revisions (id, content, first_activated_at_ms, last_activated_at_ms, facts)
       VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET content = excluded.content`,
    ),
    useRevision: connection.prepare(
      'UPDATE policy_revisions SET last_activated_at_ms = ?, facts = ? WHERE id = ?',
    ),
    // The reference makes an activation without content fail when it is not stored after all.
    setPolicyState: connection.prepare(
      'INSERT OR REPLACE INTO policy_state (id, revision, pin) VALUES (1, ?, ?)',
    ),
    dropRevisions: connection.prepare(
      `DELETE FROM policy_revisions WHERE id NOT IN (SELECT revision FROM policy_state)
         AND id NOT IN (SELECT id FROM policy_revisions ORDER BY last_activated_at_ms DESC, id LIMIT ?)`,
    ),
    putBlock: connection.prepare('INSERT INTO blocks (id, expires_at_ms, body) VALUES (?, ?, ?)'),
    // What expired is on the record; here it would only be read at every start.
    dropBlocks: connection.prepare('DELETE FROM blocks WHERE expires_at_ms <= ?'),
    dropBlock: connection.prepare('DELETE FROM blocks WHERE id = ?'),
    probe: connection.prepare('INSERT OR REPLACE INTO probe (id, at_ms, ballast) VALUES (1, ?, zeroblob(?))'),
  };
}
