/** Where a word begins and ends, by the alphabet of the token that may be a part of it. */

/** Answers for one UTF-16 unit of a text what the expression says of that character. */
export type CharacterTest = (unit: number) => boolean;

/** By expression: hundreds of formats share a handful of alphabets. */
const characterTests = new Map<string, CharacterTest>();

export function characterTestOf(alphabet: RegExp): CharacterTest {
  const key = String(alphabet);
  let test = characterTests.get(key);
  if (test === undefined) characterTests.set(key, (test = buildCharacterTest(alphabet)));
  return test;
}

function buildCharacterTest(alphabet: RegExp): CharacterTest {
  const ascii = Uint8Array.from({ length: 128 }, (_, unit) =>
    alphabet.test(String.fromCharCode(unit)) ? 1 : 0,
  );
  return (unit) => (unit < 128 ? ascii[unit] === 1 : alphabet.test(String.fromCharCode(unit)));
}

/**
 * An escape sequence (`\n`, `\x0a`, `\u000a`, `%20`) is no part of the word that follows it, and a slash is none that ends a
 * part of a path: base64 that a token would be inside of is longer.
 */
export function beginsWord(text: string, at: number, isOfToken: CharacterTest): boolean {
  if (at === 0 || !isOfToken(text.charCodeAt(at - 1))) return true;
  if (text.charCodeAt(at - 1) === slash && !endsLongWord(text, at, isOfToken)) return true;
  return followsEscape(text, at);
}

/** Whether an escape sequence ends there. */
export function followsEscape(text: string, at: number): boolean {
  const mayEscape =
    text.charCodeAt(at - 2) === backslash ||
    text.charCodeAt(at - 3) === percent ||
    text.charCodeAt(at - 4) === backslash ||
    text.charCodeAt(at - 6) === backslash;
  return mayEscape && escapeBefore.test(text.slice(Math.max(0, at - 6), at));
}

const slash = 0x2f;
const pathUnitsMax = 24;

function endsLongWord(text: string, end: number, isOfToken: CharacterTest): boolean {
  const from = end - pathUnitsMax;
  let at = end;
  while (at > from && at > 0 && isOfToken(text.charCodeAt(at - 1))) at--;
  return at === from;
}

const backslash = 0x5c;
const percent = 0x25;
const escapeBefore = /(?:\\[abfnrtv0]|%[0-9A-Fa-f]{2}|\\x[0-9A-Fa-f]{2}|\\u[0-9A-Fa-f]{4})$/;

export function endsWord(text: string, end: number, isOfToken: CharacterTest): boolean {
  return end === text.length || !isOfToken(text.charCodeAt(end));
}
