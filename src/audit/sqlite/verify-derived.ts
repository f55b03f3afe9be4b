/**
 * What stands beside the chain and is derived from it: terms and words of the search, holds. An intruder who cannot write the
 * chain anew could hide an event from the search here, lift a hold, or take content away as if it had been erased.
 */
import { contentTerms, permanentTerms, searchWords } from '../search-terms.ts';
import { allWords, isErasureToldOf } from './search-schema.ts';
import type { JsonObject } from '../../model/json.ts';
import { HoldTrail, nowhere } from '../hold-trail.ts';
import type { DerivedProblem } from '../hold-trail.ts';
import type { CanonicalEvent } from '../stored-event.ts';
import type { Connection } from './connection.ts';

/** Words of one event that are looked up: each is a search of its own. */
const wordsMax = 64;

export class DerivedCheck {
  readonly #statements: ReturnType<typeof prepare>;
  readonly #holds = new HoldTrail();
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
    const missing = this.#missing(event, position, parsed);
    if (missing !== null)
      yield { kind: 'altered', place, detail: `the search does not find it by ${missing}` };
    const isGone = content === null && Object.keys(event.commitments ?? {}).length > 0;
    const { callId = null, principal = null, details } = event;
    const session = details?.['sessionId'] ?? null;
    if (isGone && this.#statements.told.get({ position, callId, principal, session }) !== 1)
      yield {
        kind: 'content_altered',
        place,
        detail: 'its content is gone, and no erasure or purge tells of it',
      };
  }

  /** After the last event: what is there without one, and holds that are not what the chain says. */
  *end(): Generator<DerivedProblem> {
    const { terms, texts, holds } = this.#statements;
    if (Number(terms.get()) !== this.#terms || Number(texts.get()) !== this.#texts)
      yield { kind: 'altered', place: nowhere, detail: 'the search finds something that no event says' };
    yield* this.#holds.problems(holds.all() as string[]);
  }

  /** The first of what the event should be found by and is not. */
  #missing(event: CanonicalEvent, position: number, content: JsonObject | null): string | null {
    const { hasTerm, hasWords } = this.#statements;
    const terms = [...permanentTerms(event), ...contentTerms(content)];
    const distinct = new Map(terms.map((term) => [`${term.kind} ${term.value}`, term]));
    this.#terms += distinct.size;
    const text = allWords(event.details, content);
    if (text !== '') this.#texts += 1;
    for (const { kind, value } of distinct.values())
      if (hasTerm.get(kind, value, position) !== 1) return kind;
    const words = (searchWords(text, Number.POSITIVE_INFINITY) ?? [])
      .map((word) => word.replace('*', ''))
      .slice(0, wordsMax);
    const match = words.map((word) => `"${word}"`).join(' AND ');
    return match === '' || hasWords.get(match, position) === 1 ? null : 'its words';
  }
}

function prepare(connection: Connection) {
  return {
    hasTerm: connection
      .prepare('SELECT 1 FROM audit_terms WHERE kind = ? AND value = ? AND position = ?')
      .pluck(),
    hasWords: connection.prepare('SELECT 1 FROM audit_text WHERE audit_text MATCH ? AND rowid = ?').pluck(),
    terms: connection.prepare('SELECT count(*) FROM audit_terms').pluck(),
    texts: connection.prepare('SELECT count(*) FROM audit_text_docsize').pluck(),
    told: connection.prepare(`SELECT ${isErasureToldOf}`).pluck(),
    holds: connection.prepare('SELECT id FROM holds').pluck(),
  };
}
