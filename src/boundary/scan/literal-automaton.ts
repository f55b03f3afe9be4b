/**
 * Finds every occurrence of many literals in one pass (Aho and Corasick, 1975, as a full transition table).
 * One table step for each code, whatever the input and however many literals. Letters match in either case: formats
 * that know one case only say so themselves.
 *
 * A step waits for the one before it, and a processor waits for memory most of that time. So a block is read in four lanes
 * at once, each of which first reads as much before its beginning as a literal is long: from there on it is in the state
 * of a single pass.
 */
import type { Alphabet } from './text-codes.ts';

export interface LiteralAutomaton {
  /**
   * Calls back for each occurrence with the literal's index and its start, in the order in which they end.
   * Answers where hidden codes stand, in order.
   */
  scan(codes: Uint8Array, onHit: (literal: number, start: number) => void): readonly number[];
}

/** Ends of literals in a block, as pairs: place and state. */
type Ends = number[];

const laneCount = 4;
/** Shorter texts are read in one lane. */
const lanesUnitsMin = 512;
/** Bounds what is remembered of a text that consists of literals. */
const blockUnits = 262_144;

/** Throws `RangeError` for an empty literal: it would occur everywhere. */
export function buildLiteralAutomaton(literals: readonly string[], alphabet: Alphabet): LiteralAutomaton {
  if (literals.includes('')) throw new RangeError('a literal cannot be empty');
  const { table, classes, accepting, firstAccepting, width } = buildTable(literals, alphabet);
  const lengths = Int32Array.from(literals, (literal) => literal.length);
  const reach = lengths.reduce((most, each) => Math.max(most, each), 1);

  /** Steps through `from..to`. Every index is inside its table by construction. */
  const step = (codes: Uint8Array, from: number, to: number, start: number, ends: Ends): number => {
    let state = start;
    for (let at = from; at < to; at++) {
      state = table[state * width + (classes[codes[at] as number] as number)] as number;
      if (state >= firstAccepting) ends.push(at, state);
    }
    return state;
  };

  /** What a pass from the beginning would be in at `at`: no literal is longer than what is read. */
  const stateAt = (codes: Uint8Array, at: number): number => step(codes, Math.max(0, at - reach), at, 0, []);

  const stepLanes = (codes: Uint8Array, from: number, lane: number, lanes: readonly Ends[]): void => {
    const [ends0, ends1, ends2, ends3] = lanes as [Ends, Ends, Ends, Ends];
    const from1 = from + lane;
    const from2 = from1 + lane;
    const from3 = from2 + lane;
    let state0 = stateAt(codes, from);
    let state1 = stateAt(codes, from1);
    let state2 = stateAt(codes, from2);
    let state3 = stateAt(codes, from3);
    for (let at = 0; at < lane; at++) {
      state0 = table[state0 * width + (classes[codes[from + at] as number] as number)] as number;
      state1 = table[state1 * width + (classes[codes[from1 + at] as number] as number)] as number;
      state2 = table[state2 * width + (classes[codes[from2 + at] as number] as number)] as number;
      state3 = table[state3 * width + (classes[codes[from3 + at] as number] as number)] as number;
      if (state0 >= firstAccepting) ends0.push(from + at, state0);
      if (state1 >= firstAccepting) ends1.push(from1 + at, state1);
      if (state2 >= firstAccepting) ends2.push(from2 + at, state2);
      if (state3 >= firstAccepting) ends3.push(from3 + at, state3);
    }
  };

  return {
    scan(codes, onHit) {
      const hidden: number[] = [];
      const report = (ends: Ends) => {
        for (let index = 0; index < ends.length; index += 2) {
          const at = ends[index] as number;
          const row = (ends[index + 1] as number) - firstAccepting;
          const { hides, found } = accepting[row] as Accepting;
          if (hides) hidden.push(at);
          for (let each = 0; each < found.length; each++) {
            const literal = found[each] as number;
            onHit(literal, at + 1 - (lengths[literal] as number));
          }
        }
      };
      for (let from = 0; from < codes.length; from += blockUnits) {
        const count = Math.min(blockUnits, codes.length - from);
        const lane = count < lanesUnitsMin ? 0 : Math.floor(count / laneCount);
        const lanes: Ends[] = [[], [], [], []];
        if (lane > 0) stepLanes(codes, from, lane, lanes);
        const rest = from + lane * laneCount;
        step(codes, rest, from + count, rest === 0 ? 0 : stateAt(codes, rest), lanes[laneCount - 1] as Ends);
        lanes.forEach(report);
      }
      return hidden;
    },
  };
}

