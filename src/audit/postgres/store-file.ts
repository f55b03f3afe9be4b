/** Uploaded files, with what a tenant may have of them. Writers go one after the other, so the sum is exact. */
import { isFileHeld } from '../hold-sql.ts';
import { rowsOf } from './connection.ts';
import type { Session } from './connection.ts';
import { Refused } from './refused.ts';
import type { RecordWrite } from '../record.ts';
import type { FileRoom, UploadedFile } from '../uploaded-files.ts';

/** A tenant and the time, epoch milliseconds, give a `FileRoom`. */
export const fileRoomUsed = `SELECT count(*) AS files, coalesce(sum(size_bytes), 0)::bigint AS bytes
  FROM files WHERE tenant = $1 AND expires_at_ms > $2`;

/** Rejects with `Refused` when its tenant would have more than it may. */
export async function storeFile(
  session: Session,
  { facts, data, roomMax }: UploadedFile,
  nowMs: number,
): Promise<void> {
  const { id, tenant, principal, sha256, sizeBytes, expiresAtMs } = facts;
  await rowsOf(
    session,
    `INSERT INTO files (id, tenant, principal, sha256, size_bytes, expires_at_ms, data)
     VALUES ($1, $2, $3, $4, $5, $6, $7)`,
    [id, tenant, principal, sha256, sizeBytes, expiresAtMs, Buffer.from(data)],
  );
  const [room] = await rowsOf<FileRoom & Record<string, unknown>>(session, fileRoomUsed, [tenant, nowMs]);
  if (room === undefined || room.files > roomMax.files || room.bytes > roomMax.bytes)
    throw new Refused({ kind: 'no_room_for_file' });
}

/** A file of nobody was removed while a hold means it. Rejects with `Refused` when its owner has no such file. */
export async function removeFile(
  session: Session,
  { id, tenant, principal }: NonNullable<RecordWrite['removedFile']>,
  nowMs: number,
): Promise<void> {
  const isOwn = 'id = $1 AND tenant = $2 AND principal = $3 AND expires_at_ms > $4';
  const file = [id, tenant, principal, nowMs];
  const removed = await rowsOf(
    session,
    `DELETE FROM files WHERE ${isOwn} AND NOT ${isFileHeld('files.id')} RETURNING id`,
    file,
  );
  if (removed.length === 1) return;
  const disowned = await rowsOf(session, `UPDATE files SET principal = '' WHERE ${isOwn} RETURNING id`, file);
  if (disowned.length === 0) throw new Refused({ kind: 'file_gone' });
}
