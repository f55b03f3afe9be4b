/** Base64 and hexadecimal digits inside a text, wherever they yield readable characters or compressed data. */
import type { View } from '../view.ts';
import type { DecodeBudget } from './budget.ts';
import { decompress, isCompressed } from './compressed.ts';
import { SegmentedText } from './segments.ts';

/** Fewer characters of base64 hold no token (20 are 15 bytes), fewer of hexadecimal neither (32 are 16). */
const base64UnitsMin = 20;
const hexUnitsMin = 32;
/** Lines of wrapped base64 (RFC 2045 §6.8, RFC 7468 §2) are at least this long, but for the last. */
const wrappedLineUnitsMin = 56;

/** Value of a base64 or base64url digit by character code; -1 for everything else. RFC 4648 §4, §5. */
const base64Value = new Int8Array(65_536).fill(-1);
for (const [value, digit] of [
  ...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/',
].entries()) {
  base64Value[digit.charCodeAt(0)] = value;
}
base64Value['-'.charCodeAt(0)] = 62;
base64Value['_'.charCodeAt(0)] = 63;

const hexValue = new Int8Array(65_536).fill(-1);
for (const [value, digit] of [...'0123456789abcdef'].entries()) {
  hexValue[digit.charCodeAt(0)] = value;
  hexValue[digit.toUpperCase().charCodeAt(0)] = value;
}

/** Digits of one encoded stretch, without the line breaks between them. */
interface Run {
  readonly digits: string;
  /** Where in the text a digit stands. */
  readonly placeOf: (digit: number) => number;
}

/** All that the text holds, as one view with breaks between the stretches. null: nothing. */
export function readRuns(text: string, budget: DecodeBudget): View | null {
  const decoded = new SegmentedText();
  const { length } = text;
  let floor = 0;
  // Every run of that many digits has one at this distance: text without them is stepped over.
  for (let at = base64UnitsMin - 1; at < length;) {
    if (!isDigit(text, at, base64Value)) {
      at += base64UnitsMin;
      continue;
    }
    let start = at;
    while (start > floor && isDigit(text, start - 1, base64Value)) start--;
    let end = at + 1;
    while (end < length && isDigit(text, end, base64Value)) end++;
    if (end - start >= base64UnitsMin) {
      const run = runAt(text, start, end);
      end = run.placeOf(run.digits.length - 1) + 1;
      readHex(run, decoded, budget);
      readBase64(run, decoded, budget);
    }
    floor = end;
    at = end + base64UnitsMin;
  }
  return decoded.length === 0 ? null : decoded.toView();
}

function isDigit(text: string, at: number, values: Int8Array): boolean {
  // A table of all units: the index is always inside it.
  return (values[text.charCodeAt(at)] as number) >= 0;
}

/** The run with the lines that continue it, after line breaks as such or written as escapes. */
function runAt(text: string, start: number, end: number): Run {
  const lineBreak = /(?:\r?\n|(?:\\r)?\\n)[ \t]{0,8}/y;
  const lines = [text.slice(start, end)];
  const starts = [start];
  const offsets = [0];
  let digits = end - start;
  for (let lineUnits = digits; lineUnits >= wrappedLineUnitsMin;) {
    lineBreak.lastIndex = (starts.at(-1) ?? 0) + lineUnits;
    if (!lineBreak.test(text) || !isDigit(text, lineBreak.lastIndex, base64Value)) break;
    const from = lineBreak.lastIndex;
    let to = from;
    while (to < text.length && isDigit(text, to, base64Value)) to++;
    lines.push(text.slice(from, to));
    starts.push(from);
    offsets.push(digits);
    lineUnits = to - from;
    digits += lineUnits;
  }
  if (lines.length === 1) return { digits: lines[0] ?? '', placeOf: (digit) => start + digit };
  return {
    digits: lines.join(''),
    placeOf: (digit) => {
      let line = offsets.length - 1;
      while ((offsets[line] ?? 0) > digit) line--;
      return (starts[line] ?? 0) + digit - (offsets[line] ?? 0);
    },
  };
}

/** Readable characters in a row that make a stretch worth decoding: three groups of four digits, eight pairs of two. */
const base64GroupsMin = 3;
const hexPairsMin = 8;

/** Four ways to cut the digits into groups: what stands before a token may be of the same alphabet. */
function readBase64(run: Run, decoded: SegmentedText, budget: DecodeBudget): void {
  const { digits } = run;
  for (let shift = 0; shift < 4; shift++) {
    if (!isReadableBase64(digits, shift) && !(shift === 0 && isCompressedStart(digits))) continue;
    const data = Buffer.from(shift === 0 ? digits : digits.slice(shift), 'base64');
    const stretch = {
      via: 'base64',
      run,
      firstOf: (byte: number) => shift + Math.floor((byte * 4) / 3),
      lastOf: (byte: number) => Math.min(shift + Math.ceil(((byte + 1) * 4) / 3), digits.length) - 1,
    };
    addDecoded(data, stretch, decoded, budget);
  }
}

