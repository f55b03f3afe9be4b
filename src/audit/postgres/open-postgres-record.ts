/** The doors of the record on PostgreSQL. */
import { ChainedRecord } from '../chained-record.ts';
import { BatchQueue } from './batch-queue.ts';
import { PostgresCommitter } from './committer.ts';
import { openReaders, openSession, recordUnavailable } from './connection.ts';
import { migrate, requireCurrentSchema, requireSafeServer } from './migrations.ts';
import { Reading } from './reading.ts';
import { PostgresRecordReader } from './record-reader.ts';
import { scrub } from './scrub.ts';
import { closeSession } from './writer-session.ts';
import type { RecordReader, RecordStore } from '../record.ts';
import type { SealSources } from '../seal-write.ts';

export interface PostgresRecordOptions extends SealSources {
  /** `postgres://user:password@host:port/database` of a role that owns the schema and is no superuser. */
  readonly url: string;
  /** Content older than this is not shown any more, milliseconds; null or none: it is kept. */
  readonly retentionMs?: number | null;
  /** Told of a call each time that it is durable as it now stands. Must not throw. */
  readonly onCallStored?: (callId: string) => void;
}

/**
 * Opens the record for reading and writing, and brings its schema up to date. Rejects with `RecordUnavailable` when the
 * database is away, another process writes under the same name, the schema is of a newer version, or the server would
 * not keep what it acknowledges.
 */
export async function openPostgresRecord(options: PostgresRecordOptions): Promise<RecordStore> {
  const { url, writer, clock, retentionMs = null } = options;
  try {
    await prepare(url);
    await using opened = new AsyncDisposableStack();
    const committer = opened.use(new PostgresCommitter({ url, writer }));
    await committer.open();
    const pool = openReaders(url);
    opened.defer(() => pool.end());
    const reader = new PostgresRecordReader(new Reading({ pool, clock, retentionMs }));
    const resources = new AsyncDisposableStack();
    resources.defer(() => pool.end());
    const record = new ChainedRecord(options, {
      ...options,
      reader,
      sink: new BatchQueue(committer, () => scrub(url)),
      resources,
    });
    opened.move();
    return record;
  } catch (error) {
    throw recordUnavailable(error);
  }
}

/** Reads and verification only, also while servers write: for the command line. Rejects with `RecordUnavailable`. */
export async function openPostgresRecordReadOnly(options: {
  readonly url: string;
  readonly clock: { now(): number };
}): Promise<RecordReader & AsyncDisposable> {
  const pool = openReaders(options.url);
  try {
    await requireCurrentSchema(pool);
    const reader = new PostgresRecordReader(new Reading({ pool, clock: options.clock, retentionMs: null }));
    return Object.assign(reader, { [Symbol.asyncDispose]: () => pool.end() });
  } catch (error) {
    await pool.end();
    throw recordUnavailable(error);
  }
}

async function prepare(url: string): Promise<void> {
  const session = await openSession(url, 'migrations');
  try {
    await requireSafeServer(session);
    await migrate(session);
  } finally {
    await closeSession(session);
  }
}
