/** An `EventQuery` as SQL. Every value is bound; only names from this file become text. */
import { decodeCursor } from '../cursor.ts';
import type { EventQuery, ExportFilter } from '../record.ts';
import { isHeldAt } from '../hold-sql.ts';
import { columnText } from './column-text.ts';
import { wordsQuery } from './search-index.ts';
import { filterTermKinds } from '../search-terms.ts';

/** Events on one page. */
const pageEventsMax = 1_000;

const equalities = [
  ['callId', 'call_id'],
  ['requestId', 'request_id'],
  ['principal', 'principal'],
  ['tool', 'tool'],
  ['type', 'type'],
  ['rule', 'rule'],
  ['status', 'status'],
  ['effect', 'effect'],
  ['tenant', 'tenant'],
] as const satisfies readonly (readonly [member: keyof EventQuery, column: string])[];

/** Values of a statement, and the marks that stand for them. */
export class Bound {
  readonly values: unknown[] = [];

  mark(value: unknown): string {
    this.values.push(value);
    return `$${this.values.length}`;
  }
}

/** The first position at which events of this time or later can stand: one step in an index. */
export function firstPositionSince(mark: string): string {
  return `(SELECT position FROM audit_chain WHERE time_high >= ${mark} ORDER BY time_high, position LIMIT 1)`;
}

export interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
}

/** As a condition on `e`, the chain. Throws `InvalidCursor`, and `RangeError` for a limit or a time that the door should have refused. */
export function pageCondition(query: EventQuery, bound: Bound): string {
  const { limit, order, cursor } = query;
  if (!Number.isInteger(limit) || limit < 1 || limit > pageEventsMax)
    throw new RangeError(`limit must be 1 to ${pageEventsMax}`);
  const terms = filterTerms(query, bound);
  if (query.from !== undefined)
    terms.push(`e.position >= ${firstPositionSince(bound.mark(isoTime(query.from)))}`);
  if (query.to !== undefined)
    terms.push(`e.position <= ${lastPositionBefore(bound.mark(isoTime(query.to)))}`);
  if (query.afterId !== undefined)
    terms.push(
      `e.position > (SELECT position FROM audit_chain WHERE id = ${bound.mark(columnText(query.afterId))})`,
    );
  if (cursor !== undefined)
    terms.push(`e.position ${order === 'asc' ? '>' : '<'} ${bound.mark(decodeCursor(cursor, order))}`);
  return terms.join(' AND ');
}

/** The same as a condition on a row of the chain that is at hand. */
export function filterSql(filter: ExportFilter, bound: Bound): string {
  return [...filterTerms(filter, bound), shownCondition(filter)].join(' AND ');
}

/** What is found by content that is past its time must not be found any more. */
const isContentShown = `(e.time >= current_setting('sallyport.oldest', true) OR ${isHeldAt('e.position')})`;

/** What goes with `pageCondition` on `e`, and may be looked at later: the planner takes it for very dear. */
export function shownCondition({ text, label, address }: Partial<EventQuery>): string {
  return text === undefined && label === undefined && address === undefined ? 'true' : isContentShown;
}

/** A condition on `w`, the words of an event. */
export function hasWords(mark: string): string {
  return `w.words @@ ${mark}::tsquery`;
}

function filterTerms(filter: ExportFilter, bound: Bound): string[] {
  const terms = ['true'];
  const { text } = filter;
  if (text !== undefined)
    terms.push(
      `e.position IN (SELECT position FROM audit_words w WHERE ${hasWords(bound.mark(wordsQuery(text)))})`,
    );
  for (const kind of filterTermKinds) {
    const value = filter[kind];
    if (value === undefined) continue;
    const wanted = `kind = ${bound.mark(kind)} AND value = ${bound.mark(columnText(value))}`;
    terms.push(`e.position IN (SELECT position FROM audit_terms WHERE ${wanted})`);
  }
  for (const [member, column] of equalities) {
    const value = filter[member];
    if (value !== undefined && value !== null)
      terms.push(`e.${column} = ${bound.mark(columnText(value))}${sparse(column, value)}`);
  }
  // No column: few policies share names of rules. U+0000 is no text here, and escaped or not the other is as long.
  if (filter.policy !== undefined)
    terms.push(
      `replace(convert_from(e.canonical, 'UTF8'), '\\u0000', '\\ufffd')::json #>> '{decision,policy}' = ${bound.mark(columnText(filter.policy))}`,
    );
  if (filter.from !== undefined) terms.push(`e.time >= ${bound.mark(isoTime(filter.from))}`);
  if (filter.to !== undefined) terms.push(`e.time < ${bound.mark(isoTime(filter.to))}`);
  return terms;
}

/** The indexes of these columns leave the usual value out. */
function sparse(column: string, value: string): string {
  if (column === 'status' && value !== 'succeeded') return ` AND e.status <> 'succeeded'`;
  if (column === 'effect' && value !== 'allow') return ` AND e.effect <> 'allow'`;
  return '';
}

/** Events before a time stand before the first later one, except where the clock went back; few rows say where that was. */
function lastPositionBefore(mark: string): string {
  return `greatest(
    coalesce((SELECT position FROM audit_chain WHERE time_high < ${mark} ORDER BY time_high DESC, position DESC LIMIT 1), 0),
    coalesce((SELECT max(position) FROM audit_chain WHERE time < time_high), 0))`;
}

/** The form in which times are stored, which sorts as text. */
function isoTime(time: string): string {
  const timeMs = Date.parse(time);
  if (Number.isNaN(timeMs))
    throw new RangeError(`${JSON.stringify(time.slice(0, 40))} is not an RFC 3339 time`);
  return new Date(timeMs).toISOString();
}
