/** Where a text may hold a number of a card, an account, a person or a telephone: everything else need not be read for them. */

/** No such number has fewer digits: with a letter or a plus sign, and without. Each has two in a row. */
const markedDigitsMin = 7;
const digitsMin = 9;
/** What must be read around a number: the word before it that says what it is, and what ends it. */
const surroundingUnits = 64;

const digitKind = 1;
const markKind = 2;
const separatorKind = 3;
/** Characters that numbers are written with: digits, capitals, and what stands between groups. */
const kinds = new Uint8Array(256);
for (const character of ' .-()') kinds[character.charCodeAt(0)] = separatorKind;
for (const character of '+ABCDEFGHIJKLMNOPQRSTUVWXYZ') kinds[character.charCodeAt(0)] = markKind;
for (const character of '0123456789') kinds[character.charCodeAt(0)] = digitKind;

const isDigit = kinds.map((kind) => (kind === digitKind ? 1 : 0));

export interface Window {
  readonly start: number;
  end: number;
}

/** Windows in order, apart from each other. None begins or ends inside something that is written like a number. */
export function findNumberWindows(codes: Uint8Array): readonly Window[] {
  const windows: Window[] = [];
  const last = codes.length - 1;
  // Of two digits in a row one is found at every other place.
  for (let at = 1; at <= last + 1;) {
    // Four such places at once: ordinary text has few digits.
    while (
      at + 6 <= last &&
      ((isDigit[codes[at] as number] as number) |
        (isDigit[codes[at + 2] as number] as number) |
        (isDigit[codes[at + 4] as number] as number) |
        (isDigit[codes[at + 6] as number] as number)) ===
        0
    )
      at += 8;
    const place = at > last ? last : at;
    if (kinds[codes[place] as number] !== digitKind) {
      at += 2;
      continue;
    }
    const before = place > 0 ? kinds[codes[place - 1] as number] : 0;
    if (before !== digitKind && (place === last || kinds[codes[place + 1] as number] !== digitKind)) {
      at += 2;
      continue;
    }
    at = readNumber(codes, place, windows) + 2;
  }
  return windows;
}

/** Where what is written like a number around `place` ends. Nothing of the kind stands there. */
function readNumber(codes: Uint8Array, place: number, windows: Window[]): number {
  const { length } = codes;
  let start = place;
  while (start > 0 && kinds[codes[start - 1] as number] === digitKind) start--;
  let digits = 0;
  let isMarked = false;
  let end = start;
  for (; end < length; end++) {
    const kind = kinds[codes[end] as number];
    if (kind === digitKind) digits++;
    else if (kind === markKind) isMarked = true;
    else if (kind !== separatorKind) break;
  }
  // Capitals and a plus sign may stand before the first digit.
  isMarked ||= start > 0 && kinds[codes[start - 1] as number] === markKind;
  if (digits >= (isMarked ? markedDigitsMin : digitsMin) && !isTime(codes, start, end))
    addWindow(codes, start, end, windows);
  return end;
}

/** `2026-01-02T03` or the same with a space, and a colon next. */
const timeShape = Array.from('9999-99-99T99:', (character) => character.charCodeAt(0));

/** Logs are full of points in time, which have as many digits as numbers that matter. */
function isTime(codes: Uint8Array, start: number, end: number): boolean {
  if (end - start !== timeShape.length - 1) return false;
  return timeShape.every((shape, index) => {
    const code = codes[start + index] ?? 0;
    if (shape === 0x39) return kinds[code] === digitKind;
    return code === shape || (shape === 0x54 && code === 0x20);
  });
}

function addWindow(codes: Uint8Array, start: number, end: number, windows: Window[]): void {
  const last = windows.at(-1);
  const from = skipBack(codes, Math.max(0, start - surroundingUnits), last?.end ?? 0);
  const to = skip(codes, Math.min(codes.length, end + surroundingUnits));
  if (last !== undefined && from <= last.end) last.end = Math.max(last.end, to);
  else windows.push({ start: from, end: to });
}

function skip(codes: Uint8Array, from: number): number {
  let at = from;
  while (at < codes.length && kinds[codes[at] as number] !== 0) at++;
  return at;
}

function skipBack(codes: Uint8Array, from: number, floor: number): number {
  let at = from;
  while (at > floor && kinds[codes[at - 1] as number] !== 0) at--;
  return at;
}
