/** Connections to PostgreSQL, and what their errors mean. */
import pg from 'pg';
import type { ClientConfig, PoolClient, QueryResultRow } from 'pg';
import { RecordUnavailable } from '../record.ts';

/** A server that does not answer a connection attempt for so long is taken for lost, milliseconds. */
const connectMsMax = 3_000;
/** One statement, milliseconds; the server ends it. */
const statementMsMax = 15_000;
/** The same from this side, for a server that does not even say so, milliseconds. */
const queryMsMax = 20_000;
/** How long a write waits for another node's, milliseconds. */
const lockMsMax = 5_000;
/** A transaction that we left open is ended by the server, milliseconds. */
const idleInTransactionMsMax = 20_000;
/** Reads at once. */
const readersMax = 8;

export type Session = pg.Client;
export type Queryable = Pick<pg.Client, 'query'> | Pick<PoolClient, 'query'>;

/** `bigint` comes as a number: positions and times stay far below 2^53. */
const types = new pg.TypeOverrides();
types.setTypeParser(pg.types.builtins.INT8, Number);

/** Of one statement, milliseconds: by the server, and from this side. */
export interface StatementLimits {
  readonly serverMs: number;
  readonly clientMs: number;
}

const usualLimits: StatementLimits = { serverMs: statementMsMax, clientMs: queryMsMax };

function settings(url: string, role: string, { serverMs, clientMs } = usualLimits): ClientConfig {
  return {
    connectionString: url,
    application_name: `sallyport ${role}`,
    connectionTimeoutMillis: connectMsMax,
    statement_timeout: serverMs,
    query_timeout: clientMs,
    lock_timeout: lockMsMax,
    idle_in_transaction_session_timeout: idleInTransactionMsMax,
    keepAlive: true,
    // Statements here are short; compiling one takes a second, and a planner that is told to avoid a way thinks it dear.
    options: '-c jit=off',
    types,
  };
}

/** One connection, open. What it reports while nobody asks makes the next query fail. Rejects with the driver's error. */
export async function openSession(
  url: string,
  role: string,
  limits: StatementLimits = usualLimits,
): Promise<Session> {
  const session = new pg.Client(settings(url, role, limits));
  session.on('error', () => {});
  await session.connect();
  return session;
}

/** Connections that are opened when they are needed, and anew after they broke. */
export function openReaders(url: string): pg.Pool {
  const pool = new pg.Pool({ ...settings(url, 'reader'), max: readersMax, idleTimeoutMillis: 30_000 });
  pool.on('error', () => {});
  return pool;
}

/** Rows of one statement. */
export async function rowsOf<Row extends QueryResultRow>(
  connection: Queryable,
  text: string,
  values: readonly unknown[] = [],
): Promise<Row[]> {
  const { rows } = await connection.query<Row>(text, [...values]);
  return rows;
}

/** SQLSTATE, or the code of a socket's error; null for other errors. */
export function errorCode(error: unknown): string | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;
}

/** Whether a statement contradicts what is stored, or holds what cannot be stored: the affair of its own write. */
export function isContradiction(error: unknown): boolean {
  return /^(?:21|22|23)/.test(errorCode(error) ?? '');
}

/** What went wrong and what helps, by the start of the code (PostgreSQL, appendix A). */
const meanings: readonly (readonly [code: string, meaning: string])[] = [
  ['ECONNREFUSED', 'PostgreSQL does not answer; start it, or check SALLYPORT_DATABASE_URL'],
  ['ENOTFOUND', 'the host of SALLYPORT_DATABASE_URL is not known'],
  ['ENOENT', 'PostgreSQL does not answer at its socket; start it, or check SALLYPORT_DATABASE_URL'],
  ['08', 'the connection to PostgreSQL broke'],
  ['28', 'PostgreSQL refuses the user of SALLYPORT_DATABASE_URL; check name, password and pg_hba.conf'],
  ['3D', 'the database of SALLYPORT_DATABASE_URL does not exist; create it'],
  ['42501', 'the user of SALLYPORT_DATABASE_URL lacks a privilege; it has to own the schema that it uses'],
  ['25006', 'PostgreSQL is read-only now; it is a standby, or its disk is being saved'],
  ['53100', 'the disk of PostgreSQL is full; free some space'],
  ['53', 'PostgreSQL is out of memory or connections'],
  ['55P03', 'another session holds a lock in the database; end it'],
  ['57014', 'PostgreSQL was too slow, and the statement was ended'],
  ['57', 'PostgreSQL is stopping or starting'],
  ['58', 'the disk of PostgreSQL failed'],
  ['XX', 'PostgreSQL finds its data damaged; restore a back-up'],
  ['23', 'the write contradicts what is stored'],
  ['22', 'the write holds what PostgreSQL cannot store'],
];

/** The cause keeps the driver's own words. */
export function recordUnavailable(error: unknown): RecordUnavailable {
  if (error instanceof RecordUnavailable) return error;
  const code = errorCode(error);
  const meaning = meanings.find(([start]) => code?.startsWith(start) === true)?.[1];
  return new RecordUnavailable(
    `The record is unavailable: ${meaning ?? 'the connection to PostgreSQL failed'}.`,
    { cause: error },
  );
}
