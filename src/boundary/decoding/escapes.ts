/** Escapes of single characters, read in one pass: `%41`, `\u0041`, `\x41`, `\101`, `\n`, `&#65;`, `&amp;`. */
import type { View } from '../view.ts';
import type { DecodeBudget } from './budget.ts';
import { SegmentedText } from './segments.ts';

const percent = 0x25;
const backslash = 0x5c;
const ampersand = 0x26;

/** RFC 3986 §2.1; `%u0041` is what `escape` of ECMA-262 annex B writes. */
const percentEscape = /%(?:u[0-9A-Fa-f]{4}|[0-9A-Fa-f]{2})/y;
/** RFC 8259 §7, ECMA-262 §12.9.4, and the octal escapes of C. */
const backslashEscape =
  /\\(?:u[0-9A-Fa-f]{4}|u\{[0-9A-Fa-f]{1,6}\}|x[0-9A-Fa-f]{2}|[0-3]?[0-7]{1,2}|[abefnrtv"'`\\/])/y;
const entity = /&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z]{2,8});/y;

/** null: there is no escape in the text, or not enough budget to read them. */
export function readEscapes(text: string, budget: DecodeBudget): View | null {
  if (!/[%\\&]/.test(text)) return null;
  const decoded = new SegmentedText();
  let from = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit !== percent && unit !== backslash && unit !== ampersand) continue;
    const escape = readEscape(text, at, unit);
    if (escape === null) continue;
    decoded.addPlain(text.slice(from, at), from);
    decoded.addWhole(escape.character, escape.via, at, escape.end);
    from = escape.end;
    at = from - 1;
  }
  if (from === 0) return null;
  if (!budget.spend(text.length, 0, text.length)) return null;
  decoded.addPlain(text.slice(from), from);
  return decoded.toView();
}

interface Escape {
  readonly character: string;
  readonly via: string;
  readonly end: number;
}

function readEscape(text: string, at: number, unit: number): Escape | null {
  const pattern = unit === percent ? percentEscape : unit === backslash ? backslashEscape : entity;
  pattern.lastIndex = at;
  const written = pattern.exec(text)?.[0];
  if (written === undefined) return null;
  const end = at + written.length;
  if (unit === percent) return { character: fromHex(written.replace(/^%u?/, '')), via: 'percent', end };
  if (unit === backslash) return { character: unescapeBackslash(written), via: 'escape', end };
  const character = fromEntity(written.slice(1, -1));
  return character === null ? null : { character, via: 'html', end };
}

function fromHex(digits: string): string {
  return fromCodePoint(Number.parseInt(digits, 16));
}

function fromCodePoint(codePoint: number): string {
  return codePoint <= 0x10_ff_ff ? String.fromCodePoint(codePoint) : '\ufffd';
}

const named = new Map([
  ['\\a', '\u0007'],
  ['\\b', '\b'],
  ['\\e', '\u001b'],
  ['\\f', '\f'],
  ['\\n', '\n'],
  ['\\r', '\r'],
  ['\\t', '\t'],
  ['\\v', '\v'],
]);

function unescapeBackslash(written: string): string {
  const control = named.get(written);
  if (control !== undefined) return control;
  const digits = written.replace(/^\\(?:u\{|u|x|)/, '').replace('}', '');
  if (/^\\[ux]/.test(written)) return fromHex(digits);
  return /^[0-7]/.test(digits) ? fromCodePoint(Number.parseInt(digits, 8)) : digits;
}

/** The named references of HTML that stand for the ASCII characters which tokens and URLs are made of. */
const entities = new Map([
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
  ['colon', ':'],
  ['sol', '/'],
  ['period', '.'],
  ['comma', ','],
  ['equals', '='],
  ['plus', '+'],
  ['lowbar', '_'],
  ['hyphen', '-'],
  ['dash', '-'],
  ['num', '#'],
  ['quest', '?'],
  ['percnt', '%'],
  ['commat', '@'],
  ['excl', '!'],
  ['lpar', '('],
  ['rpar', ')'],
  ['lsqb', '['],
  ['lbrack', '['],
  ['rsqb', ']'],
  ['rbrack', ']'],
  ['NewLine', '\n'],
  ['Tab', '\t'],
]);

function fromEntity(name: string): string | null {
  if (!name.startsWith('#')) return entities.get(name) ?? null;
  return /^#[xX]/.test(name) ? fromHex(name.slice(2)) : fromCodePoint(Number(name.slice(1)));
}
