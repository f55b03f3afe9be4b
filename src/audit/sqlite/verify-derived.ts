/**
 * What stands beside the chain and is derived from it: terms and words of the search, holds. An intruder who cannot write the
 * chain anew could hide an event from the search here, lift a hold, or take content away as if it had been erased.
 */
import { contentTerms, eventWords, permanentTerms } from '../search-terms.ts';
import { isErasureToldOf } from './search-schema.ts';
import type { JsonObject } from '../../model/json.ts';
import { callIsGone, contentIsGone, HoldTrail, nowhere } from '../hold-trail.ts';
import { needsCall } from '../verify-rows.ts';
import type { DerivedProblem } from '../hold-trail.ts';
import type { CanonicalEvent } from '../stored-event.ts';
import type { Connection } from './connection.ts';

/** Words of one event that are looked up. */
const wordsMax = 64;
/**
 * Events whose words are looked up together. A word is one search for all of them, and many words of a record are in most
 * of its events.
 */
const eventsTogether = 512;

interface WordsWanted {
  readonly place: { readonly writer: string; readonly sequence: number };
  readonly position: number;
  readonly words: readonly string[];
}

export class DerivedCheck {
  readonly #statements: ReturnType<typeof prepare>;
  readonly #holds = new HoldTrail();
  #wanted: WordsWanted[] = [];
  #terms = 0;
  #texts = 0;

  constructor(connection: Connection) {
    this.#statements = prepare(connection);
  }

  /** `content` as stored, null where there is none. */
  *add(event: CanonicalEvent, position: number, content: string | null): Generator<DerivedProblem> {
    const place = { writer: event.writer, sequence: event.sequence };
    this.#holds.follow(event);
    let parsed: JsonObject | null;
    try {
      parsed = content === null ? null : (JSON.parse(content) as JsonObject);
    } catch {
      // Named by the chain's own check.
      return;
    }
    const missing = this.#missingTerm(event, position, parsed);
    if (missing !== null) yield { kind: 'altered', place, detail: notFoundBy(missing) };
    this.#wanted.push({ place, position, words: this.#wordsOf(event, parsed) });
    const isGone = content === null && Object.keys(event.commitments ?? {}).length > 0;
    const { callId = null, principal = null, details } = event;
    const session = details?.['sessionId'] ?? null;
    const isTold = (): boolean => this.#statements.told.get({ position, callId, principal, session }) === 1;
    if (isGone && !isTold()) yield { kind: 'content_altered', place, detail: contentIsGone };
    if (needsCall(event) && this.#statements.hasCall.get(callId) !== 1 && !isTold())
      yield { kind: 'content_altered', place, detail: callIsGone };
    if (this.#wanted.length >= eventsTogether) yield* this.#lookForWords();
  }

  /** After the last event: what is there without one, and holds that are not what the chain says. */
  *end(): Generator<DerivedProblem> {
    yield* this.#lookForWords();
    const { terms, texts, holds } = this.#statements;
    if (Number(terms.get()) !== this.#terms || Number(texts.get()) !== this.#texts)
      yield { kind: 'altered', place: nowhere, detail: 'the search finds something that no event says' };
    yield* this.#holds.problems(holds.all() as string[]);
  }

  /** The kind of the first term that the event should be found by and is not. */
  #missingTerm(event: CanonicalEvent, position: number, content: JsonObject | null): string | null {
    const terms = [...permanentTerms(event), ...contentTerms(content)];
    const distinct = new Map(terms.map((term) => [`${term.kind} ${term.value}`, term]));
    this.#terms += distinct.size;
    for (const { kind, value } of distinct.values())
      if (this.#statements.hasTerm.get(kind, value, position) !== 1) return kind;
    return null;
  }

  #wordsOf(event: CanonicalEvent, content: JsonObject | null): readonly string[] {
    const words = eventWords(event.details, content);
    if (words.length > 0) this.#texts += 1;
    return words.slice(0, wordsMax);
  }

  /** Names the events since the last time that lack a word. */
  *#lookForWords(): Generator<DerivedProblem> {
    const wanted = this.#wanted.filter(({ words }) => words.length > 0);
    this.#wanted = [];
    // As integers: a number is bound as a real one, from which FTS5 takes no place to begin at.
    const range = [wanted.at(0), wanted.at(-1)].map((event) => BigInt(event?.position ?? 0));
    const found = new Map<string, ReadonlySet<number>>();
    const positionsOf = (word: string): ReadonlySet<number> => {
      const known = found.get(word);
      if (known !== undefined) return known;
      const positions = new Set(this.#statements.withWord.all(`"${word}"`, ...range) as number[]);
      found.set(word, positions);
      return positions;
    };
    for (const { place, position, words } of wanted)
      if (!words.every((word) => positionsOf(word).has(position)))
        yield { kind: 'altered', place, detail: notFoundBy('its words') };
  }
}

function notFoundBy(what: string): string {
  return `the search does not find it by ${what}`;
}

function prepare(connection: Connection) {
  return {
    hasTerm: connection
      .prepare('SELECT 1 FROM audit_terms WHERE kind = ? AND value = ? AND position = ?')
      .pluck(),
    withWord: connection
      .prepare('SELECT rowid FROM audit_text WHERE audit_text MATCH ? AND rowid BETWEEN ? AND ?')
      .pluck(),
    terms: connection.prepare('SELECT count(*) FROM audit_terms').pluck(),
    texts: connection.prepare('SELECT count(*) FROM audit_text_docsize').pluck(),
    told: connection.prepare(`SELECT ${isErasureToldOf}`).pluck(),
    holds: connection.prepare('SELECT id FROM holds').pluck(),
    hasCall: connection.prepare('SELECT 1 FROM calls WHERE id = ?').pluck(),
  };
}
