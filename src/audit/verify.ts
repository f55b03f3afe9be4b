/**
 * The verifier of chains, apart from any store: rows go in, in the order they stand, problems come out.
 * Memory does not grow with the events: one state a writer, a bounded list of problems, and what checkpoints claim.
 *
 * Everything in a row is hostile: whoever can write the database can write anything there.
 */
import { commitmentsOf, fitsCommitments, genesisHash, linkHash, sha256 } from './chain.ts';
import { parseCanonicalEvent, searchColumnNames, searchColumns } from './stored-event.ts';
import type { CanonicalEvent, SearchColumn } from './stored-event.ts';
import type { ChainHead, SealedContent } from './chain.ts';
import type { CheckpointClaims } from './checkpoints/checkpoint-claims.ts';
import type { VerifyProblem, VerifyReport } from './record.ts';

/** Problems listed in a report. More do not make a record less valid. */
export const verifyProblemsMax = 100;

/** One row of a chain as it is stored. */
export interface ChainRow {
  /** Bytes, or their text where it stands for no other bytes. */
  readonly canonical: Uint8Array | string;
  readonly eventHash: string;
  readonly previousHash: string;
  readonly hash: string;
  /** In the order of `searchColumnNames`. */
  readonly columns: readonly SearchColumn[];
  /** null once erased. */
  readonly content: SealedContent | null;
}

interface WriterState extends ChainHead {
  readonly events: number;
}

interface Place {
  readonly writer: string;
  readonly sequence: number;
}

export class ChainVerifier {
  readonly #writers = new Map<string, WriterState>();
  readonly #problems: VerifyProblem[] = [];
  /** Whether the store holds an event of this place anywhere: tells a moved event from a missing one. */
  readonly #holds: (place: Place) => boolean;
  readonly #claims: CheckpointClaims;
  #valid = true;
  #events = 0;
  #from: string | null = null;
  #to: string | null = null;

  /** `claims` holds every statement by now. */
  constructor(holds: (place: Place) => boolean, claims: CheckpointClaims) {
    this.#holds = holds;
    this.#claims = claims;
  }

  /** Takes the next row, in stored order. Returns the event when it can be read. */
  add(row: ChainRow): CanonicalEvent | null {
    this.#events += 1;
    const event = readEvent(row.canonical);
    const place = event ?? placeOf(row.columns);
    const altered = event === null ? 'the canonical bytes are not an event' : alteration(row, event);
    if (altered !== null) this.problem('altered', place, altered);
    this.#link(row, place, altered === null);
    this.#claims.see(place.writer, place.sequence, row.hash);
    if (event === null) return null;
    this.#from ??= event.time;
    this.#to = event.time;
    if (altered === null) this.#checkContent(row, event);
    return event;
  }

  /** Takes the next link of which only the event hash is known: what follows proves it. */
  addOmitted({ writer, sequence, eventHash }: Place & { readonly eventHash: string }): void {
    const previousHash = this.#writers.get(writer)?.hash ?? genesisHash;
    const hash = linkHash(previousHash, eventHash);
    this.#link({ previousHash, hash }, { writer, sequence }, true);
    this.#claims.see(writer, sequence, hash);
  }

