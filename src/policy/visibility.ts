import type { Principal } from '../model/principal.ts';
import type { Tool } from '../model/tool.ts';
import { nearestName } from './did-you-mean.ts';
import type { Revision } from './revision.ts';

/**
 * Whether a principal may know of a tool: a rule that may grant (`allow`, `require_approval`) means both, its
 * condition left aside. An invisible tool must
 * answer like one that does not exist.
 */
export function isVisible(revision: Revision, principal: Principal, name: string): boolean {
  return (
    revision.index
      .get(name)
      ?.rules.matching(principal)
      .some(({ effect }) => effect === 'allow' || effect === 'require_approval') ?? false
  );
}

/** The tools that a principal may know of, in order of their names. */
export function visibleTools(revision: Revision, principal: Principal): readonly Tool[] {
  return [...revision.tools.values()].filter(({ name }) => isVisible(revision, principal, name));
}

/** The visible tool that `name` was probably meant to be, or null. Invisible ones are never named. */
export function didYouMean(revision: Revision, principal: Principal, name: string): string | null {
  return nearestName(
    name,
    visibleTools(revision, principal).map((tool) => tool.name),
  );
}
