import type { Principal } from '../model/principal.ts';
import type { SubjectEntry, SubjectMatch } from './documents.ts';

/** Whether a principal is meant: any entry, all of its keys, none of its exceptions. */
function matchesSubjects(subjects: readonly SubjectEntry[], principal: Principal): boolean {
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

/** An item under one of its entries' keys. `isSure`: that key is all the entry asks for. */
interface Filed<T> {
  readonly item: T;
  readonly isSure: boolean;
}

/**
 * Finds what concerns a principal without looking at the rest. Each entry is filed under its most telling key: ids,
 * else roles, else tenants; so the cost follows the principal's own entries and not the size of the revision.
 */
export class SubjectIndex<T extends Indexed> {
  /** Everything filed, in the order given. */
  readonly items: readonly T[];
  readonly #byId = new Map<string, Filed<T>[]>();
  readonly #byRole = new Map<string, Filed<T>[]>();
  readonly #byTenant = new Map<string, Filed<T>[]>();
  readonly #everyone: Filed<T>[] = [];

  constructor(items: Iterable<T>) {
    this.items = Object.freeze([...items]);
    for (const item of this.items) for (const entry of item.subjects) this.#file(item, entry);
    Object.freeze(this);
  }

  /** In order of decision, each once. */
  matching(principal: Principal): readonly T[] {
    const found = [...this.#everyone];
    for (const filed of this.#byId.get(principal.id) ?? []) found.push(filed);
    for (const filed of this.#byTenant.get(principal.tenant) ?? []) found.push(filed);
    for (const role of principal.roles) for (const filed of this.#byRole.get(role) ?? []) found.push(filed);
    found.sort((a, b) => a.item.ordinal - b.item.ordinal);
    const matching: T[] = [];
    for (const { item, isSure } of found) {
      if (matching.at(-1) === item) continue;
      if (isSure || matchesSubjects(item.subjects, principal)) matching.push(item);
    }
    return matching;
  }

  #file(item: T, entry: SubjectEntry): void {
    const { ids, roles, tenants, except } = entry;
    const isSure =
      except === undefined && [ids, roles, tenants].filter((key) => key !== undefined).length <= 1;
    const filed = { item, isSure };
    if (ids !== undefined) for (const id of ids) append(this.#byId, id, filed);
    else if (roles !== undefined) for (const role of roles) append(this.#byRole, role, filed);
    else if (tenants !== undefined) for (const tenant of tenants) append(this.#byTenant, tenant, filed);
    else this.#everyone.push(filed);
  }
}

function append<T>(index: Map<string, T[]>, key: string, value: T): void {
  const list = index.get(key);
  if (list === undefined) index.set(key, [value]);
  else list.push(value);
}
