import type { StoredCall } from '../audit/record.ts';
import type { Caller } from '../model/principal.ts';
import { hasScope } from './authenticate.ts';

/** One's own, the tenant's with `audit`, everything with `admin`. What one may not see does not exist. */
export function maySee(caller: Caller, owner: Pick<StoredCall, 'tenant' | 'principal'>): boolean {
  if (hasScope(caller, 'admin')) return true;
  if (owner.tenant !== caller.principal.tenant) return false;
  return owner.principal === caller.principal.id || hasScope(caller, 'audit');
}
