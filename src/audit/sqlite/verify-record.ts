/** Walks the stored chains in slices, so that the thread it runs on stays free for others. */
import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { searchColumnNames } from '../stored-event.ts';
import { CheckpointClaims } from '../checkpoints/checkpoint-claims.ts';
import { ChainVerifier } from '../verify.ts';
import { DerivedCheck } from './verify-derived.ts';
import type { DerivedProblem } from '../hold-trail.ts';
import { artifactProblem, callProblem, HighTime, readJson } from '../verify-rows.ts';
import type { ArtifactRow, CallRow } from '../verify-rows.ts';
import type { ChainHead } from '../chain.ts';
import type { VerifyReport, VerifyTrust } from '../record.ts';
import type { CanonicalEvent, SearchColumn } from '../stored-event.ts';
import type { ChainRow } from '../verify.ts';
import type { Connection } from './connection.ts';

/** The event loop is given back after this much work, milliseconds. One large row may take longer. */
const sliceMsMax = 8;

/** Rows between two looks at the clock. */
const rowsPerLook = 32;

/** Verifies what was durable when it was called. Throws SQLite's error where the file cannot be read. */
export async function verifyRecord(connection: Connection, trust: VerifyTrust): Promise<VerifyReport> {
  const statements = prepare(connection);
  const { heads, last } = statements.readHeads();
  const claims = await collectClaims(statements, last, trust);
  const verifier = new ChainVerifier(
    ({ writer, sequence }) => statements.holds(writer, sequence, last),
    claims,
  );
  const times = new HighTime();
  const derived = trust.deep === true ? new DerivedCheck(connection) : null;
  const name = (problems: Iterable<DerivedProblem>): void => {
    for (const { kind, place, detail } of problems) verifier.problem(kind, place, detail);
  };
  await walk(
    (after: number) => statements.events(after, last),
    0,
    (row) => {
      const event = verifier.add(chainRow(row, statements.bytes));
      if (event !== null && !times.follows(event.time, row[5]))
        verifier.problem('altered', event, 'the column time_high is not the latest time up to this event');
      if (event !== null && derived !== null) name(derived.add(event, row[0], row[7]));
      return row[0];
    },
  );
  if (derived !== null) name(derived.end());
  verifier.compareHeads(heads);
  verifier.compareClaims();
  await walk(
    (after: string) => statements.calls(after),
    '',
    (row) => {
      const problem = callProblem(row, statements.eventsOfCall(row[0]));
      if (problem !== null) verifier.problem('call_altered', problem, problem.detail);
      const altered = derived === null ? null : artifactProblem(row[3], statements.artifactsOfCall(row[0]));
      if (altered !== null) name([altered]);
      return row[0];
    },
  );
  return { ...verifier.report(), ...(derived !== null && { deep: true }) };
}

/** Checkpoints by the column of their type: one that was hidden from it is found altered in the walk. */
async function collectClaims(
  statements: Statements,
  last: number,
  trust: VerifyTrust,
): Promise<CheckpointClaims> {
  const claims = new CheckpointClaims(trust);
  await walk(
    (after: number) => statements.checkpoints(after, last),
    0,
    ([position, canonical, writer, sequence]) => {
      claims.takeEvent({ writer, sequence }, readJson<CanonicalEvent>(canonical).details);
      return position;
    },
  );
  for (const [index, anchor] of (trust.anchors ?? []).entries()) claims.takeAnchor(anchor, index + 1);
  return claims;
}

/** Calls `take` with every row. It returns the key after which the walk goes on in the next slice. */
async function walk<Key, Row>(
  rowsAfter: (after: Key) => IterableIterator<Row>,
  start: Key,
  take: (row: Row) => Key,
): Promise<void> {
  let after = start;
  for (let done = false; !done;) {
    const endMs = performance.now() + sliceMsMax;
    let rows = 0;
    done = true;
    for (const row of rowsAfter(after)) {
      after = take(row);
      rows += 1;
      if (rows % rowsPerLook !== 0 || performance.now() < endMs) continue;
      done = false;
      break;
    }
    await setImmediate();
  }
}

