import type { Limits } from '../model/limits.ts';
import type { CompiledRule } from './revision.ts';
import { limitNames } from './tool-limits.ts';

/** For a tool that does not exist. */
export const NO_LIMITS: Limits = Object.freeze({
  timeoutMs: 0,
  memoryMiB: 0,
  cpus: 0,
  pids: 0,
  outputBytes: 0,
  logBytes: 0,
  artifactBytes: 0,
  hostCalls: 0,
});

/**
 * What a call may use under the rules that matched it. In each dimension the most generous `allow` counts, where one
 * that is silent gives the tool's own; without an `allow`, the rules that ask for approval grant in its place. Then
 * every `limit` caps it. Never above the tool's own, so another role never takes anything away and no rule gives more
 * than the tool was built for.
 */
export function effectiveLimits(own: Limits, matched: readonly CompiledRule[]): Limits {
  if (matched.every(({ limits }) => isEmpty(limits))) return own;
  const allowing = matched.filter(({ effect }) => effect === 'allow');
  const granting =
    allowing.length > 0 ? allowing : matched.filter(({ effect }) => effect === 'require_approval');
  const capping = matched.filter(({ effect }) => effect === 'limit');
  const effective: Record<keyof Limits, number> = { ...own };
  for (const name of limitNames) {
    const grants = granting.map(({ limits }) => limits[name] ?? own[name]);
    const granted = grants.length > 0 ? Math.max(...grants) : own[name];
    effective[name] = Math.min(own[name], granted, ...capping.map(({ limits }) => limits[name] ?? own[name]));
  }
  return effective;
}

function isEmpty(limits: Partial<Limits>): boolean {
  for (const _ in limits) return false;
  return true;
}
