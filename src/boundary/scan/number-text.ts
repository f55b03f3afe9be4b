/** A run of a text as the detectors of numbers read it: typeset characters as those of a keyboard, and cut into its pieces. */
import type { Span } from '../detector.ts';
import { noSpans } from '../detector.ts';
import type { Survey } from './literal-scanner.ts';
import type { Nearby } from './nearby.ts';
import type { NumberRun } from './number-runs.ts';
import { invisibleCode, typesetCodes } from './text-codes.ts';
import { followsEscape } from './word-edges.ts';

export interface NumberText {
  /** From some context before the run to one character after it. Places count from its beginning. */
  readonly text: string;
  readonly pieces: readonly NumberPiece[];
  readonly run: NumberRun;
  /** Where it begins in the whole text. */
  readonly from: number;
  /** Of the whole text. */
  readonly codes: Uint8Array;
  /** Of the whole text. */
  readonly nearby: Nearby;
  /** Whether the context may have characters that a reader does not see, also inside of names. */
  readonly hasHidden: boolean;
  /** How far back a name may stand: as much is read before the run. */
  readonly contextUnits: number;
}

/** A longest stretch of digits and capitals. */
export interface NumberPiece {
  readonly start: number;
  readonly end: number;
  readonly isDigits: boolean;
  /** The unit between it and the piece before, where that is a single one. */
  readonly gap: number | null;
}

/** What is read before a number: the word that says what it is. */
export const numberContextUnits = 96;
/** The same, where characters are written as escapes: `&#x00000020;` and the like. */
export const numberContextUnitsMax = 640;

export function readNumber(
  { text: whole, codes, hidden }: Survey,
  run: NumberRun,
  nearby: Nearby,
): NumberText {
  const isFar = nearby.hasCodeBefore(contextKinds, run.start, numberContextUnits);
  const contextUnits = isFar ? numberContextUnitsMax : numberContextUnits;
  const from = Math.max(0, run.start - contextUnits);
  const written = whole.slice(from, run.end + 1);
  const text = run.hasTypeset ? asTyped(written) : written;
  const pieces = piecesOf(codes, run, from, text);
  return { text, pieces, run, from, codes, nearby, hasHidden: isFar && hidden.length > 0, contextUnits };
}

/** What begins an escape, and what is read over: the context may have to be read from further back. */
const contextKinds = new Uint8Array(256).fill(1, 0, 0x20);
for (const character of '\t\n\r') contextKinds[character.charCodeAt(0)] = 0;
for (const character of '%\\&\u007f') contextKinds[character.charCodeAt(0)] = 1;
contextKinds[invisibleCode] = 1;

const typesetSpace = /[\u00a0\u2000-\u200a\u202f\u205f\u3000]/g;
const typesetDash = /[\u2010-\u2013\u2212\ufe58\ufe63\uff0d]/g;
const fullWidthDigit = /[\uff10-\uff19]/g;
const fullWidthOffset = 0xff_10 - 0x30;

/** Character by character, so that places stay. */
function asTyped(text: string): string {
  return text
    .replaceAll(typesetSpace, ' ')
    .replaceAll(typesetDash, '-')
    .replaceAll(fullWidthDigit, (digit) => String.fromCharCode(digit.charCodeAt(0) - fullWidthOffset));
}

/** Places count from `from`. */
function piecesOf(codes: Uint8Array, run: NumberRun, from: number, text: string): NumberPiece[] {
  const pieces: NumberPiece[] = [];
  let lastEnd = Number.NEGATIVE_INFINITY;
  for (let at = run.start + escapedUnits(text, run.start - from); at < run.end; at++) {
    const start = at - from;
    const first = at;
    let isDigits = true;
    for (; at < run.end; at++) {
      const code = codes[at] as number;
      if (isDigitCode(code)) continue;
      if (!isCapital(code)) break;
      isDigits = false;
    }
    if (at === first) continue;
    const gap = start - lastEnd === 1 ? text.charCodeAt(lastEnd) : null;
    lastEnd = at - from;
    pieces.push({ start, end: lastEnd, isDigits, gap });
  }
  return pieces;
}

/** Digits of an escape that the run begins with: `%20219-09-9999`, `\u0020219-09-9999`. */
function escapedUnits(text: string, start: number): number {
  const marker = text.charCodeAt(start - 1);
  if (marker === percent) return followsEscape(text, start + 2) ? 2 : 0;
  if (text.charCodeAt(start - 2) !== backslash) return 0;
  const units = marker === letterX ? 2 : marker === letterU ? 4 : 0;
  return followsEscape(text, start + units) ? units : 0;
}

const percent = 0x25;
const backslash = 0x5c;
const letterU = 0x75;
const letterX = 0x78;

function isDigitCode(code: number): boolean {
  return isDigit(code) || code === typesetCodes.digit;
}

/** What is found at the pieces of a number, in order. */
export function spansAt(
  read: NumberText,
  find: (read: NumberText, index: number) => Span | null,
): readonly Span[] {
  let found: Span[] | null = null;
  for (let index = 0; index < read.pieces.length; index++) {
    const span = find(read, index);
    if (span !== null) (found ??= []).push(span);
  }
  return found ?? noSpans;
}

/** What the pieces from `first` to `last` are without what stands between them. */
export function withoutGaps({ text, pieces }: NumberText, first: number, last: number): string {
  let joined = '';
  for (let index = first; index <= last; index++) {
    const { start, end } = pieces[index] as NumberPiece;
    joined += text.slice(start, end);
  }
  return joined;
}

export function isDigit(unit: number): boolean {
  return unit >= 0x30 && unit <= 0x39;
}

export function isCapital(unit: number): boolean {
  return unit >= 0x41 && unit <= 0x5a;
}

/** Whether what begins there goes on from a word before, or from a number with a point, dash or plus sign between. */
export function isJoinedBefore({ text }: NumberText, start: number): boolean {
  const unit = text.charCodeAt(start - 1);
  if (isOfWord(unit)) return !followsEscape(text, start);
  return isJoint(unit) && isDigit(text.charCodeAt(start - 2)) && !followsEscape(text, start - 1);
}

/** Whether what ends there goes on as a word, or as a number with a point, dash or plus sign between. */
export function isJoinedAfter({ text }: NumberText, end: number): boolean {
  const unit = text.charCodeAt(end);
  if (isOfWord(unit)) return true;
  return isJoint(unit) && isDigit(text.charCodeAt(end + 1));
}

/** `NaN`, beyond the text, is none. */
function isOfWord(unit: number): boolean {
  return isDigit(unit) || isCapital(unit) || (unit >= 0x61 && unit <= 0x7a) || unit === 0x5f;
}

/** What keeps the parts of one number together. */
export function isJoint(unit: number): boolean {
  return unit === 0x2e || unit === 0x2d || unit === 0x2b;
}