interface Stretch {
  readonly via: string;
  readonly run: Run;
  /** First and last digit that a byte depends on. */
  readonly firstOf: (byte: number) => number;
  readonly lastOf: (byte: number) => number;
}

function addDecoded(
  data: Buffer,
  { via, run, firstOf, lastOf }: Stretch,
  decoded: SegmentedText,
  budget: DecodeBudget,
): void {
  const start = run.placeOf(firstOf(0));
  const end = run.placeOf(lastOf(data.length - 1)) + 1;
  if (isCompressed(data)) {
    const text = decompress(data, budget.unitsLeft);
    if (text === null) budget.spend(Number.POSITIVE_INFINITY, start, end);
    else if (text !== '' && budget.spend(text.length, start, end))
      decoded.addWhole(`${text}\n\n`, `${via}>gzip`, start, end);
    return;
  }
  if (!budget.spend(data.length, start, end)) return;
  decoded.add(`${data.toString('latin1')}\n\n`, {
    via,
    originalStart: (place) => run.placeOf(firstOf(Math.min(place, data.length - 1))),
    originalEnd: (place) => run.placeOf(lastOf(Math.min(place, data.length - 1))) + 1,
  });
}

function isReadableBase64(digits: string, shift: number): boolean {
  let groups = 0;
  for (let at = shift; at + 3 < digits.length; at += 4) {
    const first = base64Value[digits.charCodeAt(at)] ?? 0;
    // Of a readable byte the first digit is at most 31: half of all groups end here.
    const isReadable = first < 32 && isReadableGroup(digits, at, first);
    groups = isReadable ? groups + 1 : 0;
    if (groups === base64GroupsMin) return true;
  }
  return false;
}

function isReadableGroup(digits: string, at: number, first: number): boolean {
  const second = base64Value[digits.charCodeAt(at + 1)] ?? 0;
  const third = base64Value[digits.charCodeAt(at + 2)] ?? 0;
  const fourth = base64Value[digits.charCodeAt(at + 3)] ?? 0;
  return (
    isReadable((first << 2) | (second >> 4)) &&
    isReadable(((second & 15) << 4) | (third >> 2)) &&
    isReadable(((third & 3) << 6) | fourth)
  );
}

/** `H4sI` is gzip, `eJ` and its like zlib. */
function isCompressedStart(digits: string): boolean {
  return (
    digits.startsWith('H4sI') || digits.startsWith('eJ') || digits.startsWith('eA') || digits.startsWith('eN')
  );
}

/** Printable ASCII, white space, and the NUL between the characters of UTF-16. */
function isReadable(byte: number): boolean {
  return (byte >= 0x20 && byte <= 0x7e) || byte === 0x0a || byte === 0x0d || byte === 0x09 || byte === 0;
}

function readHex(run: Run, decoded: SegmentedText, budget: DecodeBudget): void {
  const { digits } = run;
  for (let at = hexUnitsMin - 1; at < digits.length;) {
    if (!isDigit(digits, at, hexValue)) {
      at += hexUnitsMin;
      continue;
    }
    let start = at;
    while (start > 0 && isDigit(digits, start - 1, hexValue)) start--;
    let end = at + 1;
    while (end < digits.length && isDigit(digits, end, hexValue)) end++;
    if (end - start >= hexUnitsMin) {
      readPairs(run, start, end, decoded, budget);
      readPairs(run, start + 1, end, decoded, budget);
    }
    at = end + hexUnitsMin;
  }
}

function readPairs(run: Run, start: number, end: number, decoded: SegmentedText, budget: DecodeBudget): void {
  const digits = run.digits.slice(start, end);
  if (!isReadableHex(digits) && !digits.startsWith('1f8b08')) return;
  const data = Buffer.from(digits.slice(0, digits.length & ~1), 'hex');
  const stretch = {
    via: 'hex',
    run,
    firstOf: (byte: number) => start + 2 * byte,
    lastOf: (byte: number) => start + 2 * byte + 1,
  };
  addDecoded(data, stretch, decoded, budget);
}

function isReadableHex(digits: string): boolean {
  let pairs = 0;
  for (let at = 0; at + 1 < digits.length; at += 2) {
    const high = hexValue[digits.charCodeAt(at)] ?? 0;
    const low = hexValue[digits.charCodeAt(at + 1)] ?? 0;
    pairs = isReadable(high * 16 + low) ? pairs + 1 : 0;
    if (pairs === hexPairsMin) return true;
  }
  return false;
}
