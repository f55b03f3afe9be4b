/** One direction of one call on its way through the filter: what is done about hits, what was found, what is left to spend. */
import type { ActionOf } from './actions.ts';
import type { Findings } from './findings.ts';
import { boundaryLimits, LimitExceeded } from './limits.ts';
import type { JudgedHit, Placeholder } from './redaction.ts';
import { applyRedactions, distinct, isRedacting, judge } from './redaction.ts';
import type { Hit } from './scan-text.ts';
import { scanText } from './scan-text.ts';
import type { SecretScanner } from './secret-scanner.ts';

export interface FilterPass {
  readonly actionOf: ActionOf;
  readonly findings: Findings;
  readonly placeholder: Placeholder;
  readonly scanner: SecretScanner;
  readonly budget: { unitsLeft: number };
}

/** Where a hit stands: `place` is what findings are aggregated by. */
export interface Place {
  readonly place: string;
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

/** Filters one text that stands alone: a stream, a text artifact, a log line. */
export function filterText(text: string, place: Place, pass: FilterPass): string {
  return settle(text.toWellFormed(), (text, round) => {
    if (round === 1) spend(pass, text.length);
    return applyHits(text, scanText(text, pass.scanner), place, round, pass);
  });
}

/** Reports hits and replaces what is to be replaced. Later rounds report only what they change: the rest is known. */
export function applyHits(
  text: string,
  hits: readonly Hit[],
  place: Place,
  round: number,
  pass: FilterPass,
): string {
  if (hits.length === 0) return text;
  const judged = judge(hits, pass.actionOf);
  for (const hit of distinct(judged)) {
    if (round === 1 || isRedacting(hit.action)) report(hit, place, pass);
  }
  return applyRedactions(text, judged, pass.placeholder);
}

function report(hit: JudgedHit, { place, where }: Place, { findings }: FilterPass): void {
  const { detector, action, confidence, via, isContinuation } = hit;
  if (isContinuation !== true)
    findings.add({ detector, action, confidence, via, place, where: where(hit.start) });
}
