/** Cheap looks at what is common in ordinary text, for rules whose patterns cost more. In doubt they answer yes. */
import type { LookAhead } from '../../look-ahead.ts';

/** `https://` and at most 80 characters, a name of at most 16, and the signs around it: 107. */
const urlUnitsMax = 128;

/** Whether a URL may end in `=`: a parameter that is to be filled in. */
export const mayEndInParameter: LookAhead = (codes, at) => {
  const end = Math.min(codes.length, at + urlUnitsMax);
  let before = 0;
  for (let next = at; next < end; next++) {
    const code = codes[next] as number;
    if (code >= 0x80) return true;
    if (endsUrl[code] === 1) {
      if (before === equals) return true;
      if (code !== closingParenthesis) return false;
    }
    before = code;
  }
  return before === equals && end === codes.length;
};

const equals = 0x3d;
const closingParenthesis = 0x29;
/** White space, quotes, parentheses and `<`, `>`. */
const endsUrl = new Uint8Array(128);
for (const character of '\t\n\v\f\r "\')<>') endsUrl[character.charCodeAt(0)] = 1;

/** Between the noun and the name. */
const betweenUnitsMax = 20;
const wordKind = 1;
/** The names of a model begin with these. */
const readerKind = 2;
/** What may stand between two words there. */
const gapKind = 3;
const kinds = new Uint8Array(128);
for (const character of '\t\n\v\f\r ,:!*') kinds[character.charCodeAt(0)] = gapKind;
for (const letter of 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_')
  kinds[letter.charCodeAt(0)] = 'alvcg'.includes(letter.toLowerCase()) ? readerKind : wordKind;

/** Whether one of the next words may name a model, as in `note to the assistant`. */
export const mayNameReader: LookAhead = (codes, at) => {
  if (codes[at] === 0x28) return true;
  let next = at;
  while (next < codes.length && isWordCode(codes[next] as number)) next++;
  const end = Math.min(codes.length, next + betweenUnitsMax + 1);
  for (let before = wordKind; next < end; next++) {
    const code = codes[next] as number;
    if (code >= 0x80) return true;
    const kind = kinds[code] as number;
    if (kind === 0) return false;
    if (kind === readerKind && before === gapKind) return true;
    before = kind;
  }
  return false;
};

function isWordCode(code: number): boolean {
  return code < 0x80 && (kinds[code] as number) % gapKind !== 0;
}
