/**
 * What stands beside the chain and is derived from it: terms and words of the search, holds. An intruder who cannot write the
 * chain anew could hide an event from the search here, lift a hold, or take content away as if it had been erased.
 */
import { callIsGone, contentIsGone, HoldTrail, nowhere } from '../hold-trail.ts';
import { parseCanonicalEvent } from '../stored-event.ts';
import { columnText } from './column-text.ts';
import { eventTerms } from './search-index.ts';
import { eventWords } from '../search-terms.ts';
import { needsCall } from '../verify-rows.ts';
import type { DerivedProblem } from '../hold-trail.ts';
import type { JsonObject } from '../../model/json.ts';
import type { CanonicalEvent } from '../stored-event.ts';
import type { Reading } from './reading.ts';

/** Positions looked through at once for what belongs to no event. */
const positionsAtOnce = 10_000;

/** Erasures read at once. */
const erasuresAtOnce = 500;

/** Columns of what an event `e` is found by; read in one statement with its content, which may be erased meanwhile. */
export const derivedColumns = `
  ARRAY(SELECT kind || ' ' || value FROM audit_terms t WHERE t.position = e.position) AS terms,
  coalesce((SELECT tsvector_to_array(words) FROM audit_words w WHERE w.position = e.position), '{}') AS words`;

export interface DerivedRow {
  readonly position: number;
  readonly terms: readonly string[];
  readonly words: readonly string[];
  readonly content: Uint8Array | null;
}

/** An event whose content is gone. */
interface Gone {
  readonly event: CanonicalEvent;
  readonly position: number;
}

export class DerivedCheck {
  readonly #reading: Reading;
  readonly #erasures: Erasures;
  readonly #holds = new HoldTrail();

  private constructor(reading: Reading, erasures: Erasures) {
    this.#reading = reading;
    this.#erasures = erasures;
  }

  /** Rejects with `RecordUnavailable`. */
  static async start(reading: Reading): Promise<DerivedCheck> {
    return new DerivedCheck(reading, await readErasures(reading));
  }

  /** Takes some rows, in stored order; an event is null where its bytes are none. */
  async add(
    rows: readonly { readonly event: CanonicalEvent | null; readonly row: DerivedRow }[],
  ): Promise<readonly DerivedProblem[]> {
    const problems: DerivedProblem[] = [];
    const gone: Gone[] = [];
    const begun: Gone[] = [];
    for (const { event, row } of rows) {
      if (event === null) continue;
      this.#holds.follow(event);
      const found = searchProblem(event, row);
      if (found !== null) problems.push(found);
      if (row.content === null && Object.keys(event.commitments ?? {}).length > 0)
        gone.push({ event, position: row.position });
      if (needsCall(event)) begun.push({ event, position: row.position });
    }
    const withoutCall = await this.#untold(await this.#withoutCall(begun), callIsGone);
    return [...problems, ...(await this.#untold(gone)), ...withoutCall];
  }

  /** After the last event. */
  async end(): Promise<readonly DerivedProblem[]> {
    const holds = await this.#reading.rows<{ id: string }>('SELECT id FROM holds');
    const problems = [...this.#holds.problems(holds.map(({ id }) => id))];
    if (await this.#findsMore())
      problems.push({
        kind: 'altered',
        place: nowhere,
        detail: 'the search finds something that no event says',
      });
    return problems;
  }

  /** Of those that began a call, the ones whose call is not there any more. */
  async #withoutCall(begun: readonly Gone[]): Promise<readonly Gone[]> {
    if (begun.length === 0) return [];
    const ids = begun.map(({ event }) => columnText(event.callId ?? null));
    const rows = await this.#reading.rows<{ id: string }>(
      'SELECT id FROM calls WHERE id = ANY ($1::text[])',
      [ids],
    );
    const there = new Set(rows.map(({ id }) => id));
    return begun.filter((_, at) => !there.has(ids[at] ?? ''));
  }

  async #untold(gone: readonly Gone[], detail = contentIsGone): Promise<readonly DerivedProblem[]> {
    const unsaid = gone.filter(({ event, position }) => !this.#erasures.tellOf(event, position));
    if (unsaid.length === 0) return [];
    const told = await this.#reading.rows<{ position: number }>(
      `SELECT p.position FROM unnest($1::bigint[], $2::text[]) AS p (position, call_id) WHERE EXISTS
         (SELECT 1 FROM audit_chain e WHERE e.call_id = p.call_id AND e.type = 'erased' AND e.position > p.position)`,
      [unsaid.map(({ position }) => position), unsaid.map(({ event }) => columnText(event.callId ?? null))],
    );
    const toldOf = new Set(told.map(({ position }) => position));
    return unsaid
      .filter(({ position }) => !toldOf.has(position))
      .map(({ event: { writer, sequence } }) => ({
        kind: 'content_altered',
        place: { writer, sequence },
        detail,
      }));
  }

  /** Terms or words at positions where no event stands. */
  async #findsMore(): Promise<boolean> {
    const [range] = await this.#reading.rows<{ first: number; last: number }>(
      `SELECT least((SELECT min(position) FROM audit_terms), (SELECT min(position) FROM audit_words)) AS first,
         greatest((SELECT max(position) FROM audit_terms), (SELECT max(position) FROM audit_words)) AS last`,
    );
    if (range === undefined || range.first === null) return false;
    for (let { first } = range; first <= range.last; first += positionsAtOnce) {
      const [found] = await this.#reading.rows<{ more: boolean }>(
        `SELECT EXISTS (SELECT 1 FROM (
             SELECT position FROM audit_terms WHERE position >= $1 AND position < $2
             UNION ALL SELECT position FROM audit_words WHERE position >= $1 AND position < $2) d
           WHERE NOT EXISTS (SELECT 1 FROM audit_chain e WHERE e.position = d.position)) AS more`,
        [first, first + positionsAtOnce],
      );
      if (found?.more !== false) return true;
    }
    return false;
  }
}

