/**
 * What signed statements claim about the chains, compared with the chains as they are walked.
 * First every statement is taken (`takeEvent` in stored order, then `takeAnchor`), then every link is seen.
 *
 * A head covers all events before it, so a statement of an unknown key is no problem once a trusted one follows it.
 */
import { isSigned, parseStatement } from './statement.ts';
import type { SignedStatement } from './statement.ts';
import type { VerifyProblem, VerifyTrust } from '../record.ts';

type Problem = Omit<VerifyProblem, 'writer' | 'sequence'>;

interface Place {
  readonly writer: string;
  readonly sequence: number;
}

interface ChainEnd {
  readonly sequence: number;
}

/** A signed hash of one event, and what became of it. */
interface Claim {
  readonly hash: string;
  readonly source: string;
  found: 'not' | 'same' | 'other';
}

export class CheckpointClaims {
  readonly #claims = new Map<string, Map<number, Claim>>();
  /** Keys whose signature counts: those that were given, else the first; then those that they hand over to. */
  readonly #keys: Set<string>;
  readonly #isGiven: boolean;
  /** The key that signs in a chain now: one that handed over no longer counts there. */
  readonly #keyOf = new Map<string, string>();
  readonly #unknownKeys = new Map<string, VerifyProblem>();
  readonly #problems: VerifyProblem[] = [];
  #anchored = false;
  #statements = 0;

  constructor({ publicKeys = [], anchors = [] }: VerifyTrust) {
    const firstAnchor = anchors.map(parseStatement).find((signed) => signed !== null && isSigned(signed));
    const start = publicKeys.length > 0 ? publicKeys : firstAnchor ? [firstAnchor.statement.key] : [];
    this.#keys = new Set(start);
    this.#isGiven = publicKeys.length > 0;
  }

  /** A `checkpoint` or `chain_key_rotated` of the record. */
  takeEvent(place: Place, details: unknown): void {
    const signed = parseStatement(details);
    if (signed === null || !isSigned(signed)) {
      this.#problem({ kind: 'checkpoint_invalid', detail: 'its signature is not good' }, place);
      return;
    }
    const { key, nextKey } = signed.statement;
    if (this.#keys.size === 0) this.#keys.add(key);
    if (!this.#keys.has(key) || (this.#keyOf.get(place.writer) ?? key) !== key) {
      if (!this.#unknownKeys.has(place.writer))
        this.#unknownKeys.set(place.writer, {
          kind: 'checkpoint_invalid',
          ...placeOf(place),
          detail: `it is signed with ${key}, which no trusted key handed over to`,
        });
      return;
    }
    this.#unknownKeys.delete(place.writer);
    this.#keyOf.set(place.writer, nextKey ?? key);
    if (nextKey !== undefined) this.#keys.add(nextKey);
    this.#claim(signed, `checkpoint ${place.writer} #${place.sequence}`);
  }

  /** A line that was noted elsewhere. `number` is its line. */
  takeAnchor(value: unknown, number: number): void {
    const signed = parseStatement(value);
    const place = { writer: '', sequence: number };
    if (signed === null || !isSigned(signed))
      this.#problem({ kind: 'anchor_invalid', detail: `anchor ${number} has no good signature` }, place);
    else if (!this.#keys.has(signed.statement.key))
      this.#problem(
        {
          kind: 'anchor_invalid',
          detail: `anchor ${number} is signed with the unknown key ${signed.statement.key}`,
        },
        place,
      );
    else {
      this.#anchored = true;
      this.#claim(signed, `anchor ${number}`);
    }
  }

  /** A link of a chain, as its hashes say. */
  see(writer: string, sequence: number, hash: string): void {
    const claim = this.#claims.get(writer)?.get(sequence);
    if (claim !== undefined && claim.found !== 'same') claim.found = claim.hash === hash ? 'same' : 'other';
  }

  /** Problems, once everything was seen. `ends`: the last event of each chain. */
  problems(ends: ReadonlyMap<string, ChainEnd>): readonly VerifyProblem[] {
    const problems = [...this.#problems, ...this.#unknownKeys.values()];
    for (const [writer, claims] of this.#claims) {
      const sorted = [...claims].toSorted(([a], [b]) => a - b);
      const other = sorted.find(([, { found }]) => found === 'other');
      if (other !== undefined) problems.push(rewritten(writer, ...other));
      const end = ends.get(writer)?.sequence ?? 0;
      const beyond = sorted.findLast(([sequence]) => sequence > end);
      if (beyond !== undefined)
        problems.push({
          kind: 'truncated',
          writer,
          sequence: end + 1,
          detail: `the chain ends at ${end}, ${beyond[1].source} signed event ${beyond[0]}`,
        });
    }
    if (this.#isGiven && this.#statements === 0)
      problems.push({
        kind: 'unsigned',
        writer: '',
        sequence: 0,
        detail: 'no checkpoint is signed with the given key: the whole record may have been written anew',
      });
    return problems;
  }

  /** What stands behind the proof. */
  summary(ends: ReadonlyMap<string, ChainEnd>) {
    let after = 0;
    for (const [writer, { sequence }] of ends) after += sequence - this.#covered(writer);
    const trust =
      this.#statements === 0
        ? 'unanchored'
        : this.#anchored
          ? 'anchored'
          : this.#isGiven
            ? 'known-key'
            : 'self-signed';
    return {
      trust,
      checkpoints: this.#statements,
      keys: [...this.#keys],
      afterLastCheckpoint: after,
    } as const;
  }

  #covered(writer: string): number {
    let covered = 0;
    for (const [sequence, { found }] of this.#claims.get(writer) ?? [])
      if (found === 'same' && sequence > covered) covered = sequence;
    return covered;
  }

  #claim({ statement }: SignedStatement, source: string): void {
    this.#statements += 1;
    for (const { writer, sequence, hash } of statement.heads) {
      const claims = this.#claims.get(writer) ?? new Map<number, Claim>();
      this.#claims.set(writer, claims);
      const before = claims.get(sequence);
      if (before === undefined) claims.set(sequence, { hash, source, found: 'not' });
      else if (before.hash !== hash)
        this.#problem(
          {
            kind: 'checkpoint_invalid',
            detail: `${before.source} and ${source} signed different hashes of it`,
          },
          { writer, sequence },
        );
    }
  }

  #problem(problem: Problem, place: Place): void {
    this.#problems.push({ ...problem, ...placeOf(place) });
  }
}

function placeOf({ writer, sequence }: Place): Place {
  return { writer, sequence };
}

function rewritten(writer: string, sequence: number, { source }: Claim): VerifyProblem {
  return {
    kind: 'rewritten',
    writer,
    sequence,
    detail: `its hash is not the one that ${source} signed: it, or an event before it, was written anew`,
  };
}
