/** Makes the files of the tables forget what was cleared. The server's log and back-ups keep it until they go their way. */
import { openWriterSession } from './writer-session.ts';
import { rowsOf } from './connection.ts';
import type { Session } from './connection.ts';

/** Those that hold content. Each is locked while it is rewritten. */
const tables = [
  'audit_words',
  'audit_terms',
  'calls',
  'artifacts',
  'idempotency',
  'approvals',
  'pending_payloads',
  'sessions',
] as const;

/** How long it waits for readers of a table, milliseconds. */
const lockMsMax = 30_000;

export async function scrub(url: string): Promise<void> {
  const session = await openWriterSession(url, 'scrub');
  try {
    await session.query(`SET statement_timeout = 0; SET lock_timeout = ${lockMsMax}`);
    for (const { name, isEmpty } of await partitions(session))
      await session.query(isEmpty ? `DROP TABLE ${name}` : `VACUUM (FULL) ${name}`);
    for (const table of tables) await session.query(`VACUUM (FULL) ${table}`);
    await session.query('UPDATE upkeep SET scrub_due = 0');
  } finally {
    await session.end();
  }
}

/** The days of content, by names that we gave them; an empty day of today is made again with its next event. */
async function partitions(session: Session): Promise<{ readonly name: string; readonly isEmpty: boolean }[]> {
  const found = await rowsOf<{ name: string }>(
    session,
    `SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'audit_content'::regclass ORDER BY 1`,
  );
  return Promise.all(
    found.map(async ({ name }) => {
      const [row] = await rowsOf<{ isEmpty: boolean }>(
        session,
        `SELECT NOT EXISTS (SELECT 1 FROM audit_content WHERE tableoid = $1::regclass) AS "isEmpty"`,
        [name],
      );
      return { name, isEmpty: row?.isEmpty === true };
    }),
  );
}