/** What ends in a state. */
interface Accepting {
  readonly hides: boolean;
  readonly found: readonly number[];
}

interface Table {
  /** Next state by `state * width + class`. Accepting ones come last. */
  readonly table: Uint16Array | Uint32Array;
  readonly width: number;
  readonly classes: Uint8Array;
  readonly firstAccepting: number;
  /** By row, from `firstAccepting` on. */
  readonly accepting: readonly Accepting[];
}

function buildTable(literals: readonly string[], alphabet: Alphabet): Table {
  const { classes, width, hiddenClasses } = classify(literals, alphabet);
  const trie = buildTrie(literals, hiddenClasses, { alphabet, classes, width });
  const { ends, order, suffixes } = findSuffixes(trie, width);
  const plain = order.filter((state) => ends[state] === undefined);
  const accepting = order.filter((state) => ends[state] !== undefined);
  const rows = new Int32Array(order.length);
  for (let row = 0; row < plain.length; row++) rows[plain[row] as number] = row;
  for (let at = 0; at < accepting.length; at++) rows[accepting[at] as number] = plain.length + at;
  return {
    table: fillTable({ trie, order, suffixes, rows, width }),
    width,
    classes,
    firstAccepting: plain.length,
    accepting: accepting.map((state) => {
      const found = (ends[state] ?? []).filter((word) => word < literals.length);
      return { hides: found.length < (ends[state] ?? []).length, found };
    }),
  };
}

function codeAt(literal: string, at: number, { codeOf }: Alphabet): number {
  return codeOf[literal.charCodeAt(at)] as number;
}

/** What texts mostly consist of, so that what is read of a row lies together. */
const oftenFirst = ' etaoinsrhldcumfpgwybvkxjqz';

/** Class 0 is every code that no literal has; the two cases of a letter are one class, and so are hidden codes in no literal. */
function classify(literals: readonly string[], alphabet: Alphabet) {
  const classes = new Uint8Array(256);
  let last = 0;
  for (const literal of [oftenFirst, ...literals]) {
    for (let at = 0; at < literal.length; at++) {
      const code = codeAt(literal, at, alphabet);
      if (classes[code] !== 0) continue;
      classes[code] = ++last;
      const letter = String.fromCharCode(code);
      if (code < 0x80) {
        classes[letter.toLowerCase().charCodeAt(0)] = last;
        classes[letter.toUpperCase().charCodeAt(0)] = last;
      }
    }
  }
  const unlisted = [...alphabet.hidden].filter((code) => classes[code] === 0);
  if (unlisted.length > 0) last++;
  for (const code of unlisted) classes[code] = last;
  const hiddenClasses = [...new Set([...alphabet.hidden].map((code) => classes[code] as number))];
  return { classes, width: last + 1, hiddenClasses };
}

/** Children as linked lists: of the some hundred columns of a state, few are taken. State 0 is the root. */
interface Trie {
  /** First child of a state, 0 for none. */
  readonly firstChild: Int32Array;
  /** Next child of the same parent, 0 for none. */
  readonly sibling: Int32Array;
  /** Column that leads to a state from its parent. */
  readonly column: Uint8Array;
  /** Words that end in a state. */
  readonly ends: (readonly number[] | undefined)[];
  readonly stateCount: number;
}

interface Coding {
  readonly alphabet: Alphabet;
  readonly classes: Uint8Array;
  readonly width: number;
}

