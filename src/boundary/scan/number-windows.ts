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

export interface Window {
  readonly start: number;
  end: number;
}

/** Windows in order, apart from each other. None begins or ends inside something that is written like a number. */
export function findNumberWindows(codes: Uint8Array): readonly Window[] {
  const windows: Window[] = [];
  const { length } = codes;
  let floor = 0;
  // Of two digits in a row one is found at every other place.
  for (let at = 1; at <= length;) {
    const place = Math.min(at, length - 1);
    if (!isDigit(codes, place) || !(isDigit(codes, place - 1) || isDigit(codes, place + 1))) {
      at += 2;
      continue;
    }
    const start = skipBack(codes, place, floor);
    const end = skip(codes, place);
    if (mayBeNumber(codes, start, end)) addWindow(codes, start, end, windows);
    floor = end;
    at = end + 2;
  }
  return windows;
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

/** False outside of the text. */
function isDigit(codes: Uint8Array, at: number): boolean {
  const code = codes[at];
  return code !== undefined && code >= 0x30 && code <= 0x39;
}

/** From the first digit on `2026-01-02T03` or the same with a space, and a colon next. */
const timeShape = Array.from('9999-99-99T99:', (character) => character.charCodeAt(0));

/** Logs are full of points in time, which have as many digits as numbers that matter. */
function isTime(codes: Uint8Array, start: number, end: number): boolean {
  let from = start;
  while (!isDigit(codes, from)) from++;
  if (end - from !== timeShape.length - 1) return false;
  return timeShape.every((shape, index) => {
    const code = codes[from + index];
    if (shape === 0x39) return isDigit(codes, from + index);
    return code === shape || (shape === 0x54 && code === 0x20);
  });
}

function mayBeNumber(codes: Uint8Array, start: number, end: number): boolean {
  let digits = 0;
  let isMarked = false;
  for (let at = start; at < end; at++) {
    const kind = kinds[codes[at] as number];
    if (kind === digitKind) digits++;
    else if (kind === markKind) isMarked = true;
  }
  return digits >= (isMarked ? markedDigitsMin : digitsMin) && !isTime(codes, start, end);
}
