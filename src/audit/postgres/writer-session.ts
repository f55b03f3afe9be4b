/**
 * The one connection that a writer's chain is written through. Its claim on the chain is an epoch: whoever raises it
 * fences every session of a lower one, whatever that still believes.
 */
import { errorCode, openSession, rowsOf } from './connection.ts';
import { lockClass } from './migrations.ts';
import { RecordUnavailable } from '../record.ts';
import type { Session } from './connection.ts';

/** A writer that was not seen for so long is taken for dead: any node may close what it left open, seconds. */
export const silentSeconds = 60;

/** A writer's place in the database, as its session found it. */
export interface Claim {
  readonly epoch: number;
  readonly sequence: number;
  readonly hash: string;
}

/** Opens the connection of a writer. Waits for the disk at each commit, whatever the server's default is. */
export async function openWriterSession(url: string, writer: string): Promise<Session> {
  const session = await openSession(url, writer);
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

/**
 * Takes the chain for this session, raising its epoch. Throws `RecordUnavailable` when another session has it and was
 * seen lately, and when events stand behind the head.
 */
export async function claimWriter(session: Session, writer: string): Promise<Claim> {
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
  const [other] = await rowsOf<{ writer: string }>(
    session,
    `SELECT writer FROM writers WHERE writer <> $1 AND NOT is_stopped
       AND seen_at > clock_timestamp() - make_interval(secs => $2)`,
    [writer, silentSeconds],
  );
  if (other !== undefined)
    throw new RecordUnavailable(
      `The node ${other.writer} writes to this database, and several nodes on one are not possible yet; stop it first.`,
    );
  const [claim] = await rowsOf<Claim & { last: number | null }>(
    session,
    `INSERT INTO writers AS w (writer) VALUES ($1)
     ON CONFLICT (writer) DO UPDATE SET epoch = w.epoch + 1, seen_at = clock_timestamp(), is_stopped = false
     RETURNING epoch, sequence, hash, (SELECT max(sequence) FROM audit_chain WHERE writer = $1) AS last`,
    [writer],
  );
  if (claim === undefined) throw new Error('no row was returned');
  if (claim.last !== null && claim.last > claim.sequence)
    throw new RecordUnavailable(
      `The chain of ${writer} goes on after its head ${claim.sequence}; verify the record.`,
    );
  return claim;
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
