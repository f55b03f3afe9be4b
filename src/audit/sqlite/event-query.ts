/** An `EventQuery` as SQL. Every value is bound; only names from this file become text. */
import { decodeCursor } from '../cursor.ts';
import type { EventQuery, ExportFilter } from '../record.ts';
import { filterTermKinds, searchWords } from '../search-terms.ts';
import type { TermKind } from '../search-terms.ts';
import type { SearchColumn } from '../stored-event.ts';

/** Events on one page. */
export const pageEventsMax = 1_000;

/** Filters by equality, the most selective first: only the first that is given may choose the index. */
const equalities = [
  ['callId', 'call_id'],
  ['requestId', 'request_id'],
  ['principal', 'principal'],
  ['status', 'status'],
  ['effect', 'effect'],
  ['type', 'type'],
  ['tool', 'tool'],
  ['rule', 'rule'],
  ['tenant', 'tenant'],
] as const satisfies readonly (readonly [member: keyof EventQuery, column: string])[];

export interface EventSql {
  /** `e` is the chain. */
  readonly from: string;
  readonly where: string;
  readonly position: string;
  /** Column and direction. */
  readonly order: string;
  readonly values: readonly SearchColumn[];
}

/** The first position at which events of this time or later can stand: one step in an index. */
export const firstPositionSince =
  '(SELECT position FROM audit_chain WHERE time_high >= ? ORDER BY time_high, position LIMIT 1)';

/** A bound number is a floating-point one, with which FTS5 does not begin in the middle. */
const integer = 'CAST(? AS INTEGER)';

/** What is found by content that is past its time must not be found any more. */
const isContentKept = `(EXISTS (SELECT 1 FROM audit_content_kept k WHERE k.position = e.position)
  OR NOT EXISTS (SELECT 1 FROM audit_content d WHERE d.position = e.position))`;

/** Throws `InvalidCursor`, and `RangeError` for a limit, a time or a text that the door should have refused. */
export function eventSql(query: EventQuery): EventSql {
  const { limit, order } = query;
  if (!Number.isInteger(limit) || limit < 1 || limit > pageEventsMax)
    throw new RangeError(`limit must be 1 to ${pageEventsMax}`);
  const where = new Where();
  const from = addDriver(where, query);
  if (query.text !== undefined || query.label !== undefined || query.address !== undefined)
    where.add(isContentKept);
  addColumns(where, query, from.position);
  addPolicy(where, query);
  const position = from.position;
  if (query.from !== undefined) addFrom(where.add, position, isoTime(query.from));
  if (query.to !== undefined) addTo(where.add, position, isoTime(query.to));
  if (query.afterId !== undefined)
    where.add(`${position} > (SELECT position FROM audit_chain WHERE id = ?)`, query.afterId);
  if (query.cursor !== undefined)
    where.add(`${position} ${order === 'asc' ? '>' : '<'} ${integer}`, decodeCursor(query.cursor, order));
  return {
    from: from.table,
    where: where.text,
    position,
    order: `${position} ${order === 'asc' ? 'ASC' : 'DESC'}`,
    values: where.values,
  };
}

/** Words that stand in so many events are frequent. */
const rareMax = 1_000;

/** One row where all the words of a search stand in many events. */
export function frequentWordsSql(text: string): WordSql {
  return {
    sql: `SELECT 1 FROM audit_text WHERE audit_text MATCH ? LIMIT 1 OFFSET ${rareMax}`,
    values: [matchText(text)],
  };
}

/** Places for each event that is asked about, up to which a walk over all events with the words is quicker than a search for each. */
const placesPerSearch = 500;

export interface WordSql {
  readonly sql: string;
  readonly values: readonly SearchColumn[];
}

/** Those of some positions, given in order, whose events have the words. */
export function withWordsSql(text: string, positions: readonly number[]): WordSql {
  const ends = [positions[0] ?? 0, positions.at(-1) ?? 0];
  const [low, high] = [Math.min(...ends), Math.max(...ends)];
  if (high - low < placesPerSearch * positions.length)
    return {
      sql: `SELECT rowid FROM audit_text WHERE audit_text MATCH ? AND rowid >= ${integer} AND rowid <= ${integer}
        AND +rowid IN (SELECT value FROM json_each(?))`,
      values: [matchText(text), low, high, JSON.stringify(positions)],
    };
  return {
    sql: `SELECT value FROM json_each(?) WHERE EXISTS
      (SELECT 1 FROM audit_text f WHERE f.audit_text MATCH ? AND f.rowid = value)`,
    values: [JSON.stringify(positions), matchText(text)],
  };
}

/** Events of known positions; `kept`: only where their content is not past its time, as it has to be to be found by it. */
export function positionsSql(
  positions: readonly number[],
  { order, kept }: { readonly order: EventQuery['order']; readonly kept: boolean },
): EventSql {
  return {
    from: 'audit_chain e',
    where: `e.position IN (SELECT value FROM json_each(?))${kept ? ` AND ${isContentKept}` : ''}`,
    position: 'e.position',
    order: `e.position ${order === 'asc' ? 'ASC' : 'DESC'}`,
    values: [JSON.stringify(positions)],
  };
}

/** Whether a filter beside the words leaves out most events. */
export function isNarrowed(query: EventQuery): boolean {
  const isUnusual = ([member, column]: (typeof equalities)[number]): boolean => {
    const value = query[member];
    return value !== undefined && value !== null && value !== usualValues[column];
  };
  return equalities.some(isUnusual) || filterTermKinds.some((kind) => query[kind] !== undefined);
}

