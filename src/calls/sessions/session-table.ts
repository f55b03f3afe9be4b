/**
 * What all processes that serve a node's sessions have to agree on: how many there are, which one serves a request right
 * now, how often each was used, and who writes down its end. One process keeps it for itself; of several, their
 * supervisor keeps it for all.
 */

/** Sessions that are over, and still known as such: a process may have read of them just before. */
const overMax = 1024;

export interface SessionEntry {
  readonly id: string;
  readonly tenant: string;
  readonly principal: string;
  readonly image: string;
  /** Calls that were begun in it. */
  readonly callCount: number;
}

export interface SessionLimits {
  readonly perPrincipal: number;
  readonly perTenant: number;
}

export interface SessionUse {
  /** Raised by everything that may change what is in it. */
  readonly sequence: number;
  readonly callCount: number;
  readonly isBusy: boolean;
}

export type Reservation =
  | { readonly kind: 'reserved' }
  | { readonly kind: 'too_many'; readonly of: 'principal' | 'tenant'; readonly count: number };

/** `gone`: nobody can say any more, for this process ends. */
export type ClaimAnswer =
  | { readonly kind: 'claimed'; readonly callCount: number }
  | { readonly kind: 'busy' | 'over' | 'gone' };

export interface SessionRegistry {
  /** A place for one that is being opened; `null`: nobody can say any more. */
  reserve(entry: SessionEntry, limits: SessionLimits): Promise<Reservation | null>;
  /** Those that the record says are open, since long or since now. One that is known already stays as it is. */
  add(entries: readonly SessionEntry[]): Promise<void>;
  claim(id: string): Promise<ClaimAnswer>;
  release(id: string, after: { readonly isChanged: boolean; readonly callCount: number }): void;
  /** Null when there is none that is open. */
  look(id: string): Promise<SessionUse | null>;
  /** True for the first who asks: it then writes down that the session is over. */
  close(id: string): Promise<boolean>;
  /** It is over, and that is on the record; or it never came to be. */
  remove(id: string): void;
  count(): Promise<number>;
}

interface Held extends SessionEntry {
  callCount: number;
  sequence: number;
  /** Which process has it right now; null: none. */
  holder: number | null;
  /** Which process ends it. */
  closer: number | null;
  /** Which process opens it, until it is on the record. */
  opener: number | null;
}

/** `who`: a process among those that share it. */
export class SessionTable {
  readonly #held = new Map<string, Held>();
  readonly #over = new Set<string>();

  reserve(who: number, entry: SessionEntry, { perPrincipal, perTenant }: SessionLimits): Reservation {
    const ofTenant = [...this.#held.values()].filter(
      ({ image, tenant }) => image === entry.image && tenant === entry.tenant,
    );
    const own = ofTenant.filter(({ principal }) => principal === entry.principal);
    if (own.length >= perPrincipal) return { kind: 'too_many', of: 'principal', count: own.length };
    if (ofTenant.length >= perTenant) return { kind: 'too_many', of: 'tenant', count: ofTenant.length };
    this.#held.set(entry.id, { ...entry, sequence: 0, holder: null, closer: null, opener: who });
    return { kind: 'reserved' };
  }

  add(entries: readonly SessionEntry[]): void {
    for (const entry of entries) {
      const known = this.#held.get(entry.id);
      if (known !== undefined) known.opener = null;
      if (known !== undefined || this.#over.has(entry.id)) continue;
      this.#held.set(entry.id, { ...entry, sequence: 0, holder: null, closer: null, opener: null });
    }
  }

  claim(who: number, id: string): Exclude<ClaimAnswer, { kind: 'gone' }> {
    const held = this.#held.get(id);
    if (held === undefined || held.closer !== null) return { kind: 'over' };
    if (held.holder !== null) return { kind: 'busy' };
    held.holder = who;
    return { kind: 'claimed', callCount: held.callCount };
  }

  /** Who has it now; null: nobody. */
  holderOf(id: string): number | null {
    return this.#held.get(id)?.holder ?? null;
  }

  release(who: number, id: string, after: { readonly isChanged: boolean; readonly callCount: number }): void {
    const held = this.#held.get(id);
    if (held?.holder !== who) return;
    held.holder = null;
    held.callCount = after.callCount;
    if (after.isChanged) held.sequence += 1;
  }

  look(id: string): SessionUse | null {
    const held = this.#held.get(id);
    if (held === undefined || held.closer !== null) return null;
    const { callCount, holder, sequence } = held;
    return { callCount, sequence, isBusy: holder !== null };
  }

  close(who: number, id: string): boolean {
    const held = this.#held.get(id);
    if (held === undefined || held.closer !== null) return false;
    held.closer = who;
    return true;
  }

  remove(id: string): void {
    if (!this.#held.delete(id)) return;
    this.#over.add(id);
    const [oldest] = this.#over;
    if (this.#over.size > overMax && oldest !== undefined) this.#over.delete(oldest);
  }

  get count(): number {
    return this.#held.size;
  }

  /** A process is gone, with what it was about: what it had in hand may have changed, what it was opening is not. */
  forget(who: number): void {
    for (const held of this.#held.values()) {
      if (held.opener === who) this.#held.delete(held.id);
      if (held.closer === who) held.closer = null;
      if (held.holder !== who) continue;
      held.holder = null;
      held.sequence += 1;
    }
  }
}

/** Of a process that shares its sessions with no other. */
export function ownSessions(): SessionRegistry {
  const table = new SessionTable();
  const me = 1;
  return {
    reserve: async (entry, limits) => table.reserve(me, entry, limits),
    add: async (entries) => table.add(entries),
    claim: async (id) => table.claim(me, id),
    release: (id, after) => table.release(me, id, after),
    look: async (id) => table.look(id),
    close: async (id) => table.close(me, id),
    remove: (id) => table.remove(id),
    count: async () => table.count,
  };
}
