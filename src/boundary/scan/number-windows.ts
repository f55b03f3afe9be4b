/** Where a text may hold a number of a card, an account, a person or a telephone: everything else need not be read for them. */

/** No such number has fewer digits, and each has two in a row. */
const digitsMin = 7;
/** What must be read around a number: the word before it that says what it is, and what ends it. */
const surroundingUnits = 64;

const digitKind = 1;
const otherKind = 2;
/** Characters that numbers are written with: digits, capitals, and what stands between groups. */
const kinds = new Uint8Array(256);
for (const character of ' .+-()ABCDEFGHIJKLMNOPQRSTUVWXYZ') kinds[character.charCodeAt(0)] = otherKind;
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
    if (kinds[codes[place] as number] !== digitKind) {
      at += 2;
      continue;
    }
    const start = skipBack(codes, place, floor);
    const end = skip(codes, place);
    if (countDigits(codes, start, end) >= digitsMin) addWindow(codes, start, end, windows);
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

function countDigits(codes: Uint8Array, start: number, end: number): number {
  let count = 0;
  for (let at = start; at < end; at++) if (kinds[codes[at] as number] === digitKind) count++;
  return count;
}
