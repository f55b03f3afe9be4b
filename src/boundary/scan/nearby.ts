/**
 * What stands shortly before places of a text. Each stretch is searched once, however many places are asked for: a text
 * that is full of numbers asks at each.
 */
import type { TextCodes } from './text-codes.ts';

export interface Nearby {
  /**
   * Whether an expression matches there. Places are asked for in order, with a reach of at most `reachMax`, which may be another each time. May say so of what
   * matches only behind the place, never the other way round. A match has at most `matchUnitsMax` units.
   */
  readonly mayMatchBefore: (expression: RegExp, place: number, reach: number) => boolean;
  /** Whether one of the codes that the table marks with 1 stands there: always the same table and reach, and places in order. */
  readonly hasCodeBefore: (marks: Uint8Array, place: number, reach: number) => boolean;
}

const matchUnitsMax = 16;

interface Searched {
  readonly global: RegExp;
  /** As far as the text was searched. */
  until: number;
  /** The last unit of the last match. */
  last: number;
}

export function nearbyIn({ text, codes }: TextCodes, reachMax: number): Nearby {
  const searches = new Map<RegExp, Searched>();
  let markedUntil = 0;
  let lastMarked = Number.NEGATIVE_INFINITY;
  return {
    hasCodeBefore(marks, place, reach) {
      for (let at = Math.max(markedUntil, place - reach); at < place; at++)
        if (marks[codes[at] as number] === 1) lastMarked = at;
      markedUntil = Math.max(markedUntil, place);
      return lastMarked >= place - reach;
    },
    mayMatchBefore(expression, place, reach) {
      let search = searches.get(expression);
      if (search === undefined) {
        const global = new RegExp(expression.source, `g${expression.flags}`);
        searches.set(expression, (search = { global, until: 0, last: Number.NEGATIVE_INFINITY }));
      }
      if (place > search.until) {
        const from = Math.max(0, search.until - matchUnitsMax, place - reachMax);
        const found = lastMatch(search.global, text.slice(from, place));
        if (found !== -1) search.last = from + found;
        search.until = place;
      }
      return search.last >= place - reach;
    },
  };
}

function lastMatch(global: RegExp, text: string): number {
  let last = -1;
  global.lastIndex = 0;
  while (global.test(text)) last = global.lastIndex - 1;
  return last;
}
