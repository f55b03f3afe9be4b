import type { Action, BoundaryReport, Finding, Verdict } from '../model/finding.ts';
import { actions } from '../model/finding.ts';
import { boundaryLimits } from './limits.ts';

interface Found {
  readonly detector: string;
  readonly action: Action;
  readonly confidence: Finding['confidence'];
  readonly count: number;
  readonly via: readonly string[];
  /** Hits in the same place are one finding: a JSON pointer or the name of a stream. */
  readonly place: () => string;
  /** Names the place of the first hit; asked once for each finding. */
  readonly where: () => string;
}

export interface Findings {
  add(found: Found): void;
  report(scanned: readonly string[]): BoundaryReport;
}

const verdicts = {
  allow: 'clean',
  flag: 'flagged',
  wrap: 'wrapped',
  redact: 'redacted',
  block: 'blocked',
} as const satisfies Record<Action, Verdict>;

/** The stronger of two actions. */
export function strongest(one: Action, other: Action): Action {
  return actions.indexOf(one) >= actions.indexOf(other) ? one : other;
}

/** Collects findings of one direction: aggregated by detector and place, bounded in number, no count lost. */
export function collectFindings(): Findings {
  const byKey = new Map<string, Finding>();
  let strongestAction: Action = 'allow';

  return {
    add(found) {
      strongestAction = strongest(strongestAction, found.action);
      const key = keyOf(found, found.place());
      const isNew = !byKey.has(key);
      if (isNew && byKey.size >= boundaryLimits.findingsMax) merge(byKey, keyOf(found, ''), found, () => '');
      else merge(byKey, key, found, found.where);
    },
    report: (scanned) => ({ verdict: verdicts[strongestAction], findings: [...byKey.values()], scanned }),
  };
}

function keyOf({ detector, action, via }: Found, place: string): string {
  return `${detector} ${action} ${via.join('>')} ${place}`;
}

function merge(byKey: Map<string, Finding>, key: string, found: Found, where: () => string): void {
  const { detector, action, via, confidence } = found;
  const earlier = byKey.get(key);
  byKey.set(key, {
    detector,
    action,
    where: earlier?.where ?? where(),
    count: (earlier?.count ?? 0) + found.count,
    confidence: earlier === undefined ? confidence : higher(earlier.confidence, confidence),
    via,
  });
}

function higher(one: Finding['confidence'], other: Finding['confidence']): Finding['confidence'] {
  const order = ['low', 'medium', 'high'] as const;
  return order.indexOf(one) >= order.indexOf(other) ? one : other;
}
