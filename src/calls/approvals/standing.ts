/** What somebody may do with an approval: by the rules that ask for it, never about a call of their own. */
import type { Approval } from '../../model/approval.ts';
import type { RequiredApproval } from '../../model/decision.ts';
import type { Caller, Principal } from '../../model/principal.ts';

type Rules = RequiredApproval['rules'];
type Approver = Rules[number]['approvers'][number];

export type Standing =
  /** May decide; each rule with the entry that accepts this person. */
  | { readonly kind: 'approver'; readonly qualifies: readonly Qualification[] }
  /** Knows of it, for it is its own call or one of its chain; may not decide. */
  | { readonly kind: 'own' }
  /** Sees it by scope; no rule accepts this person. */
  | { readonly kind: 'observer' }
  /** For this one it does not exist. */
  | { readonly kind: 'stranger' };

export interface Qualification {
  /** `policy/rule`. */
  readonly rule: string;
  /** `role lead`, `id mia` or `anybody of tenant acme`. */
  readonly as: string;
}

/** `rules`: those that ask now. Every one of them has to accept. */
export function standingOf(
  approval: Pick<Approval, 'principal' | 'tenant' | 'act'>,
  rules: Rules,
  person: Caller,
): Standing {
  const { principal, act = [] } = person;
  const chain = new Set([approval.principal, ...approval.act]);
  // Also the other way round: whoever acts for the caller is the caller's own hand.
  const isOwn = [principal.id, ...act].some((id) => chain.has(id));
  // A principal's name can pass to another tenant once its keys are revoked; what was done under it does not.
  if (isOwn) return { kind: principal.tenant === approval.tenant ? 'own' : 'stranger' };
  const qualifies = rules.flatMap(({ id, approvers }) => {
    const entry = approvers.find((candidate) => accepts(candidate, principal, approval.tenant));
    return entry === undefined ? [] : [{ rule: id, as: describe(entry, principal) }];
  });
  if (rules.length > 0 && qualifies.length === rules.length) return { kind: 'approver', qualifies };
  return { kind: person.scopes.has('admin') ? 'observer' : 'stranger' };
}

function accepts({ ids, roles, tenants }: Approver, principal: Principal, tenant: string): boolean {
  if (ids !== undefined && !ids.includes(principal.id)) return false;
  if (roles !== undefined && !roles.some((role) => principal.roles.includes(role))) return false;
  if (tenants === undefined) return principal.tenant === tenant;
  return tenants.includes('*') || tenants.includes(principal.tenant);
}

function describe({ ids, roles }: Approver, principal: Principal): string {
  const role = roles?.find((name) => principal.roles.includes(name));
  if (role !== undefined) return `role ${role}`;
  return ids === undefined ? `anybody of tenant ${principal.tenant}` : `id ${principal.id}`;
}