/** Each hidden class is a word of its own, after the literals. */
function buildTrie(literals: readonly string[], hidden: readonly number[], coding: Coding): Trie {
  const { alphabet, classes } = coding;
  const statesMax = literals.reduce((sum, literal) => sum + literal.length, 1 + hidden.length);
  const firstChild = new Int32Array(statesMax);
  const sibling = new Int32Array(statesMax);
  const column = new Uint8Array(statesMax);
  const ends: number[][] = [];
  let stateCount = 1;
  const enter = (state: number, wanted: number): number => {
    let child = firstChild[state] as number;
    while (child !== 0 && column[child] !== wanted) child = sibling[child] as number;
    if (child !== 0) return child;
    const made = stateCount++;
    sibling[made] = firstChild[state] as number;
    firstChild[state] = made;
    column[made] = wanted;
    return made;
  };
  const end = (state: number, word: number): void => void (ends[state] ??= []).push(word);
  for (let word = 0; word < literals.length; word++) {
    const literal = literals[word] as string;
    let state = 0;
    for (let at = 0; at < literal.length; at++)
      state = enter(state, classes[codeAt(literal, at, alphabet)] as number);
    end(state, word);
  }
  for (let at = 0; at < hidden.length; at++) end(enter(0, hidden[at] as number), literals.length + at);
  return { firstChild, sibling, column, ends, stateCount };
}

interface Suffixes {
  /** States breadth first: those that are visited most lie together. */
  readonly order: readonly number[];
  /** The state of each state's longest proper suffix. */
  readonly suffixes: Int32Array;
  /** Words that end in a state, those of its suffixes included. */
  readonly ends: (readonly number[] | undefined)[];
}

function findSuffixes({ firstChild, sibling, column, ends: own, stateCount }: Trie, width: number): Suffixes {
  const suffixes = new Int32Array(stateCount);
  const ends = [...own];
  const fromRoot = new Int32Array(width);
  for (let child = firstChild[0] as number; child !== 0; child = sibling[child] as number)
    fromRoot[column[child] as number] = child;
  const next = (state: number, wanted: number): number => {
    if (state === 0) return fromRoot[wanted] as number;
    let child = firstChild[state] as number;
    while (child !== 0 && column[child] !== wanted) child = sibling[child] as number;
    return child;
  };
  const order = [0];
  for (const state of order) {
    for (let child = firstChild[state] as number; child !== 0; child = sibling[child] as number) {
      order.push(child);
      if (state === 0) continue;
      const wanted = column[child] as number;
      let shorter = suffixes[state] as number;
      while (shorter !== 0 && next(shorter, wanted) === 0) shorter = suffixes[shorter] as number;
      const suffix = next(shorter, wanted);
      suffixes[child] = suffix;
      const inherited = ends[suffix];
      if (inherited !== undefined) ends[child] = [...(ends[child] ?? []), ...inherited];
    }
  }
  return { order, suffixes, ends };
}

interface Filling {
  readonly trie: Trie;
  readonly order: readonly number[];
  readonly suffixes: Int32Array;
  /** Start of a state's row in the table. */
  readonly rows: Int32Array;
  readonly width: number;
}

/** So many have numbers of two bytes, and more of them stay in a processor's cache. */
const smallRowsMax = 0x1_00_00;

/** A row is that of the suffix, which is there already, but for the children of its own: 40 ms of a start less than cell by cell. */
function fillTable({ trie, order, suffixes, rows, width }: Filling): Table['table'] {
  const { firstChild, sibling, column } = trie;
  const Rows = order.length > smallRowsMax ? Uint32Array : Uint16Array;
  const table = new Rows(order.length * width);
  for (const state of order) {
    const row = (rows[state] as number) * width;
    const shorter = (rows[suffixes[state] as number] as number) * width;
    if (state !== 0) table.copyWithin(row, shorter, shorter + width);
    for (let child = firstChild[state] as number; child !== 0; child = sibling[child] as number)
      table[row + (column[child] as number)] = rows[child] as number;
  }
  return table;
}
