/** Tells followers that a call changed. What it changed to they read from the record: nothing is told before it is durable. */

/** Followers at once, of one call and of all. Each costs a connection. */
export const followersMax = { ofOneCall: 32, ofAllCalls: 1024 } as const;

export class CallChanges {
  readonly #followers = new Map<string, Set<() => void>>();
  #count = 0;
  #isClosed = false;

  /** Nobody is told anything any more. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Null when there are too many followers. Disposing ends it. */
  follow(callId: string, onChange: () => void): Disposable | null {
    const followers = this.#followers.get(callId) ?? new Set();
    if (followers.size >= followersMax.ofOneCall || this.#count >= followersMax.ofAllCalls) return null;
    // One function may follow twice.
    const told = (): void => onChange();
    followers.add(told);
    this.#followers.set(callId, followers);
    this.#count += 1;
    return { [Symbol.dispose]: () => this.#leave(callId, told) };
  }

  notify(callId: string): void {
    for (const told of this.#followers.get(callId) ?? []) told();
  }

  /** At shutdown: followers look once more, then leave. */
  close(): void {
    this.#isClosed = true;
    for (const callId of this.#followers.keys()) this.notify(callId);
  }

  #leave(callId: string, told: () => void): void {
    const followers = this.#followers.get(callId);
    if (followers?.delete(told) !== true) return;
    this.#count -= 1;
    if (followers.size === 0) this.#followers.delete(callId);
  }
}