/** The same as a condition on a row of the chain that is at hand: no index is chosen by it. */
export function exportSql(filter: ExportFilter): {
  readonly where: string;
  readonly values: readonly SearchColumn[];
} {
  const where = new Where();
  where.isDriven = true;
  const { text } = filter;
  if (text !== undefined)
    where.add('e.position IN (SELECT rowid FROM audit_text WHERE audit_text MATCH ?)', matchText(text));
  for (const kind of filterTermKinds) addTerm(where, kind, filter[kind]);
  addColumns(where, filter, null);
  addPolicy(where, filter);
  if (filter.from !== undefined) where.add('e.time >= ?', isoTime(filter.from));
  if (filter.to !== undefined) where.add('e.time < ?', isoTime(filter.to));
  if (text !== undefined || filter.label !== undefined || filter.address !== undefined)
    where.add(isContentKept);
  return where;
}

class Where {
  /** Some condition chooses an index. */
  isDriven = false;
  readonly #terms: string[] = ['true'];
  readonly values: SearchColumn[] = [];

  get text(): string {
    return this.#terms.join(' AND ');
  }

  get where(): string {
    return this.text;
  }

  readonly add: Add = (term, ...bound) => {
    this.#terms.push(term);
    this.values.push(...bound);
  };
}

/** Walks the words, else the most exact term, else the chain: in the order of writing each of them. */
function addDriver(where: Where, query: EventQuery): { table: string; position: string } {
  const given = filterTermKinds.filter((kind) => query[kind] !== undefined);
  let driver = { table: 'audit_chain e', position: 'e.position' };
  if (query.text !== undefined) {
    driver = { table: 'audit_text f CROSS JOIN audit_chain e ON e.position = f.rowid', position: 'f.rowid' };
    where.add('f.audit_text MATCH ?', matchText(query.text));
  } else if (given[0] !== undefined) {
    driver = {
      table: 'audit_terms t CROSS JOIN audit_chain e ON e.position = t.position',
      position: 't.position',
    };
    const kind = given.shift() as (typeof filterTermKinds)[number];
    where.add('t.kind = ? AND t.value = ?', kind, query[kind] ?? null);
  }
  where.isDriven = driver.position !== 'e.position';
  for (const kind of given) addTerm(where, kind, query[kind]);
  return driver;
}

function addTerm(where: Where, kind: TermKind, value: string | undefined): void {
  if (value !== undefined)
    where.add(
      'EXISTS (SELECT 1 FROM audit_terms x WHERE x.kind = ? AND x.value = ? AND x.position = e.position)',
      kind,
      value,
    );
}

/** `position` is that of the driver; null: the row is at hand, and nothing has to lead to it. */
function addColumns(where: Where, query: ExportFilter, position: string | null): void {
  for (const [member, column] of equalities) {
    const value = query[member];
    if (value === undefined || value === null) continue;
    const usual = usualValues[column];
    const isIndexed = value !== usual;
    // The index leaves the usual value out, and SQLite has to be told that another one is meant.
    const equals = (alias: string): string =>
      `${alias}.${column} = ?${usual === undefined ? '' : ` AND ${alias}.${column} <> '${usual}'`}`;
    // A plus sign keeps SQLite from using an index: without statistics it takes them all for equally good.
    if (!isIndexed || position === null) where.add(`+e.${column} = ?`, value);
    else if (where.isDriven)
      // Asked of its own index, which is small beside the rows of the chain.
      where.add(
        `EXISTS (SELECT 1 FROM audit_chain x INDEXED BY audit_chain_${column} WHERE ${equals('x')} AND x.position = ${position})`,
        value,
      );
    else {
      where.add(equals('e'), value);
      where.isDriven = true;
    }
  }
}

/** No column: few policies share names of rules, so that little is read in vain. */
function addPolicy({ add }: Where, { policy }: ExportFilter): void {
  if (policy !== undefined) add(`json_extract(CAST(e.canonical AS TEXT), '$.decision.policy') = ?`, policy);
}

/** Nearly every event has these: no index holds them. */
const usualValues: Readonly<Record<string, string>> = { status: 'succeeded', effect: 'allow' };

/** Every word has to be there; quoted, so that nothing of it is an operator. Throws `RangeError` when there is none. */
function matchText(text: string): string {
  const words = searchWords(text);
  if (words === null) throw new RangeError('text must have 1 to 32 words');
  return words.map(({ text: word, isPrefix }) => `"${word}"${isPrefix ? ' *' : ''}`).join(' AND ');
}

type Add = (term: string, ...bound: SearchColumn[]) => void;

function addFrom(add: Add, position: string, from: string): void {
  add(`${position} >= ${firstPositionSince}`, from);
  add('e.time >= ?', from);
}

/** Events before `to` stand before the first later one, except where the clock went back; few rows say where that was. */
function addTo(add: Add, position: string, to: string): void {
  add(
    `${position} <= max(
       coalesce((SELECT position FROM audit_chain WHERE time_high < ? ORDER BY time_high DESC, position DESC LIMIT 1), 0),
       coalesce((SELECT max(position) FROM audit_chain WHERE time < time_high), 0))`,
    to,
  );
  add('e.time < ?', to);
}

/** The form in which times are stored, which sorts as text. */
function isoTime(time: string): string {
  const timeMs = Date.parse(time);
  if (Number.isNaN(timeMs))
    throw new RangeError(`${JSON.stringify(time.slice(0, 40))} is not an RFC 3339 time`);
  return new Date(timeMs).toISOString();
}
