/** Numbers that are too common to be known without a name: what stands before them, and what may be one at all. */
import type { NumberText } from '../scan/number-text.ts';
import { numberContextUnits, numberContextUnitsMax } from '../scan/number-text.ts';

/**
 * Words in lower case with one space between, so that `customerSsn`, `CUSTOMER_SSN1` and `<b>Customer SSN</b>` are read alike.
 * The end of a line stays: no name of several words is made of two lines.
 */
export function wordsOf(text: string): string {
  if (text.length > numberContextUnits || beyondAscii.test(text)) return anyWords(text);
  ascii.write(text, 'latin1');
  return asciiWords(ascii, 0, text.length) ?? anyWords(text);
}

const beyondAscii = /[^\u0000-\u007f]/;
const ascii = Buffer.alloc(numberContextUnits);

function anyWords(text: string): string {
  return text
    .replaceAll(escape, ' ')
    .replaceAll(/([a-z])([A-Z])/g, '$1 $2')
    .replaceAll(/([A-Z])([A-Z][a-z])/g, '$1 $2')
    .replaceAll(/(?<=\p{N})(?=\p{L})|(?<=\p{L})(?=\p{N})/gu, ' ')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{M}\p{N}\n]{1,128}/gu, ' ');
}

const lowerKind = 1;
const capitalKind = 2;
const digitKind = 3;
const lineEndKind = 4;
/** Begins an escape, or is beyond ASCII: left to the expressions. */
const elseKind = 5;
const kinds = new Uint8Array(256).fill(elseKind, 128);
for (const character of 'abcdefghijklmnopqrstuvwxyz') kinds[character.charCodeAt(0)] = lowerKind;
for (const character of 'ABCDEFGHIJKLMNOPQRSTUVWXYZ') kinds[character.charCodeAt(0)] = capitalKind;
for (const character of '0123456789') kinds[character.charCodeAt(0)] = digitKind;
for (const character of '%\\&') kinds[character.charCodeAt(0)] = elseKind;
kinds['\n'.charCodeAt(0)] = lineEndKind;
const kindCount = 6;
/** By the kind before and the kind: `customerSsn`, `1SSN`, `ssn2`. */
const beginsWordAfter = new Uint8Array(kindCount * kindCount);
for (const [before, kind] of [
  [lowerKind, capitalKind],
  [digitKind, lowerKind],
  [digitKind, capitalKind],
  [lowerKind, digitKind],
  [capitalKind, digitKind],
] as const)
  beginsWordAfter[before * kindCount + kind] = 1;
/** By kind: letters and digits. */
const isOfWord = [false, true, true, true, false, false];

const words = Buffer.alloc(2 * numberContextUnits);
const space = 0x20;
const toLower = 0x20;

/** The same in one pass over codes, for what is mostly read: at most `numberContextUnits`; null for other text. */
function asciiWords(codes: Uint8Array, from: number, to: number): string | null {
  let length = 0;
  let before = 0;
  for (let at = from; at < to; at++) {
    const code = codes[at] as number;
    // A table of all codes: the index is always inside it.
    const kind = kinds[code] as number;
    if (kind === elseKind) return null;
    if (kind === 0) {
      if (before !== 0 || at === from) words[length++] = space;
    } else {
      const beginsWord =
        beginsWordAfter[before * kindCount + kind] === 1 ||
        (kind === capitalKind &&
          before === capitalKind &&
          at + 1 < to &&
          kinds[codes[at + 1] as number] === lowerKind);
      if (beginsWord) words[length++] = space;
      words[length++] = kind === capitalKind ? code + toLower : code;
    }
    before = kind;
  }
  return words.toString('latin1', 0, length);
}

