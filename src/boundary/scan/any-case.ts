/**
 * Spells out `(?i:…)` in an expression. V8 misreads alternatives in such a group (`(?i:a|b)` does not match `A`) once it
 * compiles without optimising, which it does in any process that has compiled much: secrets would be missed from then on.
 */
import { casesOf } from './text-codes.ts';

/** A group's opening, an escape, a class, or one character. */
const tokens = /\(\?(?:<?[=!]|<[A-Za-z_]\w*>|[a-z-]*:)|\\[^]|\[(?:\\[^]|[^\]\\])*\]|[^]/gu;
const ignoring = '(?i:';

/** By source: scanners are built again and again of the same expressions. */
const spelledOut = new Map<string, string>();

/** The same expression without such groups, and with a state of its own. */
export function withCasesSpelledOut({ source, flags }: RegExp): RegExp {
  if (!source.includes(ignoring)) return new RegExp(source, flags);
  let written = spelledOut.get(source);
  if (written === undefined) spelledOut.set(source, (written = spellOut(source)));
  return new RegExp(written, flags);
}

function spellOut(source: string): string {
  let written = '';
  let depth = 0;
  /** How deep the group stands that ignores case. */
  let ignoringDepth: number | null = null;
  for (const [token] of source.matchAll(tokens)) {
    if (token === ')') {
      depth--;
      if (depth === ignoringDepth) ignoringDepth = null;
    }
    if (token === ignoring) ignoringDepth ??= depth;
    if (token.startsWith('(')) depth++;
    if (token === ignoring) written += '(?:';
    else written += ignoringDepth === null ? token : inAnyCase(token);
  }
  return written;
}

function inAnyCase(token: string): string {
  if (token.startsWith('[')) return `${token.slice(0, -1)}${otherCases(token)}]`;
  const cases = casesOf(token);
  return cases.length > 1 ? `[${cases.join('')}]` : token;
}

/** Of the letters in a class: what stands in it in the other case. */
function otherCases(characters: string): string {
  let others = '';
  for (const [part] of characters.matchAll(/\\[^]|[A-Z]-[A-Z]|[a-z]-[a-z]|[A-Za-z]/g))
    if (!part.startsWith('\\'))
      others += part === part.toLowerCase() ? part.toUpperCase() : part.toLowerCase();
  return others;
}
