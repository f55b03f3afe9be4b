/** Reads one page of events, by the way that leads to it soonest. */
import { pageBytesMax } from '../cursor.ts';
import { isItsContent, withDay } from './content-of.ts';
import { Bound, hasWords, pageCondition, shownCondition } from './event-query.ts';
import { wordsQuery } from './search-index.ts';
import type { EventRow } from '../event-row.ts';
import type { EventQuery } from '../record.ts';
import type { Reading } from './reading.ts';

/**
 * Events that are looked at in order for words, for each that is wanted. A second, longer look is worth it where so many of the
 * first had them; rarer words are found quicker by their own index, which knows no order.
 */
const looks = [4, 64];
const frequentShare = 1 / 64;

export interface PageRow extends EventRow {
  /** Another page follows. */
  readonly more: boolean;
}

interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
}

type WordQuery = EventQuery & { readonly text: string };

/** Rejects as `RecordReader.listEvents` does. */
export async function readEventPage(reading: Reading, query: EventQuery): Promise<readonly PageRow[]> {
  const { text } = query;
  const statement =
    text === undefined ? plainPage(query) : pageOf(query, await wordPositions(reading, { ...query, text }));
  return reading.contentRows<PageRow & Record<string, unknown>>(
    query.tenant,
    statement.text,
    statement.values,
  );
}

/** Of a page, and one more. The planner knows of words only whether they are among the most frequent. */
async function wordPositions(reading: Reading, query: WordQuery): Promise<readonly number[]> {
  for (const times of looks) {
    const look = times * (query.limit + 1);
    const { text, values } = probedPositions(query, look);
    const [found] = await reading.contentRows<{ looked: number; positions: readonly number[] }>(
      query.tenant,
      text,
      values,
    );
    const { looked = 0, positions = [] } = found ?? {};
    if (positions.length > query.limit || looked < look) return positions;
    if (positions.length < look * frequentShare) break;
  }
  const { text, values } = allPositions(query);
  const rows = await reading.contentRows<{ position: number }>(query.tenant, text, values);
  return rows.map(({ position }) => position);
}

/** A page without words. */
export function plainPage(query: EventQuery): Statement {
  const bound = new Bound();
  return pageStatement(query, bound, `${pageCondition(query, bound)} AND ${shownCondition(query)}`);
}

/** A page and one more of known places. */
function pageOf(query: EventQuery, positions: readonly number[]): Statement {
  const bound = new Bound();
  return pageStatement(query, bound, `e.position = ANY (${bound.mark(positions)})`);
}

/** The first events by the other filters, and those of them with the words: `looked` counts the former. */
export function probedPositions({ text, ...query }: WordQuery, look: number): Statement {
  const bound = new Bound();
  const direction = directionOf(query);
  const where = `${pageCondition(query, bound)} AND ${shownCondition({ text })}`;
  const first = `SELECT e.position FROM audit_chain e WHERE ${where} ORDER BY e.position ${direction} LIMIT ${bound.mark(look)}`;
  const words = `SELECT 1 FROM audit_words w WHERE w.position = s.position AND ${hasWords(bound.mark(wordsQuery(text)))}`;
  return {
    text: `WITH s AS MATERIALIZED (${first}) SELECT (SELECT count(*) FROM s) AS looked,
      ARRAY(SELECT position FROM s WHERE EXISTS (${words} OFFSET 0) ORDER BY position ${direction}
        LIMIT ${bound.mark(query.limit + 1)}) AS positions`,
    values: bound.values,
  };
}

/** All events with the words are found, and then put in order. */
export function allPositions(query: WordQuery): Statement {
  const bound = new Bound();
  const where = pageCondition(query, bound);
  return {
    text: `SELECT position FROM (SELECT e.position, e.time FROM audit_chain e WHERE ${where} OFFSET 0) e
      WHERE ${shownCondition(query)} ORDER BY position ${directionOf(query)} LIMIT ${bound.mark(query.limit + 1)}`,
    values: bound.values,
  };
}

/** Sizes are read without what they are of; an event is shown while those before it leave room. */
function pageStatement(query: EventQuery, bound: Bound, where: string): Statement {
  const direction = directionOf(query);
  const bytes = 'octet_length(canonical) + coalesce(octet_length(content), 0)';
  const rows = `SELECT ${withDay} FROM audit_chain e WHERE ${where} ORDER BY e.position ${direction} LIMIT ${bound.mark(query.limit + 1)}`;
  return {
    text: `SELECT position, canonical, event_hash, previous_hash, hash, content, found > count(*) OVER () AS more
      FROM (SELECT e.position, canonical, event_hash, previous_hash, hash, content, count(*) OVER () AS found,
          row_number() OVER place AS number, sum(${bytes}) OVER place - (${bytes}) AS bytes_before
        FROM (${rows}) e LEFT JOIN audit_content c ON ${isItsContent}
        WINDOW place AS (ORDER BY e.position ${direction})) s
      WHERE number <= ${bound.mark(query.limit)} AND bytes_before < ${bound.mark(pageBytesMax)}
      ORDER BY position ${direction}`,
    values: bound.values,
  };
}

function directionOf({ order }: Pick<EventQuery, 'order'>): 'ASC' | 'DESC' {
  return order === 'asc' ? 'ASC' : 'DESC';
}
