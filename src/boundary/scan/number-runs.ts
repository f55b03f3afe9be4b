/** Where a text may hold a number of a card, an account, a person or a telephone: everything else need not be read for them. */
import { typesetCodes } from './text-codes.ts';

/** No such number has fewer digits: with a letter or a plus sign, and without. */
const markedDigitsMin = 7;
const digitsMin = 9;

/** A digit is the lowest bit, so that a sum counts them. */
const digitKind = 1;
const capitalKind = 2;
const plusKind = 4;
const separatorKind = 8;
/** Beside one of the others: what a typesetter puts for that character of a keyboard. */
const typesetKind = 16;
/** Characters that numbers are written with: digits, capitals, the plus sign, and what stands between groups. */
const kinds = new Uint8Array(256);
for (const character of ' .-()') kinds[character.charCodeAt(0)] = separatorKind;
for (const character of 'ABCDEFGHIJKLMNOPQRSTUVWXYZ') kinds[character.charCodeAt(0)] = capitalKind;
for (const character of '0123456789') kinds[character.charCodeAt(0)] = digitKind;
kinds['+'.charCodeAt(0)] = plusKind;
kinds[typesetCodes.space] = separatorKind | typesetKind;
kinds[typesetCodes.dash] = separatorKind | typesetKind;
kinds[typesetCodes.digit] = digitKind | typesetKind;

const isDigit = kinds.map((kind) => kind & digitKind);

/** A longest stretch of nothing but those characters: no number reaches out of it. */
export interface NumberRun {
  readonly start: number;
  readonly end: number;
  readonly digits: number;
  readonly hasCapital: boolean;
  readonly hasPlus: boolean;
  /** Whether it has spaces, dashes or digits that no keyboard has. */
  readonly hasTypeset: boolean;
}

/**
 * Runs with enough digits, in order. Like Boyer and Moore's search: what stands at the end of a possible run is read first,
 * so that of ordinary text most is stepped over.
 */
export function findNumberRuns(codes: Uint8Array): readonly NumberRun[] {
  const runs: NumberRun[] = [];
  const { length } = codes;
  for (let floor = 0; floor + markedDigitsMin <= length;) {
    let at = floor + markedDigitsMin - 1;
    // A table of all codes: the index is always inside it.
    while (at >= floor && kinds[codes[at] as number] !== 0) at--;
    // The character that cannot be in a number is stepped over together with all before it.
    floor = at < floor ? readRun(codes, floor, runs) + 1 : at + 1;
  }
  return runs;
}

/** Reads the run from its start on; answers where it ends. */
function readRun(codes: Uint8Array, start: number, runs: NumberRun[]): number {
  const { length } = codes;
  let seen = 0;
  let digits = 0;
  let end = start;
  for (; end < length; end++) {
    const kind = kinds[codes[end] as number] as number;
    if (kind === 0) break;
    seen |= kind;
    digits += kind & digitKind;
  }
  const hasCapital = (seen & capitalKind) !== 0;
  const hasPlus = (seen & plusKind) !== 0;
  if (
    digits >= (hasCapital || hasPlus ? markedDigitsMin : digitsMin) &&
    !endsInTime(codes, start, end, digits)
  )
    runs.push({ start, end, digits, hasCapital, hasPlus, hasTypeset: (seen & typesetKind) !== 0 });
  return end;
}

const timeUnits = '2026-01-02T03'.length;
const timeDigits = 10;

/** Whether all digits are those of a point in time: logs are full of them. `2026-01-02T03` or with a space, and a colon next. */
function endsInTime(codes: Uint8Array, start: number, end: number, digits: number): boolean {
  const from = end - timeUnits;
  if (digits !== timeDigits || from < start || codes[end] !== 0x3a) return false;
  if (codes[from + 4] !== 0x2d || codes[from + 7] !== 0x2d) return false;
  let counted = 0;
  for (let at = from; at < end; at++) counted += isDigit[codes[at] as number] as number;
  return counted === timeDigits && (codes[from + 10] === 0x54 || codes[from + 10] === 0x20);
}
