/** One direction of one call on its way through the filter: what is done about hits, what was found, what is left to spend. */
import type { ActionOf } from './actions.ts';
import type { DecodeBudget } from './decoding/budget.ts';
import type { Findings } from './findings.ts';
import type { IsHarmless } from './harmless.ts';
import { nothingIsHarmless } from './harmless.ts';
import { boundaryLimits, LimitExceeded } from './limits.ts';
import type { Placeholder, Redacted } from './redaction.ts';
import { applyRedactions, distinct, inOrder, isRedacting } from './redaction.ts';
import type { Hit } from './scan-text.ts';
import type { Changed } from './scan-around.ts';
import { scanAround } from './scan-around.ts';
import { scanWhole } from './scan-text.ts';
import type { LiteralScanner } from './scan/literal-scanner.ts';

export interface FilterPass {
  readonly actionOf: ActionOf;
  /** Hits that are none. */
  readonly isHarmless: IsHarmless;
  readonly findings: Findings;
  readonly placeholder: Placeholder;
  readonly scanner: LiteralScanner;
  readonly budget: { unitsLeft: number };
  readonly decoding: DecodeBudget;
}

/** Where a hit stands: `place` is what findings are aggregated by. */
export interface Place {
  readonly place: () => string;
  readonly where: (offset: number) => string;
}

/** Throws `LimitExceeded` once the texts of this direction are larger together than `textUnitsMax`. */
export function spend(pass: FilterPass, units: number): void {
  pass.budget.unitsLeft -= units;
  if (pass.budget.unitsLeft < 0) throw new LimitExceeded('input-too-large');
}

/**
 * Filters again what a round changed, until nothing changes: the result is therefore the same when it comes through the
 * filter another time. Throws `LimitExceeded` when that takes more than `roundsMax` rounds.
 */
export function settle<T>(value: T, filterOnce: (value: T, round: number) => T): T {
  let current = value;
  for (let round = 1; round <= boundaryLimits.roundsMax; round++) {
    const next = filterOnce(current, round);
    if (next === current) return current;
    current = next;
  }
  throw new LimitExceeded('input-unsettled');
}

/** Filters one text that stands alone: a text artifact, a log line. */
export function filterText(text: string, place: Place, pass: FilterPass): string {
  return filterPart(text, [''], place, pass).at(-1) as string;
}

/**
 * Filters a part of a stream behind what stood `before` it, which is read and not filtered. Texts are given as they were at
 * the start of each round, the last of them as they stay: in what is filtered as a whole, both change together. Throws as
 * `settle` does.
 */
export function filterPart(
  text: string,
  before: readonly string[],
  { place, where }: Place,
  pass: FilterPass,
): readonly string[] {
  const beforeIn = (round: number) => (before[round - 1] ?? before.at(-1) ?? '').toWellFormed();
  const texts: string[] = [];
  let changed: Changed = { changes: [], hasDirectionMarks: false };
  const scanFirst = (text: string): readonly Hit[] => {
    const { hits, hasDirectionMarks } = scanWhole(text, pass.scanner, pass.decoding);
    changed = { changes: [], hasDirectionMarks };
    return hits;
  };
  const filterOnce = (text: string, round: number): string => {
    if (round > boundaryLimits.roundsMax) throw new LimitExceeded('input-unsettled');
    texts.push(text);
    const { length } = beforeIn(round);
    const read = beforeIn(round) + text;
    const hits = round === 1 ? scanFirst(read) : scanAround(read, changed, pass);
    const placed = { place, where: (offset: number) => where(offset - length) };
    const redacted = applyHits(read, hitsBehind(length, hits), placed, round, pass);
    const moved = beforeIn(round + 1).length - length;
    const changes = redacted.changes.map(({ start, end }) => ({ start: start + moved, end: end + moved }));
    changed = { ...changed, changes };
    return redacted.text.slice(length);
  };
  spend(pass, text.length);
  let current = text.toWellFormed();
  for (let round = 1; ; round++) {
    const next = filterOnce(current, round);
    // What stands before it may change still: what has not is read again with that.
    if (next === current && round >= before.length) return texts;
    current = next;
  }
}

/** Of hits that reach further back, what stands behind `start`. */
function hitsBehind(start: number, hits: readonly Hit[]): readonly Hit[] {
  if (start === 0) return hits;
  return hits.filter(({ end }) => end > start).map((hit) => (hit.start < start ? { ...hit, start } : hit));
}

/** Reports hits and replaces what is to be replaced. Later rounds report only what they change: the rest is known. */
export function applyHits(
  text: string,
  found: readonly Hit[],
  place: Place,
  round: number,
  pass: FilterPass,
): Redacted {
  if (found.length === 0) return { text, changes: [] };
  const hits = pass.isHarmless === nothingIsHarmless ? found : found.filter((hit) => !pass.isHarmless(hit));
  const ordered = inOrder(hits, pass.actionOf);
  const reported = distinct(ordered, pass.actionOf);
  report(
    round === 1 ? reported : reported.filter((hit) => isRedacting(pass.actionOf(hit.detector))),
    place,
    pass,
  );
  return applyRedactions(text, ordered, pass.actionOf, pass.placeholder);
}

/** Hits of one kind are counted first, so that a text full of them costs no more than its scan. */
export function report(
  hits: readonly Hit[],
  { place, where }: Place,
  { actionOf, findings }: FilterPass,
): void {
  const groups = new Map<string, { readonly first: Hit; count: number }>();
  let last: { readonly first: Hit; count: number } | undefined;
  for (const hit of hits) {
    const { detector, confidence, via, isContinuation = false } = hit;
    if (isContinuation) continue;
    if (
      last?.first.detector === detector &&
      last.first.confidence === confidence &&
      via.length + last.first.via.length === 0
    ) {
      last.count++;
      continue;
    }
    const kind = via.length === 0 ? detector + confidence : `${detector}${confidence} ${via.join(' ')}`;
    const group = groups.get(kind);
    if (group !== undefined) group.count++;
    else groups.set(kind, { first: hit, count: 1 });
    last = group ?? groups.get(kind);
  }
  for (const { first, count } of groups.values()) {
    const { detector, confidence, via, start } = first;
    findings.add({
      detector,
      action: actionOf(detector),
      confidence,
      count,
      via,
      place,
      where: () => where(start),
    });
  }
}