/** A character written as an escape, or as one that was escaped again: `%20`, `%2520`, `\n`, `\x20`, `\u0020`, `&#32;`, `&nbsp;`. */
const escape =
  /%(?:25){0,8}[0-9A-Fa-f]{2}|\\(?:[nrt]|x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4})|&(?:#x?[0-9A-Fa-f]{1,8}|[a-z]{2,8});/g;

/** Characters that are not there where a text is read without them. */
const invisible = /[[\p{Cc}\p{Default_Ignorable_Code_Point}]--[\t\n\r]]/gv;

/** More than one of those is long. */
const escapeUnitsMax = 24;

/** Whether a text may hold escapes or such characters. */
const mayShrink = /%|\\|&|[[\p{Cc}\p{Default_Ignorable_Code_Point}]--[\t\n\r]]/v;

/**
 * The end of a text without what is written in several characters and read as one or none: names then stand nearer to what
 * follows. Most of it mostly suffices, whose beginning may be a part of an escape.
 */
function shortestEnd(text: string, hasHidden: boolean): string {
  const near = asShortest(text.slice(-2 * numberContextUnits), hasHidden);
  const isEnough = near.length >= numberContextUnits + escapeUnitsMax;
  return isEnough ? near : asShortest(text.slice(-numberContextUnitsMax), hasHidden);
}

function asShortest(text: string, hasHidden: boolean): string {
  const unescaped = text.replaceAll(escape, ' ');
  return hasHidden ? unescaped.replaceAll(invisible, '') : unescaped;
}

/** A part of each word that gives a number of a person away, as it may be written: only then the text is read as words. */
export const idStems =
  /ssn|soc(?:ial|sec|[^a-z])|seguro|nhs|steuer|nr|identifi|tax|dni|ni[ef]|identidad|bsn|burgers|sofi|pesel|aadha|uid|आधार|pers|samord|sin|nas|assurance|주민|rrn|resident|cpf/i;
/** The same for a telephone number. */
export const telephoneStems = /phone|t[eé]l|fon|mobil|cell|fax|handy|電話/i;

/** No name gives a number away that two empty lines keep apart from it. */
export const apart = '\n\n\n';

/** Nor does what was taken out, whose placeholder brings it nearer and may read like one (`[REDACTED:phone-number:ab12]`). */
const placeholder = '[REDACTED:';

/** What stands before a number, as `wordsOf` reads it. Nothing where no word of it can give a number away. */
export function wordsBefore(read: NumberText, start: number, stems: RegExp): string {
  const { text, from, codes, run, nearby, hasHidden, contextUnits } = read;
  if (!hasHidden && !nearby.mayMatchBefore(stems, from + start, contextUnits)) return '';
  const context = text.slice(Math.max(0, start - contextUnits), start);
  if (contextUnits !== numberContextUnits) return wordsOf(nearOf(shortestEnd(context, hasHidden)));
  const near = nearOf(context);
  // Codes of typeset characters are not those of the keyboard, which stand in the text already.
  if (run.hasTypeset) return wordsOf(near);
  const end = from + start;
  return asciiWords(codes, end - near.length, end) ?? anyWords(near);
}

/**
 * The same of a whole text that a number follows: the words as far back as names are looked for, but for one that is cut by
 * that, so that of a stream that is cut at a line end the same words are seen. Escapes count as what they stand for: a view
 * without them says the same.
 */
export function wordsAtEnd(text: string): string {
  return wordsOf(nearOf(shortestEnd(contextAtEnd(text), true)));
}

/** As much of a text as is read of it before a number that follows. */
export function contextAtEnd(text: string): string {
  // Also where an escape ends inside of what is near, and begins before it.
  const near = text.slice(-numberContextUnits - escapeUnitsMax);
  return text.slice(mayShrink.test(near) ? -numberContextUnitsMax : -numberContextUnits);
}

/** As far back as names are looked for, and behind what keeps a name apart. */
function nearOf(text: string): string {
  const context = text.length < numberContextUnits ? text : withoutCutWord(text.slice(-numberContextUnits));
  const redacted = context.lastIndexOf(placeholder);
  const redactedEnd = redacted === -1 ? -1 : context.indexOf(']', redacted);
  const from = Math.max(context.lastIndexOf(apart), redactedEnd);
  return from === -1 ? context : context.slice(from);
}

function withoutCutWord(text: string): string {
  let end = 0;
  while (isOfAsciiWord(text.charCodeAt(end))) end++;
  if (!(text.charCodeAt(end) < 128)) end = text.search(/[^\p{L}\p{M}\p{N}_-]/u);
  return end === -1 ? '' : text.slice(end);
}

function isOfAsciiWord(unit: number): boolean {
  return (unit < 128 && isOfWord[kinds[unit] as number]) || unit === 0x5f || unit === 0x2d;
}

const valueUnitsMin = 9;
const valueUnitsMax = 48;
/** Digits and separators, and a letter at either end. */
const value =
  /^[\s(+]{0,4}(?:[A-Z]-?)?[0-9][\s0-9().+\u00a0\u2000-\u2013\u202f\u2212-]{5,44}[0-9A-Z]\s{0,4}$/;

/** Whether a string is what stands behind such a name: a number and nothing else. */
export function mayBeNamed(text: string): boolean {
  return text.length >= valueUnitsMin && text.length <= valueUnitsMax && value.test(text);
}
