/** Base64 and hexadecimal digits inside a text, wherever they yield readable characters or compressed data. */
import type { View } from '../view.ts';
import { lastAtMost } from '../view.ts';
import { base64GroupsMin, base64Value, isReadable, isReadableGroup, readableCuts } from './base64-groups.ts';
import type { DecodeBudget } from './budget.ts';
import { decompress, isCompressed } from './compressed.ts';
import type { Segment } from './segments.ts';
import { SegmentedText } from './segments.ts';

/** Fewer characters of base64 hold no token (20 are 15 bytes), fewer of hexadecimal neither (32 are 16). */
const base64UnitsMin = 20;
const hexUnitsMin = 32;
/** Lines of wrapped base64 (RFC 2045 §6.8, RFC 7468 §2) are at least this long, but for the last. */
const wrappedLineUnitsMin = 56;

/** As much as `endsLikeWrappedRun` reads. */
export const wrappedTailUnits = wrappedLineUnitsMin + 2;

/** Whether a text ends with a line of base64 that the next line may go on with. */
export function endsLikeWrappedRun(text: string): boolean {
  return wrappedTail.test(text.slice(-wrappedTailUnits));
}

const wrappedTail = new RegExp(`[A-Za-z0-9+/_-]{${wrappedLineUnitsMin}}\\r?\\n$`);

const hexValue = new Int8Array(256).fill(-1);
for (const [value, digit] of [...'0123456789abcdef'].entries()) {
  hexValue[digit.charCodeAt(0)] = value;
  hexValue[digit.toUpperCase().charCodeAt(0)] = value;
}

/** Digits of one encoded stretch, without the line breaks between them: where there are none, they are read where they stand. */
interface Run {
  readonly codes: Buffer;
  readonly start: number;
  readonly end: number;
  /** Where in the text the digit at a place in `codes` stands. */
  readonly placeOf: (at: number) => number;
}

const asItStands = (at: number): number => at;

/** All that the text holds, as one view with breaks between the stretches. null: nothing. */
export function readRuns(_text: string, codes: Buffer, budget: DecodeBudget): View | null {
  const decoded = new SegmentedText();
  forEachRun({ codes, start: 0, end: codes.length }, base64Value, base64UnitsMin, (start, end) => {
    // A line that long may go on in the next one.
    if (end - start < wrappedLineUnitsMin && !isWorthReading(codes, start, end)) return end;
    const run = runAt(codes, start, end);
    readHex(run, decoded, budget);
    readBase64(run, decoded, budget);
    return run.placeOf(run.end - 1) + 1;
  });
  return decoded.length === 0 ? null : decoded.toView();
}

/**
 * Longest stretches of at least `unitsMin` digits; `onRun` answers where to go on. Like Boyer and Moore's search: what stands
 * at the end of a possible stretch is read first, so that most of ordinary text is stepped over.
 */
function forEachRun(
  { codes, start: from, end: to }: Omit<Run, 'placeOf'>,
  values: Int8Array,
  unitsMin: number,
  onRun: (start: number, end: number) => number,
): void {
  let floor = from;
  for (let last = from + unitsMin - 1; last < to; last = floor + unitsMin - 1) {
    let start = last + 1;
    // Tables of all codes: the index is always inside them.
    while (start > floor && (values[codes[start - 1] as number] as number) >= 0) start--;
    if (last + 1 - start < unitsMin) {
      floor = Math.max(start, floor);
      continue;
    }
    let end = last + 1;
    while (end < to && (values[codes[end] as number] as number) >= 0) end++;
    floor = Math.max(onRun(start, end), end);
  }
}

function isDigit(codes: Buffer, at: number, values: Int8Array): boolean {
  // A table of all codes: the index is always inside it.
  return (values[codes[at] as number] as number) >= 0;
}

