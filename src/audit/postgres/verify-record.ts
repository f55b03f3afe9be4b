/** Walks the stored chains, some rows at a time. */
import { CheckpointClaims } from '../checkpoints/checkpoint-claims.ts';
import { parseCanonicalEvent, searchColumnNames, searchColumns } from '../stored-event.ts';
import { ChainVerifier } from '../verify.ts';
import { artifactProblem, callProblem, HighTime, readJson } from '../verify-rows.ts';
import { columnText } from './column-text.ts';
import { isItsContent, withDay } from './content-of.ts';
import { readEnds } from './export-rows.ts';
import { DerivedCheck, derivedColumns } from './verify-derived.ts';
import type { ChainHead } from '../chain.ts';
import type { DerivedProblem } from '../hold-trail.ts';
import type { VerifyProblem, VerifyReport, VerifyTrust } from '../record.ts';
import type { CanonicalEvent, SearchColumn } from '../stored-event.ts';
import type { ChainRow } from '../verify.ts';
import type { Ends } from './export-rows.ts';
import type { Reading } from './reading.ts';

/** Rows read at once, and bytes of events and content after which they are fewer. */
const eventsAtOnce = 1_000;
const bytesAtOnce = 1024 * 1024;
const callsAtOnce = 200;
const artifactsAtOnce = 16;
const checkpointsAtOnce = 64;

type Place = Pick<VerifyProblem, 'writer' | 'sequence'>;

/** Verifies what was durable when it was called. Rejects with `RecordUnavailable`. */
export async function verifyRecord(reading: Reading, trust: VerifyTrust): Promise<VerifyReport> {
  const ends = await readEnds(reading);
  const report = await walkOnce(reading, ends, trust, new Set());
  const missing = report.problems.filter(({ kind }) => kind === 'missing');
  if (missing.length === 0) return report;
  // What is missing at its place may stand elsewhere: then it is named as moved.
  const elsewhere = await findPlaces(reading, missing, ends.last);
  return elsewhere.size === 0 ? report : walkOnce(reading, ends, trust, elsewhere);
}

async function walkOnce(
  reading: Reading,
  { heads, last }: Ends,
  trust: VerifyTrust,
  elsewhere: ReadonlySet<string>,
): Promise<VerifyReport> {
  const claims = await collectClaims(reading, last, trust);
  const verifier = new ChainVerifier((place) => elsewhere.has(placeKey(place)), claims);
  const times = new HighTime();
  const derived = trust.deep === true ? await DerivedCheck.start(reading) : null;
  const name = (problems: readonly DerivedProblem[] = []): void => {
    for (const { kind, place, detail } of problems) verifier.problem(kind, place, detail);
  };
  for await (const rows of chainRows(reading, last, derived !== null)) {
    const events = rows.map((row) => {
      const event = verifier.add(chainRow(row));
      if (event !== null && !times.follows(event.time, row.time_high))
        verifier.problem('altered', event, 'the column time_high is not the latest time up to this event');
      return { event, row };
    });
    name(await derived?.add(events));
  }
  name(await derived?.end());
  verifier.compareHeads(
    new Map(heads.map(({ writer, sequence, hash }): [string, ChainHead] => [writer, { sequence, hash }])),
  );
  verifier.compareClaims();
  await verifyCalls(reading, verifier);
  if (derived !== null) for await (const problem of artifactProblems(reading)) name([problem]);
  return { ...verifier.report(), ...(derived !== null && { deep: true }) };
}

function placeKey({ writer, sequence }: Place): string {
  return `${writer}#${sequence}`;
}

async function findPlaces(reading: Reading, places: readonly Place[], last: number): Promise<Set<string>> {
  const found = await reading.rows<Place & Record<string, unknown>>(
    `SELECT e.writer, e.sequence FROM audit_chain e JOIN unnest($1::text[], $2::bigint[]) AS p (writer, sequence)
       ON e.writer = p.writer AND e.sequence = p.sequence WHERE e.position <= $3`,
    [places.map(({ writer }) => writer), places.map(({ sequence }) => sequence), last],
  );
  return new Set(found.map(placeKey));
}

/** Checkpoints by the column of their type: one that was hidden from it is found altered in the walk. */
async function collectClaims(reading: Reading, last: number, trust: VerifyTrust): Promise<CheckpointClaims> {
  const claims = new CheckpointClaims(trust);
  for (let after = 0; ;) {
    const rows = await reading.rows<Place & { position: number; canonical: Buffer }>(
      `SELECT position, canonical, writer, sequence FROM audit_chain
       WHERE type IN ('checkpoint', 'chain_key_rotated') AND position > $1 AND position <= $2 ORDER BY position LIMIT $3`,
      [after, last, checkpointsAtOnce],
    );
    for (const { canonical, writer, sequence } of rows)
      claims.takeEvent({ writer, sequence }, readJson<CanonicalEvent>(canonical).details);
    const end = rows.at(-1);
    if (end === undefined) break;
    after = end.position;
  }
  for (const [index, anchor] of (trust.anchors ?? []).entries()) claims.takeAnchor(anchor, index + 1);
  return claims;
}

