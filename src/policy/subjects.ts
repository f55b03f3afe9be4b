import type { Principal } from '../model/principal.ts';
import type { SubjectEntry, SubjectMatch } from './documents.ts';

/** Whether a principal is meant: any entry, all of its keys, none of its exceptions. */
export function matchesSubjects(subjects: readonly SubjectEntry[], principal: Principal): boolean {
  return subjects.some((entry) => matchesKeys(entry, principal) && !isExcepted(entry, principal));
}

function isExcepted(entry: SubjectEntry, principal: Principal): boolean {
  return entry.except?.some((exception) => matchesKeys(exception, principal)) ?? false;
}

function matchesKeys(entry: SubjectMatch, principal: Principal): boolean {
  if (entry.ids !== undefined && !entry.ids.includes(principal.id)) return false;
  if (entry.tenants !== undefined && !entry.tenants.includes(principal.tenant)) return false;
  return entry.roles === undefined || entry.roles.some((role) => principal.roles.includes(role));
}

interface Indexed {
  readonly subjects: readonly SubjectEntry[];
  /** Place in the order of decision: policy name, then rule index. */
  readonly ordinal: number;
}

/**
 * Finds what concerns a principal without looking at the rest. Each entry is filed under its most telling key: ids,
 * else roles, else tenants; so the cost follows the principal's own entries and not the size of the revision.
 */
export class SubjectIndex<T extends Indexed> {
  readonly #byId = new Map<string, T[]>();
  readonly #byRole = new Map<string, T[]>();
  readonly #byTenant = new Map<string, T[]>();
  readonly #everyone: T[] = [];

  constructor(items: Iterable<T>) {
    for (const item of items) for (const entry of item.subjects) this.#file(item, entry);
    Object.freeze(this);
  }

  /** In order of decision, each once. */
  matching(principal: Principal): readonly T[] {
    const found = [...this.#everyone];
    for (const item of this.#byId.get(principal.id) ?? []) found.push(item);
    for (const item of this.#byTenant.get(principal.tenant) ?? []) found.push(item);
    for (const role of principal.roles) for (const item of this.#byRole.get(role) ?? []) found.push(item);
    found.sort((a, b) => a.ordinal - b.ordinal);
    return found.filter((item, at) => item !== found[at - 1] && matchesSubjects(item.subjects, principal));
  }

  #file(item: T, entry: SubjectEntry): void {
    if (entry.ids !== undefined) for (const id of entry.ids) append(this.#byId, id, item);
    else if (entry.roles !== undefined) for (const role of entry.roles) append(this.#byRole, role, item);
    else if (entry.tenants !== undefined)
      for (const tenant of entry.tenants) append(this.#byTenant, tenant, item);
    else this.#everyone.push(item);
  }
}

function append<T>(index: Map<string, T[]>, key: string, item: T): void {
  const list = index.get(key);
  if (list === undefined) index.set(key, [item]);
  else list.push(item);
}
