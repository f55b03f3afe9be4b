import type { BoundaryProfile } from '../model/finding.ts';
import { DEFAULT_BOUNDARY } from './revision.ts';
import type { CompiledRule, Revision } from './revision.ts';

/** Profiles of every rule that may give a call, conditions left aside: what has no call of its own passes all of them. */
export function boundariesOf(revision: Revision, rules: readonly CompiledRule[]): readonly BoundaryProfile[] {
  const names = new Set(rules.filter(({ effect }) => effect !== 'deny').map(({ boundary }) => boundary));
  // A call that matches none but such a rule is filtered by the default.
  if (names.delete(null) || names.size === 0) names.add(DEFAULT_BOUNDARY);
  return [...names].map((name) => {
    const profile = revision.boundaries.get(name ?? DEFAULT_BOUNDARY);
    if (profile === undefined) throw new TypeError(`revision ${revision.id} has no boundary profile ${name}`);
    return profile;
  });
}