  problem(kind: VerifyProblem['kind'], place: Place, detail: string): void {
    this.#valid = false;
    if (this.#problems.length >= verifyProblemsMax) return;
    this.#problems.push({ kind, writer: place.writer, sequence: place.sequence, detail });
  }

  /** Compares the ends of the chains with the heads that the store keeps, once every row was added. */
  compareHeads(heads: ReadonlyMap<string, ChainHead>): void {
    for (const [writer, head] of heads) this.#checkHead(writer, head);
    for (const [writer, state] of this.#writers)
      if (!heads.has(writer))
        this.problem('altered', { writer, sequence: state.sequence }, 'the head of this chain is gone');
  }

  /** Compares with what was signed, once every row was added. */
  compareClaims(): void {
    const named = new Set(
      this.#problems.filter(({ kind }) => kind === 'truncated').map(({ writer }) => writer),
    );
    for (const { kind, detail, ...place } of this.#claims.problems(this.#writers))
      if (kind !== 'truncated' || !named.has(place.writer)) this.problem(kind, place, detail);
  }

  report(): VerifyReport {
    return {
      valid: this.#valid,
      events: this.#events,
      from: this.#from,
      to: this.#to,
      writers: [...this.#writers].map(([writer, { events, hash }]) => ({ writer, events, head: hash })),
      ...this.#claims.summary(this.#writers),
      problems: this.#problems,
    };
  }

  /** After a problem the chain is taken up again at the row as stored, so that one alteration is one problem. */
  #link(row: Pick<ChainRow, 'previousHash' | 'hash'>, place: Place, intact: boolean): void {
    const { writer, sequence } = place;
    const state = this.#writers.get(writer) ?? { sequence: 0, hash: genesisHash, events: 0 };
    const expected = state.sequence + 1;
    if (sequence < expected) {
      this.problem('reordered', place, `it stands after event ${state.sequence} of its writer`);
      this.#writers.set(writer, { ...state, events: state.events + 1 });
      return;
    }
    if (sequence > expected) this.#gap(writer, expected, sequence);
    else if (intact && row.previousHash !== state.hash)
      this.problem('altered', place, 'its previous hash is not the hash of the event before it');
    this.#writers.set(writer, { sequence, hash: row.hash, events: state.events + 1 });
  }

  #gap(writer: string, first: number, next: number): void {
    const place = { writer, sequence: first };
    if (this.#holds(place)) this.problem('reordered', place, `event ${next} of its writer stands before it`);
    else if (next - first === 1) this.problem('missing', place, 'this event is missing');
    else this.problem('missing', place, `events ${first} to ${next - 1} are missing or moved`);
  }

  #checkHead(writer: string, head: ChainHead): void {
    const { sequence, hash } = this.#writers.get(writer) ?? { sequence: 0, hash: genesisHash };
    if (sequence < head.sequence)
      this.problem(
        'truncated',
        { writer, sequence: sequence + 1 },
        `the chain ends at ${sequence}, its head says ${head.sequence}`,
      );
    else if (sequence > head.sequence || hash !== head.hash)
      this.problem('altered', { writer, sequence }, 'the stored head is not the last event of the chain');
  }

  #checkContent(row: ChainRow, event: CanonicalEvent): void {
    if (row.content === null) return;
    const detail = contentAlteration(row.content, event.commitments ?? {});
    if (detail !== null) this.problem('content_altered', event, detail);
  }
}

function readEvent(canonical: Uint8Array | string): CanonicalEvent | null {
  try {
    const event = parseCanonicalEvent(
      typeof canonical === 'string' ? canonical : Buffer.from(canonical).toString(),
    );
    const readable =
      typeof event.writer === 'string' &&
      typeof event.time === 'string' &&
      Number.isSafeInteger(event.sequence);
    return readable ? event : null;
  } catch {
    return null;
  }
}

function placeOf(columns: readonly SearchColumn[]): Place {
  return { writer: String(columns[0]), sequence: Number(columns[1]) };
}

function alteration(row: ChainRow, event: CanonicalEvent): string | null {
  if (sha256(row.canonical) !== row.eventHash) return 'its canonical bytes do not have its event hash';
  if (linkHash(row.previousHash, row.eventHash) !== row.hash) return 'its hash is not of its two hashes';
  const expected = searchColumns(event);
  const column = expected.findIndex((value, index) => value !== row.columns[index]);
  return column === -1 ? null : `the column ${searchColumnNames[column]} is not what its canonical bytes say`;
}

function contentAlteration(
  content: SealedContent,
  commitments: Readonly<Record<string, string>>,
): string | null {
  if (fitsCommitments(content.text, content.salt, commitments)) return null;
  const found = readCommitments(content);
  if (found === null) return 'the content is not canonical JSON';
  const names = new Set([...Object.keys(commitments), ...Object.keys(found)]);
  const altered = [...names].filter((name) => commitments[name] !== found[name]);
  return altered.length === 0 ? null : `commitments do not match: ${altered.slice(0, 8).join(', ')}`;
}

function readCommitments(content: SealedContent): Readonly<Record<string, string>> | null {
  try {
    return commitmentsOf(content.text, content.salt);
  } catch {
    return null;
  }
}
