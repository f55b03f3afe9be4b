/** What policy gives a principal of sessions: which image, how big its container, filtered by which profiles. */
import type { BoundaryProfile } from '../model/finding.ts';
import type { Limits } from '../model/limits.ts';
import type { Principal } from '../model/principal.ts';
import type { EngineRuntime, SessionPolicy, Tool } from '../model/tool.ts';
import { boundariesOf } from './boundaries-of.ts';
import type { CompiledRule, Revision } from './revision.ts';
import { visibleTools } from './visibility.ts';

export interface SessionTerms {
  /** Null: the image has no sessions. */
  readonly policy: SessionPolicy | null;
  /** Tools that may be called in it, in order of their names; at least one. */
  readonly tools: readonly Tool[];
  /** No more than any of their calls may have, so that the container fits them all. */
  readonly size: Pick<Limits, 'memoryMiB' | 'cpus' | 'pids'>;
  /** Profiles of every rule that may apply to such a call: what leaves as a file passes all of them. */
  readonly boundary: readonly BoundaryProfile[];
}

/**
 * Null for an image that there is not, and for one that no tool of this principal runs in: the two are told apart by
 * nobody. Conditions of rules are left aside, as there are no arguments yet; each call in the session is decided anew.
 */
export function sessionTerms(revision: Revision, principal: Principal, image: string): SessionTerms | null {
  const running = visibleTools(revision, principal).filter(({ runtime }) => isIn(runtime, image));
  const engineRuntime = strongestOf(running);
  const tools = running.filter(({ runtime }) => isIn(runtime, image, engineRuntime));
  if (tools.length === 0) return null;
  const rules = tools.map((tool) => ({
    tool,
    rules: revision.index.get(tool.name)?.rules.matching(principal) ?? [],
  }));
  const least = (name: 'memoryMiB' | 'cpus' | 'pids'): number =>
    Math.min(...rules.flatMap(({ tool, rules: own }) => [tool.limits[name], ...own.flatMap(limitsOf(name))]));
  return {
    policy: revision.images.get(image)?.sessions ?? null,
    tools,
    size: { memoryMiB: least('memoryMiB'), cpus: least('cpus'), pids: least('pids') },
    boundary: boundariesOf(
      revision,
      rules.flatMap(({ rules: own }) => own),
    ),
  };
}

/** Names of images in which this principal may have sessions. */
export function sessionImages(revision: Revision, principal: Principal): readonly string[] {
  return [...revision.images.values()]
    .filter(
      ({ name, sessions }) => sessions !== undefined && sessionTerms(revision, principal, name) !== null,
    )
    .map(({ name }) => name);
}

function isIn(runtime: Tool['runtime'], image: string, engineRuntime?: EngineRuntime): boolean {
  if (runtime.kind !== 'container' || runtime.image !== image) return false;
  return engineRuntime === undefined || runtime.engineRuntime === engineRuntime;
}

/** Where tools of one image ask for different ones. */
function strongestOf(tools: readonly Tool[]): EngineRuntime {
  return tools.some(({ runtime }) => runtime.kind === 'container' && runtime.engineRuntime === 'runsc')
    ? 'runsc'
    : 'runc';
}

function limitsOf(name: keyof Limits): (rule: CompiledRule) => number[] {
  return ({ effect, limits }) => {
    const limit = effect === 'deny' ? undefined : limits[name];
    return limit === undefined ? [] : [limit];
  };
}
