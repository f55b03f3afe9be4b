/**
 * Detectors that ops add in policy files. Trusted: whoever writes those; their patterns are matched in linear time (RE2)
 * all the same, for the text is hostile. A pattern is tried around its keywords only, within one line.
 */
import { RE2JS } from 're2js';
import type { CustomDetector } from '../model/finding.ts';
import type { LiteralDetector, Span } from './detector.ts';
import { secretDefaults } from './detector.ts';
import { boundaryLimits, LimitExceeded } from './limits.ts';

/** How far a match may reach before and after a keyword, UTF-16 units. */
const beforeUnitsMax = 256;
const afterUnitsMax = 1024;
const { searchedUnitsPerUnit, searchedUnitsFloor } = boundaryLimits;

/** Throws `TypeError` naming the detector when its pattern does not compile or an example does not hold. */
export function buildCustomDetector(custom: CustomDetector): LiteralDetector {
  const find = buildFinder(custom);
  const detector: LiteralDetector = {
    ...secretDefaults,
    id: custom.id,
    title: custom.title,
    source: 'the policy files of this deployment',
    literals: custom.keywords,
    format: { kind: 'span', find },
    examples: custom.examples,
  };
  const isFound = (text: string) => occurrences(text, custom.keywords).some((at) => find(text, at) !== null);
  const wrong = [
    ...custom.examples.hit.filter((text) => !isFound(text)),
    ...custom.examples.miss.filter((text) => isFound(text)),
  ];
  if (wrong.length > 0)
    throw new TypeError(`detector ${custom.id}: ${wrong.length} of its examples do not hold`);
  return detector;
}

/**
 * The matches of a text are worked out once, when the first of its keywords is asked about: many keywords in one line
 * would otherwise have it read as often. They are forgotten with the last.
 */
function buildFinder({ id, keywords, pattern }: CustomDetector): (text: string, at: number) => Span | null {
  const compiled = compile(id, pattern);
  const isGrouped = 'secret' in compiled.namedGroups();
  let known: { readonly text: string; readonly last: number; readonly matches: readonly Match[] } | null =
    null;
  return (text, at) => {
    if (known?.text !== text) {
      const places = occurrences(text, keywords);
      const matches = matchesAround(text, places, compiled, isGrouped);
      known = { text, last: lastAsked(places, matches), matches };
    }
    const { matches, last } = known;
    if (at >= last) known = null;
    const match = matchAt(matches, at);
    return match === null ? null : { start: match.from, end: match.to, confidence: 'high' };
  };
}

/** The scanner asks about no keyword inside of what was found already. */
function lastAsked(places: readonly number[], matches: readonly Match[]): number {
  let doneUntil = 0;
  let last = 0;
  for (const at of places) {
    if (at < doneUntil) continue;
    last = at;
    doneUntil = matchAt(matches, at)?.to ?? doneUntil;
  }
  return last;
}

/** The match that covers a place; they are in order and apart. */
function matchAt(matches: readonly Match[], at: number): Match | null {
  let low = 0;
  let high = matches.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((matches[middle] as Match).end <= at) low = middle + 1;
    else high = middle;
  }
  const match = matches[low];
  return match !== undefined && match.start <= at ? match : null;
}

interface Match {
  readonly start: number;
  readonly end: number;
  /** The part that is the secret. */
  readonly from: number;
  readonly to: number;
}

function compile(id: string, pattern: string): RE2JS {
  try {
    return RE2JS.compile(RE2JS.translateRegExp(pattern));
  } catch (error) {
    throw new TypeError(`detector ${id}: its pattern does not match in linear time`, { cause: error });
  }
}

/** Where keywords stand, in order. */
function occurrences(text: string, keywords: readonly string[]): readonly number[] {
  const places: number[] = [];
  for (const keyword of keywords)
    for (let at = text.indexOf(keyword); at !== -1; at = text.indexOf(keyword, at + 1)) places.push(at);
  return places.toSorted((one, other) => one - other);
}

/** No match is longer: from as far before a keyword to as far after it as one may reach. */
const matchUnitsMax = beforeUnitsMax + afterUnitsMax;
/** A search reads so far at most. Matches that begin in the second half are searched for again from there. */
const searchUnitsMax = 2 * matchUnitsMax;

function matchesAround(
  text: string,
  places: readonly number[],
  pattern: RE2JS,
  isGrouped: boolean,
): readonly Match[] {
  const matches: Match[] = [];
  let unitsLeft = searchedUnitsFloor + text.length * searchedUnitsPerUnit;
  for (const { from, to } of windowsAround(text, places)) {
    for (let at = from; at < to;) {
      const end = Math.min(to, at + searchUnitsMax);
      unitsLeft -= end - at;
      if (unitsLeft < 0) throw new LimitExceeded('input-too-costly');
      // What stands before is seen by assertions of the pattern, and in no match.
      const before = Math.max(from, at - 1);
      const matcher = pattern.matcher(text.slice(before, end));
      const isFound = matcher.find(at - before);
      const start = isFound ? before + matcher.start() : end;
      if (end < to && start >= at + matchUnitsMax) {
        at += matchUnitsMax;
        continue;
      }
      if (!isFound) break;
      const match = toMatch(matcher, before, isGrouped);
      if (match.to > match.from) matches.push(match);
      at = Math.max(match.end, at + 1);
    }
  }
  return matches;
}

function toMatch(matcher: ReturnType<RE2JS['matcher']>, offset: number, isGrouped: boolean): Match {
  const [start, end] = [offset + matcher.start(), offset + matcher.end()];
  const secret = isGrouped ? matcher.start('secret') : -1;
  return secret === -1
    ? { start, end, from: start, to: end }
    : { start, end, from: offset + secret, to: offset + matcher.end('secret') };
}

/** Those that touch are one, so that no character is read twice. */
function windowsAround(text: string, places: readonly number[]) {
  const windows: { from: number; to: number }[] = [];
  for (const at of places) {
    const first = Math.max(0, at - beforeUnitsMax);
    const from = first + text.slice(first, at).lastIndexOf('\n') + 1;
    const after = text.slice(at, at + afterUnitsMax);
    const lineEnd = after.indexOf('\n');
    const to = at + (lineEnd === -1 ? after.length : lineEnd);
    const last = windows.at(-1);
    if (last !== undefined && from <= last.to) last.to = Math.max(last.to, to);
    else windows.push({ from, to });
  }
  return windows;
}
