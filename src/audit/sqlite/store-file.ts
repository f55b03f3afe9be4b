/** Uploaded files, with what a tenant may have of them. A file of nobody was removed while a hold means it. */
import { isFileHeld } from '../hold-sql.ts';
import type { FileRoom, UploadedFile } from '../uploaded-files.ts';
import type { RecordWrite } from '../record.ts';
import type { Connection } from './connection.ts';

/** A tenant and the time, epoch milliseconds, give a `FileRoom`. */
export const fileRoomUsed =
  'SELECT count(*) AS files, coalesce(sum(size_bytes), 0) AS bytes FROM files WHERE tenant = ? AND expires_at_ms > ?';

export type FileStatements = ReturnType<typeof fileStatements>;

const isOwn = `id = ? AND tenant = ? AND principal = ? AND expires_at_ms > ?`;

export function fileStatements(connection: Connection) {
  return {
    add: connection.prepare(
      `INSERT INTO files (id, tenant, principal, sha256, size_bytes, expires_at_ms, data) VALUES (?, ?, ?, ?, ?, ?, ?)`,
    ),
    room: connection.prepare(fileRoomUsed),
    remove: connection.prepare(`DELETE FROM files WHERE ${isOwn} AND NOT ${isFileHeld('files.id')}`),
    disown: connection.prepare(`UPDATE files SET principal = '' WHERE ${isOwn}`),
  };
}

/** False when its tenant would have more than it may. */
export function storeFile(
  { add, room }: FileStatements,
  { facts, data, roomMax }: UploadedFile,
  nowMs: number,
): boolean {
  const { id, tenant, principal, sha256, sizeBytes, expiresAtMs } = facts;
  add.run(id, tenant, principal, sha256, sizeBytes, expiresAtMs, data);
  const { files, bytes } = room.get(tenant, nowMs) as FileRoom;
  return files <= roomMax.files && bytes <= roomMax.bytes;
}

/** False when its owner has no such file. */
export function removeFile(
  { disown, remove }: FileStatements,
  { id, tenant, principal }: NonNullable<RecordWrite['removedFile']>,
  nowMs: number,
): boolean {
  const file = [id, tenant, principal, nowMs] as const;
  return remove.run(...file).changes === 1 || disown.run(...file).changes === 1;
}
