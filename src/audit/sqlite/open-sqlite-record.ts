/** The doors of the record on SQLite. */
import { openWriter, recordUnavailable } from './connection.ts';
import { createDataDirectory, databaseFile, databaseName, lockDataDirectory } from './data-directory.ts';
import { migrate } from './migrations.ts';
import { SqliteRecordReader } from './record-reader.ts';
import { ChainedRecord } from '../chained-record.ts';
import { WriteQueue } from './write-queue.ts';
import type { RecordReader, RecordStore } from '../record.ts';
import type { SealSources } from '../seal-write.ts';

export interface SqliteRecordOptions extends SealSources {
  /** Created with mode 0700 when it is missing. One process writes to it at a time. */
  readonly dataDir: string;
  /** It was made and locked by this process already, which keeps the lock until the record is closed. */
  readonly isLocked?: boolean;
  /** Content older than this is not shown any more, milliseconds; null or none: it is kept. */
  readonly retentionMs?: number | null;
  /** Told of a call each time that it is durable as it now stands. Must not throw. */
  readonly onCallStored?: (callId: string) => void;
}

/**
 * Opens the record for reading and writing, and brings its schema up to date. Throws `RecordUnavailable` when another
 * process has the directory, the schema is of a newer version, or the disk refuses.
 */
export function openSqliteRecord(options: SqliteRecordOptions): RecordStore {
  try {
    using opened = new DisposableStack();
    if (options.isLocked !== true) {
      createDataDirectory(options.dataDir, [databaseName]);
      opened.use(lockDataDirectory(options.dataDir));
    }
    const file = databaseFile(options.dataDir);
    const migrating = openWriter(file, options.clock);
    opened.defer(() => migrating.close());
    migrate(migrating);
    migrating.prepare('UPDATE upkeep SET retention_ms = ?').run(options.retentionMs ?? null);
    const reader = opened.use(new SqliteRecordReader(file, options.clock));
    const resources = new AsyncDisposableStack();
    const sink = new WriteQueue({ file, writer: options.writer });
    const record = new ChainedRecord(options, { ...options, reader, sink, resources });
    migrating.close();
    const kept = opened.move();
    resources.defer(() => kept.dispose());
    return record;
  } catch (error) {
    throw recordUnavailable(error);
  }
}

/** Reads and verification only, also while a server writes: for the command line. Throws `RecordUnavailable`. */
export function openSqliteRecordReadOnly(options: {
  readonly dataDir: string;
  readonly clock: { now(): number };
}): RecordReader & Disposable {
  try {
    return new SqliteRecordReader(databaseFile(options.dataDir), options.clock);
  } catch (error) {
    throw recordUnavailable(error);
  }
}
