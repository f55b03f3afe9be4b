/** Makes the files of the tables forget what was cleared. The server's log and back-ups keep it until they go their way. */
import type { QueryConfig } from 'pg';
import { openWriterSession } from './writer-session.ts';
import { rowsOf } from './connection.ts';
import type { Session } from './connection.ts';

/** Those that hold content. Each is locked while it is rewritten. */
const tables = [
  'audit_words',
  'audit_terms',
  'calls',
  'call_labels',
  'artifacts',
  'idempotency',
  'approvals',
  'pending_payloads',
  'sessions',
] as const;

/** How long it waits for readers of a table, milliseconds. */
const lockMsMax = 30_000;

/** How long one table may take, milliseconds: as long as it takes. The driver has a limit of its own beside the server's. */
const tableMsMax = 2 ** 31 - 1;

export async function scrub(url: string): Promise<void> {
  const session = await openWriterSession(url, 'scrub');
  try {
    await session.query(`SET statement_timeout = 0; SET lock_timeout = ${lockMsMax}`);
    const [due] = await rowsOf<{ version: string }>(session, 'SELECT xmin::text AS version FROM upkeep');
    for (const name of await partitions(session))
      if (!(await dropIfEmpty(session, name))) await rewrite(session, name);
    for (const table of tables) await rewrite(session, table);
    // What another node cleared meanwhile stays due.
    await rowsOf(session, 'UPDATE upkeep SET scrub_due = 0 WHERE xmin::text = $1', [due?.version]);
  } finally {
    await session.end();
  }
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
