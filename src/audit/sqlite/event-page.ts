/** Reads one page of events, by the way that leads to it soonest. */
import { encodeCursor, pageBytesMax } from '../cursor.ts';
import { eventSql, frequentWordsSql, isNarrowed, positionsSql, withWordsSql } from './event-query.ts';
import type { EventRow } from '../event-row.ts';
import type { EventQuery } from '../record.ts';
import type { Connection } from './connection.ts';
import type { EventSql } from './event-query.ts';

/** Of a chain `e` with its content `c`. */
export const eventColumns = 'e.position, e.canonical, e.event_hash, e.previous_hash, e.hash, c.content';

export interface EventPage {
  readonly shown: readonly EventRow[];
  /** Another page follows. */
  readonly more: boolean;
}

/**
 * Places first, which indexes alone tell for most filters, and then what stands there. Throws as `eventSql` does, and SQLite's
 * error.
 */
export function readEventPage(connection: Connection, query: EventQuery): EventPage {
  const probed = readProbed(connection, query);
  if (probed !== null) return probed;
  const positions = readPositions(connection, query, query.limit + 1);
  return readRows(connection, query, positionsSql(positions, { order: query.order, kept: false }));
}

/** Events by the other filter that are looked at for words, for each that is wanted; then the words lead on. */
const lookedMax = 32;

/**
 * Frequent words with another filter: the words alone may lead through a million events before a page is full, the other filter
 * seldom does. Null where the words are rare, there is no other filter, or it does not fill a page soon.
 */
function readProbed(connection: Connection, query: EventQuery): EventPage | null {
  const { text, ...others } = query;
  if (text === undefined || !isNarrowed(query) || !areFrequent(connection, text)) return null;
  const shown: EventRow[] = [];
  const wanted = query.limit + 1;
  let next: EventQuery = others;
  for (let looked = 0, look = wanted; looked < lookedMax * wanted; looked += look, look *= 2) {
    const positions = readPositions(connection, next, look);
    const found = withWords(connection, text, positions);
    const rows = readRows(connection, query, positionsSql(found, { order: query.order, kept: true }), shown);
    if (rows.more) return rows;
    const last = positions.at(-1);
    if (last === undefined || positions.length < look) return { shown, more: false };
    next = { ...others, cursor: encodeCursor(query.order, last) };
  }
  return null;
}

function withWords(connection: Connection, text: string, positions: readonly number[]): readonly number[] {
  const { sql, values } = withWordsSql(text, positions);
  const found = new Set(
    connection
      .prepare(sql)
      .pluck()
      .all(...values) as number[],
  );
  return positions.filter((position) => found.has(position));
}

function areFrequent(connection: Connection, text: string): boolean {
  const { sql, values } = frequentWordsSql(text);
  return connection.prepare(sql).get(...values) !== undefined;
}

function readPositions(connection: Connection, query: EventQuery, count: number): readonly number[] {
  const { from, where, position, order, values } = eventSql(query);
  return connection
    .prepare(`SELECT ${position} FROM ${from} WHERE ${where} ORDER BY ${order} LIMIT ?`)
    .pluck()
    .all(...values, count) as number[];
}

/** Row by row, so that a page of large events holds no more than it shows. Goes on with those that are shown already. */
function readRows(
  connection: Connection,
  query: EventQuery,
  { from, where, order, values }: EventSql,
  shown: EventRow[] = [],
): EventPage {
  const rows = connection.prepare(
    `SELECT ${eventColumns} FROM ${from} LEFT JOIN audit_content_kept c ON c.position = e.position
     WHERE ${where} ORDER BY ${order} LIMIT ?`,
  );
  let bytes = shown.reduce((sum, row) => sum + bytesOf(row), 0);
  for (const row of rows.iterate(...values, query.limit + 1) as IterableIterator<EventRow>) {
    if (shown.length === query.limit || bytes >= pageBytesMax) return { shown, more: true };
    shown.push(row);
    bytes += bytesOf(row);
  }
  return { shown, more: false };
}

function bytesOf({ canonical, content }: EventRow): number {
  return canonical.length + (content?.length ?? 0);
}
