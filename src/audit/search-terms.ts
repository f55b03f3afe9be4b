/**
 * What an event can be found by beside its columns: exact terms of several kinds, and words. All of it is derived from
 * the canonical event and its content, so that it can be derived again, for a check or to take it away.
 */
import type { JsonObject, JsonValue } from '../model/json.ts';
import type { EventQuery } from './record.ts';
import type { CanonicalEvent } from './stored-event.ts';
import { fileIds } from './uploaded-files.ts';

/** Kinds of terms. Those of the content go with it when it is erased. */
export const permanentTermKinds = [
  'key',
  'session',
  'run',
  'approval',
  'finding',
  'host',
  'credential',
  'file',
] as const;
export const contentTermKinds = ['label', 'address'] as const;

export type TermKind = (typeof permanentTermKinds)[number] | (typeof contentTermKinds)[number];

/** Kinds that events are filtered by, the most selective first. */
export const filterTermKinds = [
  'approval',
  'session',
  'run',
  'label',
  'credential',
  'host',
  'finding',
  'address',
  'key',
] as const satisfies readonly (keyof EventQuery & TermKind)[];

export interface SearchTerm {
  readonly kind: TermKind;
  readonly value: string;
}

/** Characters of an event's words that the free-text search sees: what comes later in a long output is not found by it. */
const searchTextCharsMax = 16_384;

/** Encoded data, which nobody looks for and which would be most of the index. */
const noWord = /\w{129,}/g;

const detailTerms = {
  session: 'sessionId',
  run: 'runId',
  approval: 'approvalId',
  host: 'host',
  credential: 'credential',
} as const satisfies Partial<Record<TermKind, string>>;

/** Terms that are never erased. */
export function permanentTerms(event: CanonicalEvent): readonly SearchTerm[] {
  const terms: SearchTerm[] = [];
  if (event.key !== undefined) terms.push({ kind: 'key', value: event.key });
  if (event.details !== undefined)
    for (const [kind, member] of Object.entries(detailTerms)) {
      const value = event.details[member];
      if (typeof value === 'string') terms.push({ kind: kind as keyof typeof detailTerms, value });
    }
  const detectors = new Set(event.boundary?.findings.map(({ detector }) => detector));
  for (const value of detectors) terms.push({ kind: 'finding', value });
  for (const value of new Set(fileIds(event.details))) terms.push({ kind: 'file', value });
  return terms;
}

/** Terms that stand in the content: labels as `name=value`, the caller's address. */
export function contentTerms(content: JsonObject | null): readonly SearchTerm[] {
  if (content === null) return [];
  const terms: SearchTerm[] = [];
  const { labels, address } = content;
  if (typeof labels === 'object' && labels !== null && !Array.isArray(labels))
    for (const [name, value] of Object.entries(labels))
      if (typeof value === 'string') terms.push({ kind: 'label', value: `${name}=${value}` });
  if (typeof address === 'string') terms.push({ kind: 'address', value: address });
  return terms;
}

/** A longer word is found by its beginning. */
const wordCharsMax = 128;

/** Words of one search. */
const wordsMax = 32;

export interface SearchWord {
  /** Letters and digits, as `eventWords` has them. */
  readonly text: string;
  /** The beginning of a word. */
  readonly isPrefix: boolean;
}

/** What is looked for, where * after a word says that it is a beginning. Null when there are no words, or too many. */
export function searchWords(text: string): readonly SearchWord[] | null {
  const words = folded(text).match(/[\p{L}\p{N}]+\*?/gu) ?? [];
  if (words.length === 0 || words.length > wordsMax) return null;
  return words.map((word) => ({
    text: cutWord(word.replace('*', '')),
    isPrefix: word.endsWith('*'),
  }));
}

/**
 * The words that an event is found by, each once. They are made here and not by a database, so that neither its Unicode nor
 * its locale says what a word is: what this finds in a search and in an event is the same.
 */
export function eventWords(
  details: JsonObject | null | undefined,
  content: JsonObject | null,
): readonly string[] {
  const text = folded(`${searchText(details)} ${searchText(content)}`);
  return [...new Set((text.match(/[\p{L}\p{N}]+/gu) ?? []).map(cutWord))];
}

/** Half a character has no UTF-8: it would come back from a database as another. */
function cutWord(word: string): string {
  return word.slice(0, wordCharsMax).toWellFormed();
}

const mark = /\p{M}/gu;

/**
 * Without case and accents. Those that stand by themselves go first: to put them in order takes a time that is quadratic in
 * how many there are. A sigma at the end is one like others: where a word ends is another thing in a search than in a text.
 */
function folded(text: string): string {
  const plain = text.replaceAll(mark, '').normalize('NFKD').replaceAll(mark, '');
  return plain.toLowerCase().replaceAll('ς', 'σ');
}

/** The words of a value: its strings, numbers left aside, up to `searchTextCharsMax`. */
function searchText(value: JsonObject | null | undefined): string {
  const parts: string[] = [];
  let room = searchTextCharsMax;
  const take = (item: JsonValue | undefined): void => {
    if (room <= 0 || item === null || item === undefined) return;
    if (typeof item === 'string') {
      const part = item.slice(0, room);
      room -= part.length + 1;
      if (part !== '') parts.push(part);
    } else if (Array.isArray(item)) for (const entry of item) take(entry);
    else if (typeof item === 'object') for (const entry of Object.values(item)) take(entry);
  };
  take(value ?? null);
  // A unit without its other half has no UTF-8: it would be another text when it is taken away again.
  return parts.join(' ').replaceAll(noWord, ' ').toWellFormed();
}
