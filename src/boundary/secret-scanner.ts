/**
 * The secrets stage: one pass of the literal automaton, then each detector's format at its literals.
 * Work is linear: a format's reach is bounded, and a format that reads far starts only at the edge of a word.
 */
import type { Confidence, PatternFormat, SecretDetector, SecretSpan } from './detector.ts';
import { buildLiteralAutomaton } from './literal-automaton.ts';

/** A secret in a text. `secret` stays inside the filter: it only makes the placeholder's suffix. */
export interface SecretHit {
  readonly detector: string;
  readonly start: number;
  readonly end: number;
  readonly confidence: Confidence;
  readonly label: string;
  readonly secret: string;
  readonly via: readonly string[];
}

export interface SecretScanner {
  /** `seams` are offsets at which the text was glued together: a token may begin and end there. */
  scan(text: string, seams?: ReadonlySet<number>): SecretHit[];
  /** The same for the detectors that need context only, for texts of the form `key: value`. */
  scanInContext(text: string): SecretHit[];
  /** Whether a key or neighbouring string can be the context of a secret. */
  isContext(text: string): boolean;
}

const noSeams: ReadonlySet<number> = new Set();

export function buildSecretScanner(detectors: readonly SecretDetector[]): SecretScanner {
  const scan = buildPass(detectors);
  const contextual = detectors.filter((detector) => needsContext(detector));
  const scanInContext = buildPass(contextual);
  const context = buildLiteralAutomaton(contextual.flatMap((detector) => detector.literals));
  return {
    scan: (text, seams = noSeams) => scan(text, seams),
    scanInContext: (text) => scanInContext(text, noSeams),
    isContext: (text) => context.test(text),
  };
}

function needsContext({ format }: SecretDetector): boolean {
  return format.kind === 'pattern' && format.pattern.source.includes('(?<secret>');
}

function buildPass(detectors: readonly SecretDetector[]) {
  const entries = detectors.flatMap((detector, index) =>
    detector.literals.map((literal) => ({ literal, index })),
  );
  const automaton = buildLiteralAutomaton(entries.map((entry) => entry.literal));
  const matchers = detectors.map((detector) => buildMatcher(detector));

  return (text: string, seams: ReadonlySet<number>): SecretHit[] => {
    const hits: SecretHit[] = [];
    const doneUntil = new Int32Array(detectors.length);
    automaton.scan(text, (entry, at) => {
      const index = entries[entry]?.index ?? 0;
      const detector = detectors[index];
      if (detector === undefined || at < (doneUntil[index] ?? 0)) return;
      const span = matchers[index]?.(text, at, seams) ?? null;
      if (span === null) return;
      doneUntil[index] = span.end;
      hits.push({
        detector: detector.id,
        start: span.start,
        end: span.end,
        confidence: span.confidence,
        label: span.label ?? detector.id,
        secret: span.secret ?? text.slice(span.start, span.end),
        via: span.via ?? [],
      });
    });
    return hits;
  };
}

type Matcher = (text: string, at: number, seams: ReadonlySet<number>) => SecretSpan | null;

function buildMatcher(detector: SecretDetector): Matcher {
  const { format } = detector;
  if (format.kind === 'span') return format.find;
  return needsContext(detector) ? matchInContext(format) : matchToken(format);
}

/** The left edge is tested first: of a long word full of literals only the beginning is tried. */
function matchToken({ pattern, alphabet, check }: PatternFormat): Matcher {
  const sticky = new RegExp(pattern);
  return (text, at, seams) => {
    if (!beginsWord(text, at, alphabet) && !seams.has(at)) return null;
    sticky.lastIndex = at;
    const matched = sticky.exec(text)?.[0];
    if (matched === undefined) return null;
    const end = at + matched.length;
    if (!endsWord(text, end, alphabet) && !seams.has(end)) return null;
    const confidence = check(matched);
    return confidence === null ? null : { start: at, end, confidence };
  };
}

function matchInContext({ pattern, alphabet, check }: PatternFormat): Matcher {
  const sticky = new RegExp(pattern, `${pattern.flags}d`);
  return (text, at) => {
    sticky.lastIndex = at;
    const match = sticky.exec(text);
    const [start, end] = match?.indices?.groups?.['secret'] ?? [];
    if (start === undefined || end === undefined || !endsWord(text, end, alphabet)) return null;
    const confidence = check(text.slice(start, end));
    return confidence === null ? null : { start, end, confidence };
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
