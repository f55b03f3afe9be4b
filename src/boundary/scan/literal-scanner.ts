/**
 * One pass of the literal automaton, then each detector's format at its literals.
 * Work is linear: a format's reach is bounded, and a format that reads far starts only at the edge of a word.
 */
import type { Confidence, LiteralDetector, Span } from '../detector.ts';
import type { UnfinishedPattern } from '../stream/unfinished-pattern.ts';
import { unfinished } from '../stream/unfinished-pattern.ts';
import { buildLiteralAutomaton } from './literal-automaton.ts';
import type { Matcher } from './matcher.ts';
import { buildMatcher, lookedAt, needsContext } from './matcher.ts';
import type { Seams } from './seams.ts';
import { noSeams } from './seams.ts';
import type { TextCodes } from './text-codes.ts';
import { buildAlphabet, casesOf, encodeText } from './text-codes.ts';

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

/** What one pass over a text found: where literals stand, and what may have to be made visible. */
export interface Survey extends TextCodes {
  /** Pairs: index of the entry, and where its literal starts. In the order in which the literals end. */
  readonly occurrences: readonly number[];
  /** Where something may stand that a reader does not see. */
  readonly hidden: readonly number[];
}

export interface LiteralScanner {
  survey(text: string): Survey;
  /** A token may begin and end at a seam, whatever stands beside it. */
  scan(survey: Survey, seams: Seams): LiteralHit[];
  /** The same for the detectors of secrets only. */
  scanSecrets(survey: Survey, seams: Seams): LiteralHit[];
  /** The same for the detectors that need context only, for texts of the form `key: value`. */
  scanInContext(survey: Survey): LiteralHit[];
  /** Whether a key or neighbouring string can be the context of a secret. */
  isContext(text: string): boolean;
  /** What begins in a line and is not over with it, as far as the text says. */
  candidates(survey: Survey): Candidate[];
}

/** Something that may turn out to be a hit once more lines are there. */
export interface Candidate {
  /** Where it begins, in the text that was surveyed. */
  readonly start: number;
  /** Whether it is still undecided, read in a text where it begins at `start`. Once false, it stays so with more text. */
  readonly isOpen: (text: string, start: number) => boolean;
}

export function buildLiteralScanner(detectors: readonly LiteralDetector[]): LiteralScanner {
  const rules = detectors.map((detector, index) => buildRule(detector, index));
  const entries = rules.flatMap((rule) =>
    withoutLonger(rule.detector.literals).map((literal) => buildEntry(literal, rule)),
  );
  const literals = entries.map(({ literal }) => literal);
  const alphabet = buildAlphabet(literals);
  const automaton = buildLiteralAutomaton(literals, alphabet);

  const survey = (text: string): Survey => {
    const encoded = encodeText(text, alphabet);
    const occurrences: number[] = [];
    const hidden = automaton.scan(encoded.codes, (entry, start) => {
      if (stands(entries[entry] as Entry, encoded, start)) occurrences.push(entry, start);
    });
    return { ...encoded, occurrences, hidden };
  };
  return {
    survey,
    scan: (survey, seams) => match(survey, seams, entries, everyRule),
    scanSecrets: (survey, seams) => match(survey, seams, entries, ({ isSecret }) => isSecret),
    scanInContext: (survey) => match(survey, noSeams, entries, ({ isContextual }) => isContextual),
    isContext(text) {
      let isFound = false;
      automaton.scan(encodeText(text, alphabet).codes, (entry) => {
        isFound ||= (entries[entry] as Entry).rule.isContextual;
      });
      return isFound;
    },
    candidates: ({ occurrences, text }) => findCandidates(occurrences, text, entries),
  };
}

/** A rule is tried at a place once: what begins with another of its literals need not be looked for. */
function withoutLonger(literals: readonly string[]): readonly string[] {
  return literals.filter(
    (literal) => !literals.some((other) => other.length < literal.length && literal.startsWith(other)),
  );
}

function findCandidates(
  occurrences: readonly number[],
  text: string,
  entries: readonly Entry[],
): Candidate[] {
  const found: Candidate[] = [];
  for (let at = 0; at < occurrences.length; at += 2) {
    const { rule } = entries[occurrences[at] as number] as Entry;
    const start = (occurrences[at + 1] as number) - rule.lead;
    if (start < 0) continue;
    const isOpen = rule.isOpen();
    if (isOpen?.(text, start) === true) found.push({ start, isOpen });
  }
  return found;
}

/** null: what the rule finds never reaches past the end of a line. */
function buildIsOpen({ format }: LiteralDetector): Candidate['isOpen'] | null {
  if (format.kind === 'span') return format.isOpen ?? null;
  const { pattern, crossesLines }: UnfinishedPattern = unfinished(format.pattern);
  if (!crossesLines) return null;
  return (text, start) => {
    pattern.lastIndex = start;
    return pattern.test(text);
  };
}

