/**
 * Finds every occurrence of many literals in one pass (Aho and Corasick, 1975, as a full transition table).
 * One table step for each UTF-16 unit, whatever the input and however many literals. ASCII letters match in either case:
 * formats that know one case only say so themselves.
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
  readonly edges: number[];
  /** Literals that end in a state. */
  readonly ends: number[][];
}

/** Throws `RangeError` for an empty literal: it would occur everywhere. */
export function buildLiteralAutomaton(literals: readonly string[]): LiteralAutomaton {
  if (literals.includes('')) throw new RangeError('a literal cannot be empty');
  const classes = classify(literals);
  const trie = buildTrie(literals, classes);
  const table = completeTable(trie);
  const { ends } = trie;
  const width = trie.width;

  return {
    scan(text, onHit) {
      let state = 0;
      for (let at = 0; at < text.length; at++) {
        state = table[(state & stateMask) + (classes[text.charCodeAt(at)] ?? 0)] ?? 0;
        if (state < 0) {
          for (const literal of ends[(state & stateMask) / width] ?? []) {
            onHit(literal, at + 1 - (literals[literal] ?? '').length);
          }
        }
      }
    },
    test(text) {
      let state = 0;
      for (let at = 0; at < text.length; at++) {
        state = table[state + (classes[text.charCodeAt(at)] ?? 0)] ?? 0;
        if (state < 0) return true;
      }
      return false;
    },
  };
}

/** The table holds offsets of rows; the sign bit marks a state in which a literal ends. */
const stateMask = 0x7fff_ffff;
const accepting = ~stateMask;

/** Class 0 is every character that no literal has; the two cases of an ASCII letter are one class. */
function classify(literals: readonly string[]): Uint16Array {
  const classes = new Uint16Array(65_536);
  let count = 0;
  for (const literal of literals) {
    for (let at = 0; at < literal.length; at++) {
      const unit = literal.charCodeAt(at);
      if (classes[unit] !== 0) continue;
      classes[unit] = ++count;
      const letter = unit | 0x20;
      if (unit <= 0x7a && letter >= 0x61 && letter <= 0x7a) {
        classes[letter] = count;
        classes[letter - 0x20] = count;
      }
    }
  }
  return classes;
}

function buildTrie(literals: readonly string[], classes: Uint16Array): Trie {
  const width = 1 + classes.reduce((most, each) => Math.max(most, each), 0);
  const edges: number[] = Array.from({ length: width }, () => -1);
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
        for (let column = 0; column < width; column++) edges.push(-1);
      }
      state = target;
    }
    ends[state]?.push(index);
  }
  return { width, edges, ends };
}

/** Fills the missing edges breadth first from each state's longest proper suffix. */
function completeTable({ width, edges, ends }: Trie): Int32Array {
  const suffix = new Int32Array(ends.length);
  const queue = [0];
  for (let head = 0; head < queue.length; head++) {
    const state = queue[head] ?? 0;
    const fallback = suffix[state] ?? 0;
    for (let column = 0; column < width; column++) {
      const edge = state * width + column;
      const target = edges[edge] ?? -1;
      const viaSuffix = state === 0 ? 0 : (edges[fallback * width + column] ?? 0);
      if (target < 0) edges[edge] = viaSuffix;
      else {
        suffix[target] = viaSuffix;
        ends[target]?.push(...(ends[viaSuffix] ?? []));
        queue.push(target);
      }
    }
  }
  return Int32Array.from(edges, (target) => {
    const mark = (ends[target]?.length ?? 0) > 0 ? accepting : 0;
    return (target * width) | mark;
  });
}