/** The run with the lines that continue it, after line breaks as such or written as escapes. */
function runAt(codes: Buffer, start: number, end: number): Run {
  if (end - start < wrappedLineUnitsMin) return { codes, start, end, placeOf: asItStands };
  const lines = [codes.subarray(start, end)];
  const starts = [start];
  const offsets = [0];
  let digits = end - start;
  let lineEnd = end;
  for (let lineUnits = digits; lineUnits >= wrappedLineUnitsMin;) {
    const from = afterLineBreak(codes, lineEnd);
    if (from === -1 || !isDigit(codes, from, base64Value)) break;
    lineEnd = from;
    while (lineEnd < codes.length && isDigit(codes, lineEnd, base64Value)) lineEnd++;
    lines.push(codes.subarray(from, lineEnd));
    starts.push(from);
    offsets.push(digits);
    lineUnits = lineEnd - from;
    digits += lineUnits;
  }
  if (lines.length === 1) return { codes, start, end, placeOf: asItStands };
  return {
    codes: Buffer.concat(lines),
    start: 0,
    end: digits,
    placeOf: (digit) => {
      const line = lastAtMost(offsets, digit);
      return (starts[line] ?? 0) + digit - (offsets[line] ?? 0);
    },
  };
}

const indentUnitsMax = 8;

/** Past a line break (`\r\n`, `\n`, also written as escapes) and an indent; -1 when none stands there. */
function afterLineBreak(codes: Buffer, at: number): number {
  let next = at;
  if (codes[next] === 0x5c) {
    if (codes[next + 1] === 0x72 && codes[next + 2] === 0x5c) next += 2;
    if (codes[next + 1] !== 0x6e) return -1;
    next += 2;
  } else {
    if (codes[next] === 0x0d) next++;
    if (codes[next] !== 0x0a) return -1;
    next++;
  }
  const indentEnd = next + indentUnitsMax;
  while (next < indentEnd && (codes[next] === 0x20 || codes[next] === 0x09)) next++;
  return next < codes.length ? next : -1;
}

/** As many readable characters in a row make a stretch worth decoding. */
const hexPairsMin = 8;
/** What is decoded before and after them: the rest of something that is mostly unreadable is nothing that a token is in. */
const surroundingGroups = 64;

/** Whether anything at all would be read out of the digits. Most words, paths and ids end here. */
function isWorthReading(codes: Buffer, start: number, end: number): boolean {
  if (readableCuts(codes, start, end) !== 0 || isCompressedStart(codes, start)) return true;
  let isHex = false;
  if (end - start >= hexUnitsMin) {
    forEachRun({ codes, start, end }, hexValue, hexUnitsMin, (_, to) => {
      isHex = true;
      return to;
    });
  }
  return isHex;
}

/** Four ways to cut the digits into groups: what stands before a token may be of the same alphabet. */
function readBase64(run: Run, decoded: SegmentedText, budget: DecodeBudget): void {
  const { codes, end } = run;
  const cuts = readableCuts(codes, run.start, end);
  for (let cut = 0; cut < 4; cut++) {
    const start = run.start + cut;
    if (cut === 0 && isCompressedStart(codes, start))
      addDecoded(new Stretch(base64, run, start, end), decoded, budget);
    else if (((cuts >> cut) & 1) === 1) {
      const groups = (end - start) >> 2;
      const isReadable = (group: number) => isReadableGroup(codes, start + 4 * group);
      forEachIsland(groups, base64GroupsMin, surroundingGroups, isReadable, (from, to) => {
        // What is left behind the last whole group are the last bytes of the text.
        const last = to === groups ? end : start + 4 * to;
        addDecoded(new Stretch(base64, run, start + 4 * from, last), decoded, budget);
      });
    }
  }
}

/** Where at least `countMin` in a row are wanted, with `surrounding` on both sides; those that touch are one. */
function forEachIsland(
  count: number,
  countMin: number,
  surrounding: number,
  isWanted: (index: number) => boolean,
  onIsland: (from: number, to: number) => void,
): void {
  let from = -1;
  let to = -1;
  for (let last = countMin - 1; last < count;) {
    let start = last + 1;
    while (start > last + 1 - countMin && isWanted(start - 1)) start--;
    if (last + 1 - start < countMin) {
      last = start + countMin - 1;
      continue;
    }
    let end = last + 1;
    while (end < count && isWanted(end)) end++;
    if (to === -1 || start - surrounding > to) {
      if (to !== -1) onIsland(from, to);
      from = Math.max(0, start - surrounding);
    }
    to = Math.min(count, end + surrounding);
    last = end + countMin;
  }
  if (to !== -1) onIsland(from, to);
}

