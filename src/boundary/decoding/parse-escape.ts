/** The grammar of single escapes. Hand-written: a text can consist of nothing else. */

/** Code point and length of an escape, as one number: `code point × 16 + length`; 0 when none starts here. */
export function parseEscape(text: string, at: number): number {
  const unit = text.charCodeAt(at);
  if (unit === backslash) return parseBackslash(text, at);
  return unit === percent ? parsePercent(text, at) : parseEntity(text, at);
}

export const percent = 0x25;
export const backslash = 0x5c;
export const ampersand = 0x26;

function packed(codePoint: number, length: number): number {
  return codePoint < 0 || codePoint > 0x10_ff_ff ? 0 : codePoint * 16 + length;
}

/** RFC 3986 §2.1; `%u0041` is what `escape` of ECMA-262 annex B writes. */
function parsePercent(text: string, at: number): number {
  if (text.charCodeAt(at + 1) === 0x75) return packed(hexDigits(text, at + 2, 4), 6);
  return packed(hexDigits(text, at + 1, 2), 3);
}

/** RFC 8259 §7, ECMA-262 §12.9.4, and the octal escapes of C and of shells. */
function parseBackslash(text: string, at: number): number {
  const next = text.charCodeAt(at + 1);
  switch (next) {
    case 0x75: // u
      return text.charCodeAt(at + 2) === 0x7b ? parseBraces(text, at) : packed(hexDigits(text, at + 2, 4), 6);
    case 0x78: // x
      return packed(hexDigits(text, at + 2, 2), 4);
    case 0x22:
    case 0x27:
    case 0x2f:
    case 0x5c:
    case 0x60:
      return packed(next, 2);
    default:
      return isOctal(next) ? parseOctal(text, at) : packed(controls.get(next) ?? -1, 2);
  }
}

/** `\a \b \e \f \n \r \t \v` */
const controls = new Map([
  [0x61, 0x07],
  [0x62, 0x08],
  [0x65, 0x1b],
  [0x66, 0x0c],
  [0x6e, 0x0a],
  [0x72, 0x0d],
  [0x74, 0x09],
  [0x76, 0x0b],
]);

function parseBraces(text: string, at: number): number {
  const close = text.slice(at + 3, at + 10).indexOf('}');
  return close < 1 ? 0 : packed(hexDigits(text, at + 3, close), close + 4);
}

function parseOctal(text: string, at: number): number {
  let value = 0;
  let length = 1;
  while (length < 4 && isOctal(text.charCodeAt(at + length))) {
    value = value * 8 + text.charCodeAt(at + length) - 0x30;
    length++;
  }
  return value > 0xff ? 0 : packed(value, length);
}

function isOctal(unit: number): boolean {
  return unit >= 0x30 && unit <= 0x37;
}

const entityUnitsMax = 10;

/** HTML Standard §13.5. */
function parseEntity(text: string, at: number): number {
  const next = text.charCodeAt(at + 1) | 0x20;
  const isName = next >= 0x61 && next <= 0x7a;
  if (!isName && text.charCodeAt(at + 1) !== 0x23) return 0;
  const window = text.slice(at + 1, at + 1 + entityUnitsMax);
  const close = window.indexOf(';');
  if (close < 2) return 0;
  const name = window.slice(0, close);
  const codePoint = isName ? (entities.get(name) ?? -1) : numericReference(name);
  return packed(codePoint, close + 2);
}

function numericReference(name: string): number {
  if (/^#[0-9]{1,7}$/.test(name)) return Number(name.slice(1));
  return /^#[xX]/.test(name) ? hexDigits(name, 2, name.length - 2) : -1;
}

/** -1: other than `count` hexadecimal digits stand there. */
function hexDigits(text: string, from: number, count: number): number {
  let value = 0;
  for (let at = from; at < from + count; at++) {
    const unit = text.charCodeAt(at);
    const letter = unit | 0x20;
    if (unit >= 0x30 && unit <= 0x39) value = value * 16 + unit - 0x30;
    else if (letter >= 0x61 && letter <= 0x66) value = value * 16 + letter - 0x57;
    else return -1;
  }
  return value;
}

/** The named references that stand for the ASCII characters which tokens and URLs are made of. */
const entities = new Map(
  Object.entries({
    amp: '&',
    lt: '<',
    gt: '>',
    quot: '"',
    apos: "'",
    colon: ':',
    semi: ';',
    sol: '/',
    bsol: '\\',
    period: '.',
    comma: ',',
    equals: '=',
    plus: '+',
    lowbar: '_',
    hyphen: '-',
    dash: '-',
    num: '#',
    quest: '?',
    percnt: '%',
    commat: '@',
    excl: '!',
    dollar: '$',
    lpar: '(',
    rpar: ')',
    lsqb: '[',
    lbrack: '[',
    rsqb: ']',
    rbrack: ']',
    NewLine: '\n',
    Tab: '\t',
    nbsp: ' ',
  }).map(([name, character]) => [name, character.charCodeAt(0)]),
);
