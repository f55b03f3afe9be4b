/**
 * One pass of the literal automaton, then each detector's format at its literals.
 * Work is linear: a format's reach is bounded, and a format that reads far starts only at the edge of a word.
 */
import type { Confidence, LiteralDetector, PatternFormat, Span } from './detector.ts';
import { buildLiteralAutomaton } from './literal-automaton.ts';

/** What a literal detector found in a text. `secret` stays inside the filter: it only makes the placeholder's suffix. */
export interface LiteralHit {
  readonly detector: string;
  readonly start: number;
  readonly end: number;
  readonly confidence: Confidence;
  readonly label: string;
  readonly secret: string;
  readonly via: readonly string[];
}

export interface LiteralScanner {
  /** A token may begin and end at a seam, whatever stands beside it. */
  scan(text: string, seams: Seams): LiteralHit[];
  /** The same for the detectors of secrets only. */
  scanSecrets(text: string, seams: Seams): LiteralHit[];
  /** The same for the detectors that need context only, for texts of the form `key: value`. */
  scanInContext(text: string): LiteralHit[];
  /** Whether a key or neighbouring string can be the context of a secret. */
  isContext(text: string): boolean;
}

/** Whether a text was glued together somewhere in `from..to`, both included; `from` alone is the place before that character. */
export type Seams = (from: number, to: number) => boolean;

export const noSeams: Seams = () => false;

export function buildLiteralScanner(detectors: readonly LiteralDetector[]): LiteralScanner {
  const scan = buildPass(detectors);
  const secrets = detectors.filter(({ family }) => family === 'secrets');
  const contextual = secrets.filter((detector) => needsContext(detector));
  const scanInContext = buildPass(contextual);
  const context = buildLiteralAutomaton(contextual.flatMap((detector) => detector.literals));
  return {
    scan,
    scanSecrets: buildPass(secrets),
    scanInContext: (text) => scanInContext(text, noSeams),
    isContext: (text) => context.test(text),
  };
}

function needsContext({ format }: LiteralDetector): boolean {
  return format.kind === 'pattern' && format.pattern.source.includes('(?<secret>');
}

/** Whether the format also knows its literals in another case. */
function ignoresCase({ format }: LiteralDetector): boolean {
  return format.kind === 'pattern' && (format.pattern.ignoreCase || format.pattern.source.includes('(?i:'));
}

interface Entry {
  readonly literal: string;
  /** Of its detector. */
  readonly index: number;
  readonly anyCase: boolean;
}

function buildPass(detectors: readonly LiteralDetector[]) {
  const entries: readonly Entry[] = detectors.flatMap((detector, index) =>
    detector.literals.map((literal) => ({ literal, index, anyCase: ignoresCase(detector) })),
  );
  const automaton = buildLiteralAutomaton(entries.map((entry) => entry.literal));
  const matchers = detectors.map((detector) => buildMatcher(detector));
  const places = new Map(detectors.map(({ id }, index) => [id, index]));
  const precedence = ({ detector }: LiteralHit) => places.get(detector) ?? 0;

  return (text: string, seams: Seams): LiteralHit[] => {
    const hits: LiteralHit[] = [];
    /** Matches that something of their alphabet follows, by their end. */
    const unended = new Map<number, LiteralHit[]>();
    /** By detector, where its last hit ended: nothing of the same kind starts inside it. */
    const doneUntil: number[] = [];
    automaton.scan(text, (entry, at) => {
      const { literal, index, anyCase } = entries[entry] as Entry;
      if (!anyCase && !text.startsWith(literal, at)) return;
      const detector = detectors[index];
      if (detector === undefined || at < (doneUntil[index] ?? 0)) return;
      const match = matchers[index]?.(text, at, seams) ?? null;
      if (match === null) return;
      const hit = toHit(detector, match.span, text);
      if (match.isEnded) {
        doneUntil[index] = hit.end;
        hits.push(hit);
      } else pushTo(unended, hit.end, hit);
    });
    if (unended.size > 0) addEndedByHits(hits, unended);
    return hits.length > 1 ? hits.sort((one, other) => precedence(one) - precedence(other)) : hits;
  };
}

function pushTo<K, V>(lists: Map<K, V[]>, key: K, value: V): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}

/** A token is whole when what follows it is a hit itself: once that is taken out, a placeholder stands there. */
function addEndedByHits(hits: LiteralHit[], unended: ReadonlyMap<number, readonly LiteralHit[]>): void {
  const starts = new Set(hits.map((hit) => hit.start));
  for (const start of starts) {
    for (const hit of unended.get(start) ?? []) {
      hits.push(hit);
      starts.add(hit.start);
    }
  }
}

function toHit(detector: LiteralDetector, span: Span, text: string): LiteralHit {
  return {
    detector: detector.id,
    start: span.start,
    end: span.end,
    confidence: span.confidence,
    label: span.label ?? detector.id,
    secret: span.secret ?? text.slice(span.start, span.end),
    via: span.via ?? [],
  };
}

interface Match {
  readonly span: Span;
  /** Nothing of the token's alphabet follows. */
  readonly isEnded: boolean;
}

type Matcher = (text: string, at: number, seams: Seams) => Match | null;

function buildMatcher(detector: LiteralDetector): Matcher {
  const { format } = detector;
  if (format.kind === 'pattern') return needsContext(detector) ? matchInContext(format) : matchToken(format);
  return (text, at) => {
    const span = format.find(text, at);
    return span === null ? null : { span, isEnded: true };
  };
}

/** The left edge is tested first: of a long word full of literals only the beginning is tried. */
function matchToken({ pattern, lead = 0, alphabet, check, isProvable = false }: PatternFormat): Matcher {
  const sticky = new RegExp(pattern);
  return (text, literalAt, seams) => {
    const at = literalAt - lead;
    if (at < 0) return null;
    const begins = beginsWord(text, at, alphabet) || seams(at, at);
    if (!begins && !isProvable) return null;
    sticky.lastIndex = at;
    const matched = sticky.exec(text)?.[0];
    const confidence = matched === undefined ? null : check(matched);
    if (matched === undefined || confidence === null) return null;
    const end = at + matched.length;
    const isProven = isProvable && confidence === 'high';
    if (!begins && !isProven) return null;
    return {
      span: { start: at, end, confidence },
      isEnded: isProven || endsWord(text, end, alphabet) || seams(end, end),
    };
  };
}

function matchInContext({ pattern, alphabet, check }: PatternFormat): Matcher {
  const sticky = new RegExp(pattern, `${pattern.flags}d`);
  return (text, at) => {
    sticky.lastIndex = at;
    const match = sticky.exec(text);
    const [start, end] = match?.indices?.groups?.['secret'] ?? [];
    if (start === undefined || end === undefined) return null;
    const confidence = check(text.slice(start, end));
    if (confidence === null) return null;
    return { span: { start, end, confidence }, isEnded: endsWord(text, end, alphabet) };
  };
}

/** An escape sequence (`\n`, `\x0a`, `\u000a`, `%20`) is no part of the word that follows it. */
function beginsWord(text: string, at: number, alphabet: RegExp): boolean {
  if (at === 0 || !alphabet.test(text.charAt(at - 1))) return true;
  return /(?:\\[abfnrtv0]|%[0-9A-Fa-f]{2}|\\x[0-9A-Fa-f]{2}|\\u[0-9A-Fa-f]{4})$/.test(
    text.slice(Math.max(0, at - 6), at),
  );
}

function endsWord(text: string, end: number, alphabet: RegExp): boolean {
  return end === text.length || !alphabet.test(text.charAt(end));
}
