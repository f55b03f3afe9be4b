/** Makes the files of the tables forget what was cleared. The server's log and back-ups keep it until they go their way. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { QueryConfig } from 'pg';
import { RecordUnavailable } from '../record.ts';
import { openWriterSession } from './writer-session.ts';
import { rowsOf } from './connection.ts';
import type { Session, StatementLimits } from './connection.ts';

/** Those that hold content. Each is locked while it is rewritten. */
const tables = [
  'audit_words',
  'audit_terms',
  'calls',
  'call_labels',
  'artifacts',
  'files',
  'idempotency',
  'approvals',
  'pending_payloads',
  'sessions',
] as const;

/** How long it waits for readers of a table, milliseconds. */
const lockMsMax = 30_000;

/** How long one table may take, milliseconds: as long as it takes. The driver has a limit of its own beside the server's. */
const tableMsMax = 2 ** 31 - 1;

/** How long it waits for transactions that may still see what was cleared, milliseconds. */
const olderMsMax = 5_000;

/** Between two looks at them, milliseconds. */
const lookEveryMs = 25;

/** Who holds the files back, named in an error. */
const namedMax = 5;

export interface ScrubOptions {
  /** Of ordinary statements on its connection. */
  readonly limits?: StatementLimits;
  readonly olderMsMax?: number;
}

/** What a scrub is to make the files forget: all that was cleared before. */
interface Due {
  /** Of the mark that says it is due. */
  readonly version: string;
  /** A transaction after those that cleared. */
  readonly transaction: string;
}

/**
 * Waits until no open transaction may still see what was cleared before: `VACUUM` would keep it for that one. Resolves with what
 * rewrites the tables then; it is called once. Rejects with `RecordUnavailable`, which names who is in the way.
 */
export async function prepareScrub(url: string, options: ScrubOptions = {}): Promise<() => Promise<void>> {
  const session = await openWriterSession(url, 'scrub', options.limits);
  try {
    await session.query(`SET statement_timeout = 0; SET lock_timeout = ${lockMsMax}`);
    const [due] = await rowsOf<Due & Record<string, unknown>>(
      session,
      `SELECT xmin::text AS version, pg_current_xact_id()::xid::text AS transaction FROM upkeep`,
    );
    if (due === undefined) throw new RecordUnavailable('The mark of a due scrub is gone; verify the record.');
    await awaitOlder(session, due, options.olderMsMax ?? olderMsMax);
    return () => scrub(session, due);
  } catch (error) {
    await session.end();
    throw error;
  }
}

async function scrub(session: Session, due: Due): Promise<void> {
  try {
    for (const name of await partitions(session))
      if (!(await dropIfEmpty(session, name))) await rewrite(session, name);
    for (const table of tables) await rewrite(session, table);
    // A standby may have named an older one meanwhile.
    await requireNoneOlder(session, due);
    // What another node cleared meanwhile stays due.
    await rowsOf(session, 'UPDATE upkeep SET scrub_due = 0 WHERE xmin::text = $1', [due.version]);
  } finally {
    await session.end();
  }
}

async function awaitOlder(session: Session, due: Due, msMax: number): Promise<void> {
  const endMs = performance.now() + msMax;
  while (performance.now() < endMs) {
    if ((await older(session, due)).length === 0) return;
    await sleep(lookEveryMs);
  }
  await requireNoneOlder(session, due);
}

async function requireNoneOlder(session: Session, due: Due): Promise<void> {
  const holders = await older(session, due);
  if (holders.length > 0)
    throw new RecordUnavailable(
      `PostgreSQL keeps what was cleared for ${holders.slice(0, namedMax).join(', ')}; it goes once that has ended.`,
    );
}

/**
 * Who may keep `VACUUM` from removing what was deleted before a transaction (PostgreSQL, `ComputeXidHorizons`): snapshots of this
 * database and of standbys, transactions that write anywhere in the server, also prepared ones, and replication slots.
 */
async function older(session: Session, { transaction }: Due): Promise<readonly string[]> {
  const holders = await rowsOf<{ name: string }>(
    session,
    `SELECT format('the session %s (%s)', pid, coalesce(nullif(application_name, ''), backend_type)) AS name
       FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND (age(backend_xid) > age($1::xid)
         OR (age(backend_xmin) > age($1::xid) AND (datname = current_database() OR datname IS NULL)))
     UNION ALL SELECT format('the prepared transaction %s', gid) FROM pg_prepared_xacts
       WHERE age(transaction) > age($1::xid)
     UNION ALL SELECT format('the replication slot %s', slot_name) FROM pg_replication_slots
       WHERE age(xmin) > age($1::xid)`,
    [transaction],
  );
  return holders.map(({ name }) => name);
}

async function rewrite(session: Session, table: string): Promise<void> {
  const query: QueryConfig & { readonly query_timeout: number } = {
    text: `VACUUM (FULL) ${table}`,
    query_timeout: tableMsMax,
  };
  await session.query(query);
}

/** The days of content, by names that we gave them; an empty day of today is made again with its next event. */
async function partitions(session: Session): Promise<readonly string[]> {
  const found = await rowsOf<{ name: string }>(
    session,
    `SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'audit_content'::regclass ORDER BY 1`,
  );
  return found.map(({ name }) => name);
}

/** Looked at under the lock, the table of all days first: another node may just be writing into it. */
async function dropIfEmpty(session: Session, name: string): Promise<boolean> {
  if (!(await isEmpty(session, name))) return false;
  await session.query('BEGIN');
  try {
    await session.query('LOCK TABLE audit_content IN ACCESS EXCLUSIVE MODE');
    const isStill = await isEmpty(session, name);
    if (isStill) await session.query(`DROP TABLE ${name}`);
    await session.query('COMMIT');
    return isStill;
  } catch (error) {
    await session.query('ROLLBACK');
    throw error;
  }
}

async function isEmpty(session: Session, name: string): Promise<boolean> {
  const [row] = await rowsOf<{ isEmpty: boolean }>(
    session,
    `SELECT NOT EXISTS (SELECT 1 FROM audit_content WHERE tableoid = $1::regclass) AS "isEmpty"`,
    [name],
  );
  return row?.isEmpty === true;
}
