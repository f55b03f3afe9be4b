/** How one detector's format is tried at one of its literals. */
import type { LiteralDetector, PatternFormat, Span } from '../detector.ts';
import type { LookAhead } from '../look-ahead.ts';
import { withCasesSpelledOut } from './any-case.ts';
import type { Seams } from './seams.ts';
import type { TextCodes } from './text-codes.ts';
import { beginsWord, characterTestOf, endsWord } from './word-edges.ts';

export interface Match {
  readonly span: Span;
  /** Nothing of the token's alphabet follows. */
  readonly isEnded: boolean;
}

export type Matcher = (survey: Looked, at: number, seams: Seams) => Match | null;

/** A text in which several detectors may ask for the same look at the same literal, one after the other. */
export interface Looked extends TextCodes {
  readonly mayMatch: (look: LookAhead, at: number) => boolean;
}

export function lookedAt({ text, codes }: TextCodes): Looked {
  let lastLook: LookAhead | null = null;
  let lastAt = -1;
  let answer = false;
  const mayMatch = (look: LookAhead, at: number): boolean => {
    if (look !== lastLook || at !== lastAt) answer = look(codes, at);
    lastLook = look;
    lastAt = at;
    return answer;
  };
  return { text, codes, mayMatch };
}

export function buildMatcher(detector: LiteralDetector): Matcher {
  const { format } = detector;
  if (format.kind === 'pattern') return needsContext(detector) ? matchInContext(format) : matchToken(format);
  return ({ text }, at) => {
    const span = format.find(text, at);
    return span === null ? null : { span, isEnded: true };
  };
}

/** The left edge is tested first: of a long word full of literals only the beginning is tried. */
function matchToken({
  pattern,
  mayMatch: look,
  lead = 0,
  alphabet,
  check,
  isProvable = false,
}: PatternFormat): Matcher {
  const sticky = withCasesSpelledOut(pattern);
  const isOfToken = characterTestOf(alphabet);
  return ({ text, mayMatch }, literalAt, seams) => {
    const at = literalAt - lead;
    if (at < 0) return null;
    const begins = beginsWord(text, at, isOfToken) || seams(at, at);
    if ((!begins && !isProvable) || (look !== undefined && !mayMatch(look, literalAt))) return null;
    sticky.lastIndex = at;
    const matched = sticky.exec(text)?.[0];
    const confidence = matched === undefined ? null : check(matched);
    if (matched === undefined || confidence === null) return null;
    const end = at + matched.length;
    const isProven = isProvable && confidence === 'high';
    if (!begins && !isProven) return null;
    return {
      span: { start: at, end, confidence },
      isEnded: isProven || endsWord(text, end, isOfToken) || seams(end, end),
    };
  };
}

/** Where the secret stands is told by its length: `d`, the flag for that, runs each expression a second time. */
function matchInContext({ pattern, mayMatch: look, alphabet, check }: PatternFormat): Matcher {
  const sticky = withCasesSpelledOut(pattern);
  const isOfToken = characterTestOf(alphabet);
  return ({ text, mayMatch }, at) => {
    if (look !== undefined && !mayMatch(look, at)) return null;
    sticky.lastIndex = at;
    const secret = sticky.exec(text)?.[1];
    if (secret === undefined) return null;
    const confidence = check(secret);
    if (confidence === null) return null;
    const end = sticky.lastIndex;
    return { span: { start: end - secret.length, end, confidence }, isEnded: endsWord(text, end, isOfToken) };
  };
}

/** Whether what it finds is a part of what it looks at. */
export function needsContext({ format }: LiteralDetector): boolean {
  return format.kind === 'pattern' && format.pattern.source.includes('(?<secret>');
}
