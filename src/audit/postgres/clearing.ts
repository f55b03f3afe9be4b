/** What a write does to clear content, and to hold it. */
import { contentTermKinds } from '../search-terms.ts';
import { isCallHeld, isFileHeld, isHeldAt } from '../hold-sql.ts';
import { parseSession, withoutLabels } from '../session-labels.ts';
import { parseCanonicalEvent } from '../stored-event.ts';
import { rowsOf } from './connection.ts';
import { Refused } from './refused.ts';
import { isItsContent, withDay } from './content-of.ts';
import { insertWords } from './search-index.ts';
import { eventWords } from '../search-terms.ts';
import type { Approval } from '../../model/approval.ts';
import type { Clearing, Hold } from '../erasure.ts';
import type { SealedWrite } from '../sealed-write.ts';
import type { Session } from './connection.ts';
import { fileIds } from '../uploaded-files.ts';

/** Rejects with `Refused` when a hold means some of what should be cleared. */
export async function storeClearing(session: Session, write: SealedWrite): Promise<void> {
  if (write.clearing !== undefined) await clear(session, write.clearing);
  if (write.dropsExpired === true) {
    await rowsOf(
      session,
      `DELETE FROM artifacts WHERE expires_at_ms <= $1 AND NOT ${isCallHeld('artifacts.call_id')}`,
      [write.nowMs],
    );
    await rowsOf(session, `DELETE FROM files WHERE expires_at_ms <= $1 AND NOT ${isFileHeld('files.id')}`, [
      write.nowMs,
    ]);
    await rowsOf(session, 'DELETE FROM idempotency WHERE expires_at_ms <= $1', [write.nowMs]);
  }
  if (write.hold !== undefined) await addHold(session, write.hold);
  if (write.releasedHold !== undefined)
    await rowsOf(session, 'DELETE FROM holds WHERE id = $1', [write.releasedHold]);
}

async function clear(session: Session, clearing: Clearing): Promise<void> {
  const { places, callIds, sessionIds } = clearing;
  const [held] = await rowsOf<{ isHeld: boolean }>(
    session,
    `SELECT EXISTS (SELECT 1 FROM unnest($1::bigint[]) AS p (position) WHERE ${isHeldAt('p.position')})
       OR EXISTS (SELECT 1 FROM unnest($2::text[]) AS k (id) WHERE ${isCallHeld('k.id')}) AS "isHeld"`,
    [places, callIds],
  );
  if (held?.isHeld !== false) throw new Refused({ kind: 'held' });
  await clearPlaces(session, places);
  if (clearing.calls === 'removed') await rowsOf(session, 'DELETE FROM calls WHERE id = ANY ($1)', [callIds]);
  else await emptyCalls(session, callIds);
  for (const id of sessionIds) await forgetLabels(session, id);
  await rowsOf(session, 'UPDATE upkeep SET scrub_due = greatest(scrub_due, $1)', [
    clearing.calls === 'emptied' ? 2 : 1,
  ]);
}

/** Of the words those stay that the event itself holds. */
async function clearPlaces(session: Session, places: readonly number[]): Promise<void> {
  const cleared = await rowsOf<{ position: number; canonical: Buffer }>(
    session,
    `DELETE FROM audit_content c USING (SELECT ${withDay} FROM audit_chain e WHERE position = ANY ($1) OFFSET 0) e
     WHERE ${isItsContent} RETURNING e.position, e.canonical`,
    [places],
  );
  const positions = cleared.map(({ position }) => position);
  await rowsOf(session, 'DELETE FROM audit_terms WHERE position = ANY ($1) AND kind = ANY ($2)', [
    positions,
    contentTermKinds,
  ]);
  await rowsOf(session, 'DELETE FROM audit_words WHERE position = ANY ($1)', [positions]);
  const kept = cleared.map(({ position, canonical }) => {
    const { details } = parseCanonicalEvent(canonical.toString());
    return { position, terms: [], words: eventWords(details, null) };
  });
  await insertWords(session, kept);
  const files = cleared.flatMap(({ canonical }) =>
    fileIds(parseCanonicalEvent(canonical.toString()).details),
  );
  await rowsOf(session, `DELETE FROM files WHERE id = ANY ($1) AND NOT ${isFileHeld('files.id')}`, [files]);
}

async function emptyCalls(session: Session, callIds: readonly string[]): Promise<void> {
  await rowsOf(session, 'DELETE FROM artifacts WHERE call_id = ANY ($1)', [callIds]);
  await rowsOf(session, 'DELETE FROM call_labels WHERE call_id = ANY ($1)', [callIds]);
  await rowsOf(session, 'DELETE FROM pending_payloads WHERE call_id = ANY ($1)', [callIds]);
  // The key stays taken for as long as it would have been: what was run once is not run again.
  await rowsOf(session, `UPDATE idempotency SET fingerprint = '' WHERE call_id = ANY ($1)`, [callIds]);
  const approvals = await rowsOf<{ call_id: string; body: Buffer }>(
    session,
    'SELECT call_id, body FROM approvals WHERE call_id = ANY ($1)',
    [callIds],
  );
  for (const { call_id: callId, body } of approvals) {
    const stored = JSON.parse(body.toString()) as Approval;
    if (stored.settled === null) continue;
    const cleared: Approval = { ...stored, settled: { ...stored.settled, reason: null } };
    await rowsOf(session, 'UPDATE approvals SET body = $1 WHERE call_id = $2', [
      Buffer.from(JSON.stringify(cleared)),
      callId,
    ]);
  }
}

async function forgetLabels(session: Session, id: string): Promise<void> {
  const [row] = await rowsOf<{ body: Buffer }>(session, 'SELECT body FROM sessions WHERE id = $1', [id]);
  if (row === undefined) return;
  const cleared = withoutLabels(parseSession(row.body));
  await rowsOf(session, 'UPDATE sessions SET body = $1 WHERE id = $2', [
    Buffer.from(JSON.stringify(cleared)),
    id,
  ]);
}

async function addHold(session: Session, hold: Hold): Promise<void> {
  const { callId, principal, tenant, session: held, from, to } = hold.selection;
  const columns = [callId, principal, tenant, held, from, to].map((value) => value ?? null);
  await rowsOf(
    session,
    `INSERT INTO holds (id, call_id, principal, tenant, session, from_time, to_time, body)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [hold.id, ...columns, JSON.stringify(hold)],
  );
}
