/** A tenant and the time, epoch milliseconds, give a `FileRoom`. */
export const fileRoomUsed =
  'SELECT count(*) AS files, coalesce(sum(size_bytes), 0) AS bytes FROM files WHERE tenant = ? AND expires_at_ms > ?';