/** Digits that make some bytes: `digits` of them for as many `bytes`. */
interface Alphabet {
  readonly name: 'base64' | 'hex';
  readonly via: readonly string[];
  readonly digits: number;
  readonly bytes: number;
}

const base64: Alphabet = { name: 'base64', via: ['base64'], digits: 4, bytes: 3 };
const hex: Alphabet = { name: 'hex', via: ['hex'], digits: 2, bytes: 1 };

/** Digits of a run from `start` to `end`, and the bytes that they make. */
class Stretch implements Segment {
  readonly #alphabet: Alphabet;
  readonly #run: Run;
  readonly #start: number;
  readonly #end: number;
  readonly data: Buffer;

  constructor(alphabet: Alphabet, run: Run, start: number, end: number) {
    this.#alphabet = alphabet;
    this.#run = run;
    this.#start = start;
    this.#end = end;
    this.data = Buffer.from(run.codes.toString('latin1', start, end), alphabet.name);
  }

  get via(): readonly string[] {
    return this.#alphabet.via;
  }

  originalStart(place: number): number {
    const { digits, bytes } = this.#alphabet;
    return this.#run.placeOf(this.#start + Math.floor((this.#byteAt(place) * digits) / bytes));
  }

  originalEnd(place: number): number {
    const { digits, bytes } = this.#alphabet;
    const end = this.#start + Math.ceil(((this.#byteAt(place) + 1) * digits) / bytes);
    return this.#run.placeOf(Math.min(end, this.#end) - 1) + 1;
  }

  /** What stands behind the bytes belongs to the last. */
  #byteAt(place: number): number {
    return Math.min(place, this.data.length - 1);
  }
}

function addDecoded(stretch: Stretch, decoded: SegmentedText, budget: DecodeBudget): void {
  const { data } = stretch;
  const start = stretch.originalStart(0);
  const end = stretch.originalEnd(data.length - 1);
  if (isCompressed(data)) {
    const text = decompress(data, budget.unitsLeft);
    if (text === null) budget.spend(Number.POSITIVE_INFINITY, start, end);
    else if (text !== '' && budget.spend(text.length, start, end))
      decoded.addWhole(`${text}\n\n`, [...stretch.via, 'gzip'], start, end);
    return;
  }
  if (budget.spend(data.length, start, end)) decoded.add(`${data.toString('latin1')}\n\n`, stretch);
}

/** `H4sI` is gzip, `eJ` and its like zlib. */
function isCompressedStart(digits: Buffer, at: number): boolean {
  const [first, second, third, fourth] = [digits[at], digits[at + 1], digits[at + 2], digits[at + 3]];
  if (first === 0x65) return second === 0x41 || second === 0x4a || second === 0x4e;
  return first === 0x48 && second === 0x34 && third === 0x73 && fourth === 0x49;
}

function readHex(run: Run, decoded: SegmentedText, budget: DecodeBudget): void {
  forEachRun(run, hexValue, hexUnitsMin, (start, end) => {
    readPairs(run, start, end, decoded, budget);
    readPairs(run, start + 1, end, decoded, budget);
    return end;
  });
}

function readPairs(run: Run, start: number, end: number, decoded: SegmentedText, budget: DecodeBudget): void {
  const { codes } = run;
  const pairs = (end - start) >> 1;
  const read = (from: number, to: number) =>
    addDecoded(new Stretch(hex, run, start + 2 * from, start + 2 * to), decoded, budget);
  if (codes.toString('latin1', start, start + 6).toLowerCase() === '1f8b08') read(0, pairs);
  else
    forEachIsland(
      pairs,
      hexPairsMin,
      surroundingPairs,
      (pair) => isReadablePair(codes, start + 2 * pair),
      read,
    );
}

const surroundingPairs = 192;

function isReadablePair(digits: Buffer, at: number): boolean {
  const high = hexValue[digits[at] as number] as number;
  return isReadable(high * 16 + (hexValue[digits[at + 1] as number] as number));
}
