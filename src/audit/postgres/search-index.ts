/** Terms and words by which events are found, as they are stored and asked for. */
import { contentTerms, permanentTerms, searchWords } from '../search-terms.ts';
import { columnText } from './column-text.ts';
import { rowsOf } from './connection.ts';
import type { JsonObject } from '../../model/json.ts';
import type { SearchTerm } from '../search-terms.ts';
import type { CanonicalEvent } from '../stored-event.ts';
import type { Queryable } from './connection.ts';

export interface IndexRow {
  readonly position: number;
  readonly terms: readonly SearchTerm[];
  readonly words: readonly string[];
}

/** A value of a term is found as a whole, so a longer one is not indexed; PostgreSQL's index takes 2,704 bytes. */
const valueBytesMax = 2_000;

export function eventTerms(event: CanonicalEvent, content: JsonObject | null): readonly SearchTerm[] {
  return [...permanentTerms(event), ...contentTerms(content)].filter(
    ({ value }) => Buffer.byteLength(value) <= valueBytesMax,
  );
}

/** A search as a `tsquery`: words of letters and digits, of which nothing is an operator. Throws `RangeError` when there is none. */
export function wordsQuery(text: string): string {
  const words = searchWords(text);
  if (words === null) throw new RangeError('text must have 1 to 32 words');
  return words.map((word) => `'${word.text}'${word.isPrefix ? ':*' : ''}`).join(' & ');
}

export async function insertTerms(connection: Queryable, rows: readonly IndexRow[]): Promise<void> {
  const terms = rows.flatMap((row) => row.terms.map((term) => ({ ...term, position: row.position })));
  if (terms.length === 0) return;
  await rowsOf(
    connection,
    `INSERT INTO audit_terms (kind, value, position) SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[])
     ON CONFLICT DO NOTHING`,
    [
      terms.map(({ kind }) => kind),
      terms.map(({ value }) => columnText(value)),
      terms.map(({ position }) => position),
    ],
  );
}

export async function insertWords(connection: Queryable, rows: readonly IndexRow[]): Promise<void> {
  const filled = rows.filter(({ words }) => words.length > 0);
  if (filled.length === 0) return;
  // Words hold no spaces, so that many lists travel as one.
  await rowsOf(
    connection,
    `INSERT INTO audit_words (position, words)
     SELECT position, array_to_tsvector(string_to_array(words, ' ')) FROM unnest($1::bigint[], $2::text[]) AS u (position, words)`,
    [filled.map(({ position }) => position), filled.map(({ words }) => words.join(' '))],
  );
}