/** Names what the event should be found by and is not, or is found by and does not say. */
function searchProblem(event: CanonicalEvent, row: DerivedRow): DerivedProblem | null {
  const place = { writer: event.writer, sequence: event.sequence };
  let content: JsonObject | null;
  try {
    content = row.content === null ? null : (JSON.parse(row.content.toString()) as JsonObject);
  } catch {
    // Named by the chain's own check.
    return null;
  }
  const terms = eventTerms(event, content).map(({ kind, value }) => `${kind} ${columnText(value)}`);
  const term = difference(terms, row.terms);
  const detail =
    problemOf(term, ([kind = '']) => kind) ??
    problemOf(difference(eventWords(event.details, content), row.words), () => 'its words');
  return detail === null ? null : { kind: 'altered', place, detail };
}

interface Difference {
  readonly missing: string | null;
  readonly extra: string | null;
}

function difference(expected: readonly string[], stored: readonly string[]): Difference {
  const wanted = new Set(expected);
  const found = new Set(stored);
  return {
    missing: expected.find((item) => !found.has(item)) ?? null,
    extra: stored.find((item) => !wanted.has(item)) ?? null,
  };
}

function problemOf(
  { missing, extra }: Difference,
  nameOf: (parts: readonly string[]) => string,
): string | null {
  if (missing !== null) return `the search does not find it by ${nameOf(missing.split(' '))}`;
  return extra === null ? null : `the search finds it by ${nameOf(extra.split(' '))} that it does not have`;
}

/** What tells of content that is gone, apart from events of single calls. Memory grows with the erasures that were asked for. */
class Erasures {
  readonly #purgedUpTo: number;
  /** By `principal x` and `session x`: the last position. */
  readonly #selected: ReadonlyMap<string, number>;

  constructor(purgedUpTo: number, selected: ReadonlyMap<string, number>) {
    this.#purgedUpTo = purgedUpTo;
    this.#selected = selected;
  }

  tellOf({ principal, details }: CanonicalEvent, position: number): boolean {
    const session = details?.['sessionId'];
    const last = (key: string): number => this.#selected.get(key) ?? 0;
    return (
      position < this.#purgedUpTo ||
      (principal !== undefined && position < last(`principal ${principal}`)) ||
      (typeof session === 'string' && position < last(`session ${session}`))
    );
  }
}

async function readErasures(reading: Reading): Promise<Erasures> {
  const [purge] = await reading.rows<{ last: number }>(
    `SELECT coalesce(max(position), 0) AS last FROM audit_chain WHERE type = 'purged'`,
  );
  const selected = new Map<string, number>();
  for (let after = 0; ;) {
    const rows = await reading.rows<{ position: number; canonical: Buffer }>(
      `SELECT position, canonical FROM audit_chain WHERE type = 'erased' AND call_id IS NULL AND position > $1
       ORDER BY position LIMIT ${erasuresAtOnce}`,
      [after],
    );
    for (const { position, canonical } of rows) {
      const selection = selectionOf(canonical);
      for (const member of ['principal', 'session'] as const)
        if (typeof selection[member] === 'string') selected.set(`${member} ${selection[member]}`, position);
    }
    const end = rows.at(-1);
    if (end === undefined) return new Erasures(purge?.last ?? 0, selected);
    after = end.position;
  }
}

/** None where the bytes are no event: the walk names that. */
function selectionOf(canonical: Buffer): JsonObject {
  try {
    const selection = parseCanonicalEvent(canonical.toString()).details?.['selection'];
    return typeof selection === 'object' && selection !== null && !Array.isArray(selection) ? selection : {};
  } catch {
    return {};
  }
}
