/** Chooses the store of the record by the configuration. */
import { openSqliteRecord } from './sqlite/open-sqlite-record.ts';
import type { News } from './postgres/news.ts';
import type { SharedSecret } from './postgres/shared-secrets.ts';
import type { RecordStore } from './record.ts';
import type { SealSources } from './seal-write.ts';

export interface OpenRecordOptions extends SealSources {
  /** Locked by this process, or by the one that supervises it, whatever the store is. */
  readonly dataDir: string;
  /** PostgreSQL; null: SQLite in the data directory. */
  readonly databaseUrl: string | null;
  /** Under which writer's name those keep what they have in common that serve together: sessions, what decides. */
  readonly home: string;
  /** Content older than this is not shown any more, milliseconds; null: it is kept. */
  readonly retentionMs: number | null;
  /** Told of a call each time that it is durable as it now stands. Must not throw. */
  readonly onCallStored: (callId: string) => void;
  /** Told what other servers on the same database changed. Must not throw. */
  readonly onNews: (news: News) => void;
  /** Whether several servers count quotas together. */
  readonly sharesQuotas: boolean;
  /** Which all servers on one database must have; asked for once the data directory is there. */
  readonly sharedSecrets: () => readonly SharedSecret[];
}

/** Rejects with `RecordUnavailable`. */
export async function openRecord(
  options: OpenRecordOptions,
  stack: AsyncDisposableStack,
): Promise<RecordStore> {
  const { databaseUrl } = options;
  if (databaseUrl === null) return stack.use(openSqliteRecord({ ...options, isLocked: true }));
  // Its driver is loaded where it is used.
  const { openPostgresRecord } = await import('./postgres/open-postgres-record.ts');
  return stack.use(
    await openPostgresRecord({ ...options, url: databaseUrl, sharedSecrets: options.sharedSecrets() }),
  );
}