/** A detector, ready for use. */
interface Rule {
  readonly detector: LiteralDetector;
  /** Precedence: the lower goes first. */
  readonly index: number;
  readonly matcher: Matcher;
  readonly isSecret: boolean;
  /** What it finds is a part of what it looks at: the rest may stand in a key or a neighbouring string. */
  readonly isContextual: boolean;
  /** Characters that may stand before the literal. */
  readonly lead: number;
  /** Made when it is first asked for: most processes filter no stream. */
  readonly isOpen: () => Candidate['isOpen'] | null;
}

const everyRule = () => true;

function buildRule(detector: LiteralDetector, index: number): Rule {
  const isSecret = detector.family === 'secrets';
  let isOpen: Candidate['isOpen'] | null | undefined;
  return {
    lead: detector.format.kind === 'pattern' ? (detector.format.lead ?? 0) : 0,
    isOpen: () => (isOpen === undefined ? (isOpen = buildIsOpen(detector)) : isOpen),
    detector,
    index,
    matcher: buildMatcher(detector),
    isSecret,
    isContextual: isSecret && needsContext(detector),
  };
}

interface Entry {
  readonly literal: string;
  readonly rule: Rule;
  /** The literal where it must stand as it is written, and is ASCII; a code of it is its character then. */
  readonly exact: Uint8Array | null;
  /** By character of the literal, the units that stand for it in some case, where that must be looked at. */
  readonly cases: readonly (readonly number[])[] | null;
}

function buildEntry(literal: string, rule: Rule): Entry {
  const isAscii = !/[^\u0000-\u007f]/.test(literal);
  if (ignoresCase(rule.detector))
    return { literal, rule, exact: null, cases: isAscii ? null : unitsOf(literal, casesOf) };
  if (!isAscii) return { literal, rule, exact: null, cases: unitsOf(literal, (letter) => [letter]) };
  return { literal, rule, exact: Uint8Array.from(Buffer.from(literal)), cases: null };
}

/** Whether the literal really stands there: the automaton does not tell cases apart, nor everything beyond ASCII. */
function stands({ exact, cases }: Entry, { text, codes }: TextCodes, start: number): boolean {
  if (exact !== null) {
    for (let at = 0; at < exact.length; at++) if (codes[start + at] !== exact[at]) return false;
    return true;
  }
  if (cases === null) return true;
  for (let at = 0; at < cases.length; at++)
    if (cases[at]?.includes(text.charCodeAt(start + at)) !== true) return false;
  return true;
}

function unitsOf(literal: string, formsOf: (letter: string) => readonly string[]): number[][] {
  return Array.from({ length: literal.length }, (_, at) =>
    formsOf(literal.charAt(at)).map((form) => form.charCodeAt(0)),
  );
}

/** Whether the format also knows its literals in another case. */
function ignoresCase({ format }: LiteralDetector): boolean {
  return format.kind === 'pattern' && (format.pattern.ignoreCase || format.pattern.source.includes('(?i:'));
}

/** The chosen rules at their literals, in order of precedence. */
function match(
  survey: Survey,
  seams: Seams,
  entries: readonly Entry[],
  isChosen: (rule: Rule) => boolean,
): LiteralHit[] {
  const { text, occurrences } = survey;
  if (occurrences.length === 0) return [];
  const looked = lookedAt(survey);
  const found: RuleHit[] = [];
  /** Matches that something of their alphabet follows, by their end. */
  const unended = new Map<number, RuleHit[]>();
  /** By rule, where its last hit ended: nothing of the same kind starts inside it. */
  const doneUntil: number[] = [];
  for (let at = 0; at < occurrences.length; at += 2) {
    const { rule } = entries[occurrences[at] as number] as Entry;
    const start = occurrences[at + 1] as number;
    if (!isChosen(rule) || start < (doneUntil[rule.index] ?? 0)) continue;
    const matched = rule.matcher(looked, start, seams);
    if (matched === null) continue;
    const hit = { rule, hit: toHit(rule.detector, matched.span, text) };
    if (matched.isEnded) {
      doneUntil[rule.index] = hit.hit.end;
      found.push(hit);
    } else pushTo(unended, hit.hit.end, hit);
  }
  if (unended.size > 0) addEndedByHits(found, unended);
  if (found.length > 1) found.sort((one, other) => one.rule.index - other.rule.index);
  return found.map(({ hit }) => hit);
}

interface RuleHit {
  readonly rule: Rule;
  readonly hit: LiteralHit;
}

function pushTo<K, V>(lists: Map<K, V[]>, key: K, value: V): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}

/** A token is whole when what follows it is a hit itself: once that is taken out, a placeholder stands there. */
function addEndedByHits(hits: RuleHit[], unended: ReadonlyMap<number, readonly RuleHit[]>): void {
  const starts = new Set(hits.map(({ hit }) => hit.start));
  for (const start of starts) {
    for (const ended of unended.get(start) ?? []) {
      hits.push(ended);
      starts.add(ended.hit.start);
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
