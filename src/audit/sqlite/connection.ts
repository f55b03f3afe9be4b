/** Connections to the database file, and what their errors mean. */
import Database from 'better-sqlite3';
import { RecordUnavailable } from '../record.ts';

/** How long a statement waits for a lock of another process (a back-up, an operator's shell), milliseconds. */
export const busyTimeoutMs = 250;

/** After a checkpoint the write-ahead log is cut back to this, bytes. */
const walBytesKept = 64 * 1024 * 1024;

/** Of the log, before a commit writes it back itself: where nobody else does (`log-keeper.ts`). */
const walPagesMax = walBytesKept / 4096;

export type Connection = Database.Database;

/** Opens for writing, and creates the file. Every commit reaches the disk before it returns. */
export function openWriter(file: string, clock: { now(): number } = systemClock): Connection {
  const connection = new Database(file, { timeout: busyTimeoutMs });
  return configured(connection, clock, () => {
    connection.pragma('journal_mode = WAL');
    // What is deleted is overwritten, also in pages that are free.
    connection.pragma('secure_delete = ON');
    // Not the default in WAL mode: this build would sync at checkpoints only.
    connection.pragma('synchronous = FULL');
    connection.pragma('foreign_keys = ON');
    connection.pragma(`journal_size_limit = ${walBytesKept}`);
    connection.pragma(`wal_autocheckpoint = ${walPagesMax}`);
    connection.pragma('cache_size = -8000');
  });
}

/** Opens for reading only. Sees every commit that was made before the read. */
export function openReader(file: string, clock: { now(): number }): Connection {
  const connection = new Database(file, { readonly: true, fileMustExist: true, timeout: busyTimeoutMs });
  return configured(connection, clock, () => {
    connection.pragma('cache_size = -8000');
  });
}

/** For connections that ask the schema for nothing that depends on the time. */
const systemClock = { now: () => Date.now() };

function configured(connection: Connection, clock: { now(): number }, configure: () => void): Connection {
  try {
    configure();
    // The views that enforce retention ask for it.
    connection.function('now_ms', () => BigInt(clock.now()));
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** SQLite's result code of an error, else null. */
export function sqliteCode(error: unknown): string | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;
}

/** What went wrong and what helps, by the start of SQLite's result code (https://sqlite.org/rescode.html). */
const meanings: readonly (readonly [code: string, meaning: string])[] = [
  ['SQLITE_FULL', 'the disk is full; free some space'],
  ['SQLITE_BUSY', 'another process holds the database; end it'],
  ['SQLITE_LOCKED', 'another process holds the database; end it'],
  ['SQLITE_READONLY', 'the database is read-only; make its directory and files writable'],
  ['SQLITE_CANTOPEN', 'the database cannot be opened; check that its directory exists and is writable'],
  ['SQLITE_PERM', 'the database cannot be opened; check its permissions'],
  ['SQLITE_CORRUPT', 'the database is damaged; restore a back-up'],
  ['SQLITE_NOTADB', 'the database is damaged; restore a back-up'],
  ['SQLITE_IOERR', 'the disk failed to read or write; check its state and its limits'],
  ['SQLITE_CONSTRAINT', 'the write contradicts what is stored'],
];

/** The cause keeps SQLite's own words. */
export function recordUnavailable(error: unknown): RecordUnavailable {
  if (error instanceof RecordUnavailable) return error;
  const code = sqliteCode(error);
  const meaning = meanings.find(([start]) => code?.startsWith(start) === true)?.[1];
  return new RecordUnavailable(`The record is unavailable: ${meaning ?? 'the database failed'}.`, {
    cause: error,
  });
}