type StoredRow = readonly [
  position: number,
  canonical: string | null,
  eventHash: string,
  previousHash: string,
  hash: string,
  timeHigh: SearchColumn,
  salt: string | null,
  content: string | null,
  ...columns: SearchColumn[],
];

/** Text is quicker to read than bytes; only where bytes that are no UTF-8 may hide behind U+FFFD are they read. */
function chainRow(row: StoredRow, bytes: (position: number) => Uint8Array): ChainRow {
  const [position, text, eventHash, previousHash, hash, , salt, content, ...columns] = row;
  return {
    canonical: text === null || text.includes('\ufffd') ? bytes(position) : text,
    eventHash,
    previousHash,
    hash,
    columns,
    content: salt === null ? null : { salt, text: content ?? '' },
  };
}

type CheckpointRow = readonly [position: number, canonical: Buffer, writer: string, sequence: number];

type Statements = ReturnType<typeof prepare>;

function prepare(connection: Connection) {
  const columns = searchColumnNames.map((name) => `e.${name}`).join(', ');
  const events = connection
    .prepare(
      `SELECT e.position, CAST(canonical AS TEXT), event_hash, previous_hash, hash, time_high,
         salt, CAST(content AS TEXT), ${columns}
       FROM audit_chain e LEFT JOIN audit_content c ON c.position = e.position
       WHERE e.position > ? AND e.position <= ? ORDER BY e.position`,
    )
    .raw();
  const bytes = connection.prepare('SELECT canonical FROM audit_chain WHERE position = ?').pluck();
  const checkpoints = connection
    .prepare(
      `SELECT position, canonical, writer, sequence FROM audit_chain
       WHERE type IN ('checkpoint', 'chain_key_rotated') AND position > ? AND position <= ? ORDER BY position`,
    )
    .raw();
  const calls = connection.prepare('SELECT id, status, salt, body FROM calls WHERE id > ? ORDER BY id').raw();
  const eventsOfCall = connection
    .prepare('SELECT canonical FROM audit_chain WHERE call_id = ? ORDER BY position DESC')
    .pluck();
  const artifacts = connection.prepare('SELECT id, data FROM artifacts WHERE call_id = ?');
  const holds = connection
    .prepare('SELECT 1 FROM audit_chain WHERE writer = ? AND sequence = ? AND position <= ?')
    .pluck();
  return {
    readHeads: connection.transaction(() => ({
      heads: new Map(
        (connection.prepare('SELECT writer, sequence, hash FROM writers').all() as StoredHead[]).map(
          ({ writer, sequence, hash }): [string, ChainHead] => [writer, { sequence, hash }],
        ),
      ),
      last: Number(connection.prepare('SELECT max(position) FROM audit_chain').pluck().get() ?? 0),
    })),
    events: (after: number, last: number) => events.iterate(after, last) as IterableIterator<StoredRow>,
    checkpoints: (after: number, last: number) =>
      checkpoints.iterate(after, last) as IterableIterator<CheckpointRow>,
    bytes: (position: number) => bytes.get(position) as Uint8Array,
    calls: (after: string) => calls.iterate(after) as IterableIterator<CallRow>,
    eventsOfCall: (id: string) => eventsOfCall.iterate(id) as IterableIterator<Buffer>,
    *artifactsOfCall(id: string): Generator<ArtifactRow> {
      for (const { id: artifact, data } of artifacts.iterate(id) as IterableIterator<StoredArtifactRow>)
        yield { id: artifact, sha256: createHash('sha256').update(data).digest('hex') };
    },
    holds: (writer: string, sequence: number, last: number) =>
      holds.get(writer, sequence, last) !== undefined,
  };
}

interface StoredArtifactRow {
  readonly id: string;
  readonly data: Uint8Array;
}

interface StoredHead extends ChainHead {
  readonly writer: string;
}
