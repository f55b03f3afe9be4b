/** Escapes of single characters, read in one pass: `%41`, `\u0041`, `\x41`, `\101`, `\n`, `&#65;`, `&amp;`. */
import { isDigit } from '../scan/number-text.ts';
import { noSeams } from '../scan/seams.ts';
import type { View } from '../view.ts';
import { lastAtMost } from '../view.ts';
import type { DecodeBudget } from './budget.ts';
import { ampersand, backslash, parseEscape, percent } from './parse-escape.ts';

/**
 * Text around an escape that is read with it. Line breaks, quotes and the like are in no token, and detectors know them
 * in their escaped form: only an escape that stands for something else makes its surroundings worth another look.
 */
const surroundingUnits = 4096;

/** null: no escape hides anything, or there is no budget left to look. */
export function readEscapes(text: string, codes: Buffer, budget: DecodeBudget): View | null {
  const found = findEscapes(text, codes);
  if (found.hiding.length === 0) return null;
  const places = islands(found.hiding, text.length);
  const unescaped = new Unescaped(text, 2 * (found.starts.length + places.length));
  let next = 0;
  for (const { start, end } of places) {
    while ((found.starts[next] ?? end) < start) next++;
    unescaped.copyFrom(start);
    for (; (found.starts[next] ?? end) < end; next++)
      unescaped.addEscape(found.starts[next] ?? 0, found.escapes[next] ?? 0);
    unescaped.copyTo(end);
  }
  return budget.spend(unescaped.length, 0, text.length) ? unescaped.toView() : null;
}

interface Escapes {
  /** Where each begins, and what `parseEscape` says of it. */
  readonly starts: readonly number[];
  readonly escapes: readonly number[];
  /** Where those begin that stand for a character that can be part of a token. */
  readonly hiding: readonly number[];
}

function findEscapes(text: string, codes: Buffer): Escapes {
  const starts: number[] = [];
  const escapes: number[] = [];
  const hiding: number[] = [];
  const nextPercent = occurrences(codes, percent);
  const nextBackslash = occurrences(codes, backslash);
  const nextAmpersand = occurrences(codes, ampersand);
  for (let at = 0; ;) {
    at = Math.min(nextPercent(at), nextBackslash(at), nextAmpersand(at));
    if (at === text.length) return { starts, escapes, hiding };
    const escape = parseEscape(text, at);
    if (escape === 0) at++;
    else {
      starts.push(at);
      escapes.push(escape);
      if (canBeInToken(escape >> 4) || isInNumber(text, at, escape)) hiding.push(at);
      at += escape & 15;
    }
  }
}

/** Where the code occurs next, from a place that only grows; the length of the text when it does not. */
function occurrences(codes: Buffer, code: number): (from: number) => number {
  let next = -1;
  return (from) => {
    if (next >= from) return next;
    const found = codes.indexOf(code, from);
    next = found === -1 ? codes.length : found;
    return next;
  };
}

/** Not white space, controls, quotes, the backslash, nor `&`, `<`, `>`. */
function canBeInToken(codePoint: number): boolean {
  return codePoint > 0x20 && codePoint !== 0x7f && !'"\'`\\&<>'.includes(String.fromCodePoint(codePoint));
}

/** Whether it is a space between two groups of digits, which may be in brackets. */
function isInNumber(text: string, at: number, escape: number): boolean {
  if (escape >> 4 !== 0x20) return false;
  const before = text.charCodeAt(at - 1);
  const after = text.charCodeAt(at + (escape & 15));
  return (isDigit(before) || before === 0x29) && (isDigit(after) || after === 0x28);
}

interface Island {
  readonly start: number;
  end: number;
}

function islands(hiding: readonly number[], length: number): Island[] {
  const found: Island[] = [];
  for (const at of hiding) {
    const start = Math.max(0, at - surroundingUnits);
    const end = Math.min(length, at + surroundingUnits);
    const last = found.at(-1);
    if (last !== undefined && start <= last.end) last.end = end;
    else found.push({ start, end });
  }
  return found;
}

const kinds = ['percent', 'escape', 'html'] as const;
const plainKind = -1;
/** Between two islands. */
const breakKind = -2;

/** Text with its escapes undone, and for each stretch of it where it comes from. */
class Unescaped {
  readonly #text: string;
  readonly #pieces: string[] = [];
  /** For each stretch, where it starts here and in the original, and its kind. */
  readonly #starts: Uint32Array;
  readonly #originals: Uint32Array;
  readonly #kinds: Int8Array;
  #stretches = 0;
  #from = 0;
  length = 0;

  /** One for each escape, one between them, one between islands. */
  constructor(text: string, stretchesMax: number) {
    this.#text = text;
    this.#starts = new Uint32Array(stretchesMax);
    this.#originals = new Uint32Array(stretchesMax);
    this.#kinds = new Int8Array(stretchesMax);
  }

  copyFrom(start: number): void {
    if (this.length > 0) this.#add('\n', start, breakKind);
    this.#from = start;
  }

  copyTo(end: number): void {
    if (end > this.#from) this.#add(this.#text.slice(this.#from, end), this.#from, plainKind);
    this.#from = end;
  }

  addEscape(at: number, escape: number): void {
    this.copyTo(at);
    const unit = this.#text.charCodeAt(at);
    const kind = unit === percent ? 0 : unit === backslash ? 1 : 2;
    this.#add(String.fromCodePoint(escape >> 4), at, kind);
    this.#from = at + (escape & 15);
  }

  #add(text: string, original: number, kind: number): void {
    const at = this.#stretches++;
    this.#pieces.push(text);
    this.#starts[at] = this.length;
    this.#originals[at] = original;
    this.#kinds[at] = kind;
    this.length += text.length;
  }

  toView(): View {
    const starts = this.#starts.subarray(0, this.#stretches);
    return {
      text: this.#pieces.join(''),
      seams: noSeams,
      toOriginal: (start, end) => {
        const first = lastAtMost(starts, start);
        const last = lastAtMost(starts, end - 1);
        const via = new Set<string>();
        for (let at = first; at <= last; at++) {
          if (this.#kinds[at] === breakKind) return null;
          const kind = kinds[this.#kinds[at] ?? plainKind];
          if (kind !== undefined) via.add(kind);
        }
        return { start: this.#place(first, start), end: this.#place(last, end - 1, true), via: [...via] };
      },
    };
  }

  #place(stretch: number, at: number, isEnd = false): number {
    const original = this.#originals[stretch] ?? 0;
    if (this.#kinds[stretch] === plainKind)
      return original + at - (this.#starts[stretch] ?? 0) + (isEnd ? 1 : 0);
    return isEnd ? original + (parseEscape(this.#text, original) & 15) : original;
  }
}
