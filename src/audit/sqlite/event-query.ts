/** An `EventQuery` as SQL. Every value is bound; only names from this file become text. */
import { decodeCursor } from '../cursor.ts';
import type { EventQuery } from '../record.ts';
import type { SearchColumn } from '../stored-event.ts';

/** Events on one page. */
export const pageEventsMax = 1_000;

/** Filters by equality, the most selective first: only the first that is given may choose the index. */
const equalities = [
  ['callId', 'call_id'],
  ['requestId', 'request_id'],
  ['principal', 'principal'],
  ['tool', 'tool'],
  ['type', 'type'],
  ['tenant', 'tenant'],
  ['rule', 'rule'],
  ['effect', 'effect'],
  ['status', 'status'],
] as const satisfies readonly (readonly [member: keyof EventQuery, column: string])[];

export interface EventSql {
  readonly where: string;
  readonly order: string;
  readonly values: readonly SearchColumn[];
}

/** The first position at which events of this time or later can stand: one step in an index. */
export const firstPositionSince =
  '(SELECT position FROM audit_chain WHERE time_high >= ? ORDER BY time_high, position LIMIT 1)';

/** Throws `InvalidCursor`, and `RangeError` for a limit or a time that the door should have refused. */
export function eventSql(query: EventQuery): EventSql {
  const { limit, order } = query;
  if (!Number.isInteger(limit) || limit < 1 || limit > pageEventsMax)
    throw new RangeError(`limit must be 1 to ${pageEventsMax}`);
  const terms: string[] = ['true'];
  const values: SearchColumn[] = [];
  const add = (term: string, ...bound: SearchColumn[]) => {
    terms.push(term);
    values.push(...bound);
  };
  for (const [member, column] of equalities) {
    const value = query[member];
    // A plus sign keeps SQLite from using an index: without statistics it takes them all for equally good.
    if (value !== undefined && value !== null) add(`${values.length === 0 ? '' : '+'}e.${column} = ?`, value);
  }
  if (query.from !== undefined) addFrom(add, isoTime(query.from));
  if (query.to !== undefined) addTo(add, isoTime(query.to));
  if (query.cursor !== undefined)
    add(order === 'asc' ? 'e.position > ?' : 'e.position < ?', decodeCursor(query.cursor, order));
  return { where: terms.join(' AND '), order: order === 'asc' ? 'ASC' : 'DESC', values };
}

type Add = (term: string, ...bound: SearchColumn[]) => void;

function addFrom(add: Add, from: string): void {
  add(`e.position >= ${firstPositionSince}`, from);
  add('e.time >= ?', from);
}

/** Events before `to` stand before the first later one, except where the clock went back; few rows say where that was. */
function addTo(add: Add, to: string): void {
  add(
    `e.position <= max(
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
