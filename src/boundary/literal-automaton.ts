/**
 * Finds every occurrence of many literals in one pass (Aho and Corasick, 1975, as a full transition table).
 * One table step for each UTF-16 unit, whatever the input and however many literals. Letters match in either case: formats
 * that know one case only say so themselves.
 */
export interface LiteralAutomaton {
  /** Calls back for each occurrence with the literal's index and its start, in the order in which they end. */
  scan(text: string, onHit: (literal: number, start: number) => void): void;
  /** Whether any literal occurs. */
  test(text: string): boolean;
}

interface Trie {
  readonly width: number;
  /** Row by state, column by character class; -1 where there is no edge. */
  readonly edges: Int32Array;
  /** Literals that end in a state. */
  readonly ends: number[][];
}

/** Throws `RangeError` for an empty literal: it would occur everywhere. */
export function buildLiteralAutomaton(literals: readonly string[]): LiteralAutomaton {
  if (literals.includes('')) throw new RangeError('a literal cannot be empty');
  const classes = classify(literals);
  const { table, shift, firstAccepting, ends } = numberStates(completeTrie(buildTrie(literals, classes)));
  const block = Buffer.alloc(2 * blockUnits);
  const units = new Uint16Array(block.buffer, block.byteOffset, blockUnits);

  /** Steps through the first `count` units of the block. Every index is inside its table by construction. */
  const step = (state: number, count: number, base: number, onHit: OnHit): number => {
    let current = state;
    for (let at = 0; at < count; at++) {
      current = table[(current << shift) + (classes[units[at] as number] as number)] as number;
      if (current >= firstAccepting) {
        for (const literal of ends[current - firstAccepting] ?? [])
          onHit(literal, base + at + 1 - (literals[literal] ?? '').length);
      }
    }
    return current;
  };

  return {
    scan(text, onHit) {
      let state = 0;
      for (let base = 0; base < text.length; base += blockUnits) {
        const count = Math.min(blockUnits, text.length - base);
        block.write(count === text.length ? text : text.slice(base, base + count), 'utf16le');
        state = step(state, count, base, onHit);
      }
    },
    test(text) {
      let state = 0;
      for (let at = 0; at < text.length; at++) {
        state = table[(state << shift) + (classes[text.charCodeAt(at)] as number)] as number;
        if (state >= firstAccepting) return true;
      }
      return false;
    },
  };
}

type OnHit = (literal: number, start: number) => void;

/** A string is read unit by unit several times faster from memory than through `charCodeAt`. */
const blockUnits = 16_384;

/** Class 0 is every character that no literal has; the two cases of a letter are one class. */
function classify(literals: readonly string[]): Uint16Array {
  const classes = new Uint16Array(65_536);
  let count = 0;
  for (const literal of literals) {
    for (let at = 0; at < literal.length; at++) {
      const unit = literal.charCodeAt(at);
      if (classes[unit] !== 0) continue;
      classes[unit] = ++count;
      for (const form of otherCases(literal.charAt(at))) classes[form.charCodeAt(0)] = count;
    }
  }
  return classes;
}

function buildTrie(literals: readonly string[], classes: Uint16Array): Trie {
  const width = 1 + classes.reduce((most, each) => Math.max(most, each), 0);
  const statesMax = literals.reduce((sum, literal) => sum + literal.length, 1);
  const edges = new Int32Array(statesMax * width).fill(-1);
  const ends: number[][] = [[]];
  for (const [index, literal] of literals.entries()) {
    let state = 0;
    for (let at = 0; at < literal.length; at++) {
      const edge = state * width + (classes[literal.charCodeAt(at)] ?? 0);
      let target = edges[edge] ?? -1;
      if (target < 0) {
        target = ends.length;
        edges[edge] = target;
        ends.push([]);
      }
      state = target;
    }
    ends[state]?.push(index);
  }
  return { width, edges, ends };
}

/** The dotless i is no case of I: only what goes there and back. */
function otherCases(letter: string): string[] {
  return [letter.toLowerCase(), letter.toUpperCase()].filter(
    (form) =>
      form.length === 1 && form !== letter && [form.toLowerCase(), form.toUpperCase()].includes(letter),
  );
}

interface Completed extends Trie {
  /** States breadth first: those that are visited most lie together. */
  readonly order: readonly number[];
}

/** Fills the missing edges breadth first from each state's longest proper suffix. */
function completeTrie({ width, edges, ends }: Trie): Completed {
  const suffix = new Int32Array(ends.length);
  const order = [0];
  for (const state of order) {
    const fallback = suffix[state] ?? 0;
    for (let column = 0; column < width; column++) {
      const edge = state * width + column;
      const target = edges[edge] ?? -1;
      const viaSuffix = state === 0 ? 0 : (edges[fallback * width + column] ?? 0);
      if (target < 0) edges[edge] = viaSuffix;
      else {
        suffix[target] = viaSuffix;
        ends[target]?.push(...(ends[viaSuffix] ?? []));
        order.push(target);
      }
    }
  }
  return { width, edges, ends, order };
}

interface NumberedStates {
  /** Next state by `(state << shift) + class`. Two bytes each where they suffice: each step waits for the one before. */
  readonly table: Uint16Array | Uint32Array;
  readonly shift: number;
  /** From here on a literal ends in every state; `ends` counts from there. */
  readonly firstAccepting: number;
  readonly ends: readonly (readonly number[])[];
}

function numberStates({ width, edges, ends, order }: Completed): NumberedStates {
  const shift = Math.ceil(Math.log2(Math.max(width, 2)));
  const isAccepting = (state: number) => (ends[state]?.length ?? 0) > 0;
  const plain = order.filter((state) => !isAccepting(state));
  const accepting = order.filter(isAccepting);
  const numbered = [...plain, ...accepting];
  const numbers = new Uint32Array(numbered.length);
  for (const [number, state] of numbered.entries()) numbers[state] = number;
  const size = numbered.length << shift;
  const table = numbered.length <= 0xff_ff ? new Uint16Array(size) : new Uint32Array(size);
  for (const [number, state] of numbered.entries()) {
    for (let column = 0; column < width; column++)
      table[(number << shift) + column] = numbers[edges[state * width + column] ?? 0] ?? 0;
  }
  return {
    table,
    shift,
    firstAccepting: plain.length,
    ends: accepting.map((state) => ends[state] ?? []),
  };
}
