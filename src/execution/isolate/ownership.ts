/**
 * Who may get a worker process that has served before. Isolates are always fresh; reads across isolates of one
 * process (Spectre class) are what this rules out between owners.
 */
import type { Reuse } from '../../model/tool.ts';

export interface Owner {
  readonly tenant: string;
  readonly principal: string;
  readonly reuse: Reuse;
}

/** Whom a worker has served so far. */
export interface Served {
  readonly tenant: string;
  /** The only principal so far; null when there were several. */
  readonly principal: string | null;
  /** A call with `reuse: principal` was among them: no other principal may follow. */
  readonly isPrincipalBound: boolean;
}

/** Null as `served`: the process is fresh, everyone may have it. */
export function mayServe(served: Served | null, owner: Owner): boolean {
  if (served === null) return true;
  if (owner.reuse === 'never' || served.tenant !== owner.tenant) return false;
  if (served.principal === owner.principal) return true;
  return owner.reuse === 'tenant' && !served.isPrincipalBound;
}

export function afterServing(served: Served | null, owner: Owner): Served {
  const isSame = served === null || served.principal === owner.principal;
  return {
    tenant: owner.tenant,
    principal: isSame ? owner.principal : null,
    isPrincipalBound: owner.reuse === 'principal' || (served?.isPrincipalBound ?? false),
  };
}
