/** What the writer does to clear content, and to make the file forget it. */
import { isCallHeld, isFileHeld, isHeldAt } from '../hold-sql.ts';
import { parseSession, withoutLabels } from '../session-labels.ts';
import { parseCanonicalEvent } from '../stored-event.ts';
import { dropFromIndex, indexStatements } from './search-schema.ts';
import type { Approval } from '../../model/approval.ts';
import type { Clearing, Hold } from '../erasure.ts';
import type { Connection } from './connection.ts';
import { fileIds } from '../uploaded-files.ts';

export type ClearingStatements = ReturnType<typeof clearingStatements>;

export function clearingStatements(connection: Connection) {
  return {
    index: indexStatements(connection),
    isHeldAt: connection.prepare(`SELECT ${isHeldAt('?')}`).pluck(),
    isCallHeld: connection.prepare(`SELECT ${isCallHeld('?')}`).pluck(),
    event: connection
      .prepare(
        'SELECT canonical, content FROM audit_content c JOIN audit_chain e ON e.position = c.position WHERE c.position = ?',
      )
      .raw(),
    dropContent: connection.prepare('DELETE FROM audit_content WHERE position = ?'),
    dropArtifacts: connection.prepare('DELETE FROM artifacts WHERE call_id = ?'),
    dropLabels: connection.prepare('DELETE FROM call_labels WHERE call_id = ?'),
    dropPayload: connection.prepare('DELETE FROM pending_payloads WHERE call_id = ?'),
    dropCall: connection.prepare('DELETE FROM calls WHERE id = ?'),
    // The key stays taken for as long as it would have been: what was run once is not run again.
    forgetBody: connection.prepare(`UPDATE idempotency SET fingerprint = '' WHERE call_id = ?`),
    approval: connection.prepare('SELECT body FROM approvals WHERE call_id = ?').pluck(),
    setApproval: connection.prepare('UPDATE approvals SET body = ? WHERE call_id = ?'),
    session: connection.prepare('SELECT body FROM sessions WHERE id = ?').pluck(),
    setSession: connection.prepare('UPDATE sessions SET body = ? WHERE id = ?'),
    dropExpiredArtifacts: connection.prepare(
      `DELETE FROM artifacts WHERE expires_at_ms <= ? AND NOT ${isCallHeld('artifacts.call_id')}`,
    ),
    dropFile: connection.prepare(`DELETE FROM files WHERE id = ? AND NOT ${isFileHeld('files.id')}`),
    dropExpiredFiles: connection.prepare(
      `DELETE FROM files WHERE expires_at_ms <= ? AND NOT ${isFileHeld('files.id')}`,
    ),
    dropExpiredKeys: connection.prepare('DELETE FROM idempotency WHERE expires_at_ms <= ?'),
    scrubIsDue: connection.prepare('UPDATE upkeep SET scrub_due = max(scrub_due, ?)'),
    addHold: connection.prepare(
      `INSERT INTO holds (id, call_id, principal, tenant, session, from_time, to_time, body)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    dropHold: connection.prepare('DELETE FROM holds WHERE id = ?'),
  };
}

/** False when a hold means some of it; what was cleared until then is taken back with the write. */
export function clear(statements: ClearingStatements, clearing: Clearing): boolean {
  for (const place of clearing.places) {
    if (statements.isHeldAt.get(place) === 1) return false;
    const row = statements.event.get(place) as [canonical: Buffer, content: Buffer] | undefined;
    if (row === undefined) continue;
    dropFromIndex(statements.index, place, row[0].toString(), row[1].toString());
    statements.dropContent.run(place);
    for (const id of fileIds(parseCanonicalEvent(row[0].toString()).details)) statements.dropFile.run(id);
  }
  for (const callId of clearing.callIds) {
    if (statements.isCallHeld.get(callId) === 1) return false;
    if (clearing.calls === 'removed') {
      statements.dropCall.run(callId);
      continue;
    }
    statements.dropArtifacts.run(callId);
    statements.dropLabels.run(callId);
    statements.dropPayload.run(callId);
    statements.forgetBody.run(callId);
    forgetWordsOfApprover(statements, callId);
  }
  for (const id of clearing.sessionIds) forgetLabels(statements, id);
  statements.scrubIsDue.run(clearing.calls === 'emptied' ? 2 : 1);
  return true;
}

export function dropExpired(statements: ClearingStatements, nowMs: number): void {
  statements.dropExpiredArtifacts.run(nowMs);
  statements.dropExpiredFiles.run(nowMs);
  statements.dropExpiredKeys.run(nowMs);
}

export function addHold({ addHold }: ClearingStatements, hold: Hold): void {
  const { callId, principal, tenant, session, from, to } = hold.selection;
  const columns = [callId, principal, tenant, session, from, to].map((value) => value ?? null);
  addHold.run(hold.id, ...columns, JSON.stringify(hold));
}

/**
 * Deleted rows are overwritten where they stood, but rows that the tree moved about leave copies behind: only a file that is
 * written anew holds nothing else than what is in it. Throws when that cannot be done now, for example while somebody reads.
 */
export function scrub(connection: Connection): void {
  connection.exec('VACUUM');
  const [result] = connection.pragma('wal_checkpoint(TRUNCATE)') as { busy: number }[];
  if (result?.busy === 0) {
    // Only now: until the log is written back, the file itself is the old one, and a crash would leave it so.
    connection.prepare('UPDATE upkeep SET scrub_due = 0').run();
    return;
  }
  throw Object.assign(new Error('somebody reads the database: its log cannot be emptied'), {
    code: 'SQLITE_BUSY',
  });
}

function forgetWordsOfApprover({ approval, setApproval }: ClearingStatements, callId: string): void {
  const body = approval.get(callId) as Buffer | undefined;
  if (body === undefined) return;
  const stored = JSON.parse(body.toString()) as Approval;
  if (stored.settled === null) return;
  const cleared: Approval = { ...stored, settled: { ...stored.settled, reason: null } };
  setApproval.run(Buffer.from(JSON.stringify(cleared)), callId);
}

function forgetLabels({ session, setSession }: ClearingStatements, id: string): void {
  const body = session.get(id) as Buffer | undefined;
  if (body === undefined) return;
  setSession.run(Buffer.from(JSON.stringify(withoutLabels(parseSession(body)))), id);
}
