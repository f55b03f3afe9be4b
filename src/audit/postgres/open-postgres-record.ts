/** The doors of the record on PostgreSQL. */
import { ChainedRecord } from '../chained-record.ts';
import { BatchQueue } from './batch-queue.ts';
import { PostgresCommitter } from './committer.ts';
import { openReaders, openSession, recordUnavailable } from './connection.ts';
import { migrate, requireCurrentSchema, requireSafeServer } from './migrations.ts';
import { Reading } from './reading.ts';
import { NewsListener } from './news.ts';
import { PostgresRecordReader } from './record-reader.ts';
import { requireSharedSecrets } from './shared-secrets.ts';
import type { SharedSecret } from './shared-secrets.ts';
import { prepareScrub } from './scrub.ts';
import { closeSession } from './writer-session.ts';
import type { News } from './news.ts';
import type { RecordReader, RecordStore } from '../record.ts';
import type { SealSources } from '../seal-write.ts';

export interface PostgresRecordOptions extends SealSources {
  /** `postgres://user:password@host:port/database` of a role that owns the schema and is no superuser. */
  readonly url: string;
  /** Under which writer's name those keep what they have in common that serve together; none: under its own. */
  readonly home?: string;
  /** Content older than this is not shown any more, milliseconds; null or none: it is kept. */
  readonly retentionMs?: number | null;
  /** Whether several servers on this database count quotas together; else this must be the only one. */
  readonly sharesQuotas?: boolean;
  /** Which all servers on this database must have. */
  readonly sharedSecrets?: readonly SharedSecret[];
  /** Told of a call each time that it is durable as it now stands. Must not throw. */
  readonly onCallStored?: (callId: string) => void;
  /** Told what other servers on this database changed. Must not throw. */
  readonly onNews?: (news: News) => void;
}

/**
 * Opens the record for reading and writing, and brings its schema up to date. Rejects with `RecordUnavailable` when the
 * database is away, another process writes under the same name, the schema is of a newer version, or the server would
 * not keep what it acknowledges.
 */
export async function openPostgresRecord(options: PostgresRecordOptions): Promise<RecordStore> {
  const { url, writer, home = writer, clock, retentionMs = null, sharesQuotas = false, onNews } = options;
  try {
    await prepare(url, options.sharedSecrets ?? []);
    await using opened = new AsyncDisposableStack();
    const committer = opened.use(new PostgresCommitter({ url, writer, home, countsAlone: !sharesQuotas }));
    await committer.open();
    const pool = openReaders(url);
    opened.defer(() => pool.end());
    const reader = new PostgresRecordReader(new Reading({ pool, clock, retentionMs }), { writer, home });
    const resources = new AsyncDisposableStack();
    if (onNews !== undefined) resources.use(await NewsListener.start({ url, writer, onNews }));
    resources.defer(() => pool.end());
    const record = new ChainedRecord(options, {
      ...options,
      reader,
      sink: new BatchQueue(committer, () => prepareScrub(url)),
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
    const reader = new PostgresRecordReader(
      new Reading({ pool, clock: options.clock, retentionMs: null }),
      null,
    );
    return Object.assign(reader, { [Symbol.asyncDispose]: () => pool.end() });
  } catch (error) {
    await pool.end();
    throw recordUnavailable(error);
  }
}

async function prepare(url: string, secrets: readonly SharedSecret[]): Promise<void> {
  const session = await openSession(url, 'migrations');
  try {
    await requireSafeServer(session);
    await migrate(session);
    await requireSharedSecrets(session, secrets);
  } finally {
    await closeSession(session);
  }
}
