/** What policy gives a principal of uploaded files: for which tools, and filtered by which profiles. */
import type { BoundaryProfile } from '../model/finding.ts';
import type { Principal } from '../model/principal.ts';
import type { Tool } from '../model/tool.ts';
import { boundariesOf } from './boundaries-of.ts';
import type { Revision } from './revision.ts';
import { visibleTools } from './visibility.ts';

export interface UploadTerms {
  /** Tools whose calls may name uploaded files, in order of their names; at least one. */
  readonly tools: readonly Tool[];
  /** Profiles of every rule that may apply to such a call. */
  readonly boundary: readonly BoundaryProfile[];
}

/** Null for a principal that may know of no tool that takes files. Conditions of rules are left aside: there are no arguments yet. */
export function uploadTerms(revision: Revision, principal: Principal): UploadTerms | null {
  const tools = visibleTools(revision, principal).filter(takesFiles);
  if (tools.length === 0) return null;
  const rules = tools.flatMap(({ name }) => revision.index.get(name)?.rules.matching(principal) ?? []);
  return { tools, boundary: boundariesOf(revision, rules) };
}

/** `args.files` has its meaning beside a caller's code in a container, and nowhere else. */
export function takesFiles({ runtime }: Tool): boolean {
  return runtime.kind === 'container' && runtime.code.from === 'args';
}
