/** Tells followers that a call changed. What it changed to they read from the record: nothing is told before it is durable. */
import type { Principal } from '../model/principal.ts';

/** Followers at once: of one call, by one principal, and in all. Each costs a connection. */
export const followersMax = { ofOneCall: 32, byOnePrincipal: 128, inAll: 1024 } as const;

export class CallChanges {
  readonly #followers = new Map<string, Set<() => void>>();
  readonly #countByPrincipal = new Map<string, number>();
  #count = 0;
  #isClosed = false;

  /** Nobody is told anything any more. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Null when there are too many followers. Disposing ends it. */
  follow(callId: string, by: Pick<Principal, 'id' | 'tenant'>, onChange: () => void): Disposable | null {
    const followers = this.#followers.get(callId) ?? new Set();
    if (followers.size >= followersMax.ofOneCall || this.#count >= followersMax.inAll) return null;
    const principal = JSON.stringify([by.tenant, by.id]);
    const ownCount = this.#countByPrincipal.get(principal) ?? 0;
    if (ownCount >= followersMax.byOnePrincipal) return null;
    // One function may follow twice.
    const told = (): void => onChange();
    followers.add(told);
    this.#followers.set(callId, followers);
    this.#count += 1;
    this.#countByPrincipal.set(principal, ownCount + 1);
    return { [Symbol.dispose]: () => this.#leave(callId, principal, told) };
  }

  notify(callId: string): void {
    for (const told of this.#followers.get(callId) ?? []) told();
  }

  /** Any call may have changed: everybody looks. */
  notifyAll(): void {
    for (const callId of this.#followers.keys()) this.notify(callId);
  }

  /** At shutdown: followers look once more, then leave. */
  close(): void {
    this.#isClosed = true;
    this.notifyAll();
  }

  #leave(callId: string, principal: string, told: () => void): void {
    const followers = this.#followers.get(callId);
    if (followers?.delete(told) !== true) return;
    this.#count -= 1;
    const ownCount = (this.#countByPrincipal.get(principal) ?? 1) - 1;
    if (ownCount === 0) this.#countByPrincipal.delete(principal);
    else this.#countByPrincipal.set(principal, ownCount);
    if (followers.size === 0) this.#followers.delete(callId);
  }
}
