/**
 * The one connection that a writer's chain is written through. Its claim on the chain is an epoch: whoever raises it
 * fences every session of a lower one, whatever that still believes.
 */
import { errorCode, openSession, rowsOf } from './connection.ts';
import { lockClass } from './migrations.ts';
import { RecordUnavailable } from '../record.ts';
import type { Session, StatementLimits } from './connection.ts';

/** A writer that was not seen for so long is taken for dead: any node may close what it left open, seconds. */
export const silentSeconds = 60;

/** A writer's place in the database, as its session found it. */
export interface Claim {
  readonly epoch: number;
  readonly sequence: number;
  readonly hash: string;
}

/** Opens the connection of a writer. Waits for the disk at each commit, whatever the server's default is. */
export async function openWriterSession(
  url: string,
  writer: string,
  limits?: StatementLimits,
): Promise<Session> {
  const session = await openSession(url, writer, limits);
  try {
    await session.query(
      `SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') IN ('off', 'local')`,
    );
    await session.query(
      `SELECT set_config('sallyport.tenant', '*', false), set_config('sallyport.oldest', '', false)`,
    );
    return session;
  } catch (error) {
    await closeSession(session);
    throw error;
  }
}

export interface ClaimOptions {
  readonly writer: string;
  /** Quotas are counted by this process alone: then it must be the only one. */
  readonly countsAlone: boolean;
}

/** The name of this writer, for a session after the first: its lock went with the one before. */
export async function lockName(session: Session, writer: string): Promise<void> {
  await rowsOf(session, `SELECT pg_try_advisory_lock($1, hashtext(current_schema() || '/' || $2))`, [
    lockClass,
    writer,
  ]);
}

/**
 * Takes the chain for this session, raising its epoch. Throws `RecordUnavailable` when another session has it and was
 * seen lately, and when events stand behind the head.
 */
export async function claimWriter(session: Session, { writer, countsAlone }: ClaimOptions): Promise<Claim> {
  const [lock] = await rowsOf<{ isOurs: boolean; isSilent: boolean }>(
    session,
    `SELECT pg_try_advisory_lock($1, hashtext(current_schema() || '/' || $2)) AS "isOurs",
       coalesce((SELECT seen_at < clock_timestamp() - make_interval(secs => $3) FROM writers WHERE writer = $2), true) AS "isSilent"`,
    [lockClass, writer, silentSeconds],
  );
  if (lock?.isOurs !== true && lock?.isSilent !== true)
    throw new RecordUnavailable(
      `Another process writes to this database as ${writer}; give this one a SALLYPORT_NODE_ID of its own.`,
    );
  await requireSharedQuotas(session, writer, countsAlone);
  const [claim] = await rowsOf<Claim & { last: number | null }>(
    session,
    `INSERT INTO writers AS w (writer, counts_alone) VALUES ($1, $2)
     ON CONFLICT (writer) DO UPDATE SET epoch = w.epoch + 1, seen_at = clock_timestamp(), is_stopped = false,
       counts_alone = excluded.counts_alone
     RETURNING epoch, sequence, hash, (SELECT max(sequence) FROM audit_chain WHERE writer = $1) AS last`,
    [writer, countsAlone],
  );
  if (claim === undefined) throw new Error('no row was returned');
  if (claim.last !== null && claim.last > claim.sequence)
    throw new RecordUnavailable(
      `The chain of ${writer} goes on after its head ${claim.sequence}; verify the record.`,
    );
  return claim;
}

/** Each of several servers that count alone would give what all of them together may. */
async function requireSharedQuotas(session: Session, writer: string, countsAlone: boolean): Promise<void> {
  const [other] = await rowsOf<{ writer: string }>(
    session,
    `SELECT writer FROM writers WHERE writer <> $1 AND NOT is_stopped AND (counts_alone OR $3)
       AND seen_at > clock_timestamp() - make_interval(secs => $2)`,
    [writer, silentSeconds, countsAlone],
  );
  if (other !== undefined)
    throw new RecordUnavailable(
      `${other.writer} writes to this database too, and servers on one database count quotas together: give each of them SALLYPORT_REDIS_URL. One that was killed is forgotten after ${silentSeconds} s.`,
    );
}

/**
 * Raises the epoch of writers that are gone and left calls open: whatever they still believe, they write nothing any more
 * until they have seen that.
 */
export async function fenceSilentWriters(session: Session, own: string): Promise<void> {
  await rowsOf(
    session,
    `UPDATE writers w SET epoch = epoch + 1 WHERE writer <> $1
       AND (is_stopped OR seen_at < clock_timestamp() - make_interval(secs => $2))
       AND EXISTS (SELECT 1 FROM calls c WHERE c.writer = w.writer AND c.epoch = w.epoch AND c.status IN ('queued', 'running'))`,
    [own, silentSeconds],
  );
}

/** Ends a connection that may be broken. */
export async function closeSession(session: Session): Promise<void> {
  try {
    await session.end();
  } catch (error) {
    // It was broken before: there is nothing left to end.
    if (errorCode(error) === null && !(error instanceof Error)) throw error;
  }
}
