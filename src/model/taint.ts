/**
 * Taint: what a caller has come into touch with, by name (`untrusted`, `private`, …). It is set by tools that say so and
 * by findings, lasts 24 hours from when it was last set, and nothing but that time takes it off.
 */

/** What the filter sets where policy says nothing else: orders to a model, images that carry data away. */
export const filterTaint = 'untrusted';

/** Its holder is a principal, or a session, which keeps it as long as it lives. */
export interface Taint {
  /** From `principalHolder`, or a session's id. */
  readonly holder: string;
  readonly name: string;
  readonly expiresAtMs: number;
}

/** What policy sees as `session`: taints also without a session, the rest is zero then. */
export interface SessionFacts {
  /** Of the principal and of the session, each once, in order of name. */
  readonly taints: readonly string[];
  /** Calls that were begun in it. */
  readonly callCount: number;
  readonly ageMs: number;
}

/** Of a caller that holds no taint and uses no session. */
export const noSession: SessionFacts = { taints: [], callCount: 0, ageMs: 0 };

/** A principal id has one tenant, but the store does not rely on it. */
export function principalHolder({ tenant, id }: { readonly tenant: string; readonly id: string }): string {
  return JSON.stringify([tenant, id]);
}