type StoredRow = Readonly<Record<string, SearchColumn>> & {
  readonly position: number;
  /** Only where it was asked for. */
  readonly terms: readonly string[] & SearchColumn;
  readonly words: readonly string[] & SearchColumn;
  readonly canonical: Buffer & SearchColumn;
  readonly event_hash: string;
  readonly previous_hash: string;
  readonly hash: string;
  readonly time_high: string;
  readonly salt: string | null;
  readonly content: (Buffer & SearchColumn) | null;
};

const columns = searchColumnNames.map((name) => `e.${name}`).join(', ');

/** Some rows at a time, at least one. Sizes are read without what they are of. */
async function* chainRows(
  reading: Reading,
  last: number,
  isDeep: boolean,
): AsyncGenerator<readonly StoredRow[]> {
  const read = (after: number): Promise<StoredRow[]> =>
    reading.allRows<StoredRow>(
      `SELECT e.position, canonical, event_hash, previous_hash, hash, time_high, salt, content, ${columns}
         ${isDeep ? `, ${derivedColumns}` : ''}
       FROM (SELECT e.*, salt, content, sum(octet_length(canonical) + coalesce(octet_length(content), 0))
             OVER (ORDER BY e.position) - octet_length(canonical) - coalesce(octet_length(content), 0) AS bytes_before
           FROM (SELECT ${withDay} FROM audit_chain e WHERE position > $1 AND position <= $2 ORDER BY position LIMIT $3) e
           LEFT JOIN audit_content c ON ${isItsContent}) e
       WHERE bytes_before < $4 ORDER BY e.position`,
      [after, last, eventsAtOnce, bytesAtOnce],
    );
  for (let next = read(0); ;) {
    const rows = await next;
    const end = rows.at(-1);
    if (end === undefined) return;
    // The database reads on while these are hashed.
    next = read(end.position);
    next.catch(() => {});
    yield rows;
  }
}

function chainRow(row: StoredRow): ChainRow {
  const { canonical, salt, content } = row;
  return {
    canonical,
    eventHash: row.event_hash,
    previousHash: row.previous_hash,
    hash: row.hash,
    columns: memberColumns(
      row,
      searchColumnNames.map((name) => row[name] ?? null),
    ),
    content: salt === null ? null : { salt, text: content?.toString() ?? '' },
  };
}

/** The columns as members of the event: where U+FFFD stands for U+0000 it is no alteration. */
function memberColumns({ canonical }: StoredRow, stored: readonly SearchColumn[]): readonly SearchColumn[] {
  if (!canonical.includes('\\u0000')) return stored;
  try {
    const members = searchColumns(parseCanonicalEvent(canonical.toString()));
    return stored.map((value, index) => {
      const member = members[index] ?? null;
      return value === columnText(member) ? member : value;
    });
  } catch {
    return stored;
  }
}

/** Each with its events, in one moment: a call that changes meanwhile is what its last event then says. */
async function verifyCalls(reading: Reading, verifier: ChainVerifier): Promise<void> {
  for (let after = ''; ;) {
    const rows = await reading.rows<{
      id: string;
      status: string;
      salt: string;
      body: Buffer;
      events: Buffer[];
    }>(
      `SELECT id, status, salt, body,
         ARRAY(SELECT canonical FROM audit_chain WHERE call_id = c.id ORDER BY position DESC) AS events
       FROM calls c WHERE id > $1 ORDER BY id LIMIT $2`,
      [after, callsAtOnce],
    );
    for (const { id, status, salt, body, events } of rows) {
      const problem = callProblem([id, status, salt, body], events);
      if (problem !== null) verifier.problem('call_altered', problem, problem.detail);
    }
    const end = rows.at(-1);
    if (end === undefined) return;
    after = end.id;
  }
}

/** What is hashed stays in the database. */
async function* artifactProblems(reading: Reading): AsyncGenerator<DerivedProblem> {
  for (let after = ''; ;) {
    const rows = await reading.rows<{ id: string; sha256: string; body: Buffer }>(
      `SELECT a.id, encode(sha256(a.data), 'hex') AS sha256, c.body
       FROM artifacts a JOIN calls c ON c.id = a.call_id WHERE a.id > $1 ORDER BY a.id LIMIT $2`,
      [after, artifactsAtOnce],
    );
    for (const { id, sha256, body } of rows) {
      const problem = artifactProblem(body, [{ id, sha256 }]);
      if (problem !== null) yield problem;
    }
    const end = rows.at(-1);
    if (end === undefined) return;
    after = end.id;
  }
}
