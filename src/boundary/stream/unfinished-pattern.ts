/** An expression that tells whether another one could still match if the text went on. */

import { withCasesSpelledOut } from '../scan/any-case.ts';

export interface UnfinishedPattern {
  /** Sticky: matches where the pattern matches, or could with more text, and in either case uses the text up. */
  readonly pattern: RegExp;
  /** Some character of the pattern can be a line feed. */
  readonly crossesLines: boolean;
}

/**
 * Every character of the pattern may also be the end of the text. Assertions about what follows are left out, so the
 * answer can only be too careful. Expects what detectors are written in: no back-references, bounded quantifiers.
 */
export function unfinished(pattern: RegExp): UnfinishedPattern {
  const { source, flags } = withCasesSpelledOut(pattern);
  const kept = flags.replaceAll(/[dgy]/g, '');
  const isLineFeed = (atom: string) => new RegExp(`^(?:${atom})$`, kept).test('\n');
  let crossesLines = false;
  let written = '';
  for (let at = 0; at < source.length;) {
    const token = tokenAt(source, at, kept);
    at += token.length;
    if (token.startsWith('(?=') || token.startsWith('(?!')) continue;
    if (!isAtom(token)) written += token;
    else if (token === '\\b' || token === '\\B') written += `(?:${token}|$)`;
    else {
      crossesLines ||= isLineFeed(token);
      written += `(?:${token}|$)`;
    }
  }
  return { pattern: new RegExp(`(?:${written})$`, `${kept}y`), crossesLines };
}

/** A group's opening, a quantifier, or one character: an escape, a class, a literal. Assertions come whole. */
const tokens =
  /\(\?(?:[:>]|[a-z-]+:|<[A-Za-z_]\w*>)|\(\?<?[=!]|\{[0-9]+(?:,[0-9]*)?\}\??|\\(?:u\{[0-9A-Fa-f]+\}|u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2}|[pP]\{[^}]*\}|[^])|\[(?:\\[^]|[^\]\\])*\]|[^]/uy;

function tokenAt(source: string, at: number, flags: string): string {
  tokens.lastIndex = at;
  const [token = ''] = tokens.exec(source) ?? [];
  if (!/^\(\?<?[=!]$/.test(token)) return token;
  let depth = 1;
  let end = at + token.length;
  while (depth > 0 && end < source.length) {
    const inner = tokenAt(source, end, flags);
    if (inner.startsWith('(') && !/^\(\?<?[=!]/.test(inner)) depth++;
    else if (inner === ')') depth--;
    end += inner.length;
  }
  return source.slice(at, end);
}

/** Anything that stands for one character, or for an edge of a word. */
function isAtom(token: string): boolean {
  if (token.length > 1)
    return token.startsWith('\\') || token.startsWith('[') || (token.codePointAt(0) ?? 0) > 0xff_ff;
  return !'()|*+?^$'.includes(token);
}
