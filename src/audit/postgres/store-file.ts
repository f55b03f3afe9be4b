/** Uploaded files, with what a tenant may have of them. Writers go one after the other, so the sum is exact. */
import { rowsOf } from './connection.ts';
import type { Session } from './connection.ts';
import { Refused } from './refused.ts';
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
