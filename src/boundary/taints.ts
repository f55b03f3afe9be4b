/** What findings leave the caller with: who met orders to a model, or text that carries data away, is no longer clean. */
import type { BoundaryProfile, Finding } from '../model/finding.ts';
import { filterTaint } from '../model/taint.ts';
import type { Family } from './detector.ts';
import { detectors, everyDetector } from './detectors.ts';

const defaults: Readonly<Partial<Record<Family, readonly string[]>>> = {
  injection: [filterTaint],
  exfiltration: [filterTaint],
};

const ownTaints = new Map(detectors.map(({ id, family }) => [id, defaults[family] ?? []]));

/** Of several profiles all taints count. In order of name. */
export function taintsOf(
  findings: readonly Pick<Finding, 'detector'>[],
  profiles: readonly BoundaryProfile[],
): readonly string[] {
  const names = findings.flatMap(({ detector }) =>
    profiles.flatMap(({ taints }) => {
      const stated = [detector, everyDetector].find((name) => Object.hasOwn(taints, name));
      return (stated === undefined ? ownTaints.get(detector) : taints[stated]) ?? [];
    }),
  );
  return [...new Set(names)].toSorted();
}
