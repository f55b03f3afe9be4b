/**
 * Quotas are leased before a call runs and settled after it. A lease takes every draw of a call at once or none, and
 * no interleaving of calls overspends, on however many processes share the store.
 */
import type { QuotaDraw } from '../../model/decision.ts';
import type { MeasuredUse } from './quota-units.ts';

export type LeaseResult = { readonly ok: true; readonly lease: Lease } | LeaseRefused;

export interface LeaseRefused {
  readonly ok: false;
  /** The first that does not fit; with `isStoreLost` the first whose quota then gives nothing. */
  readonly draw: QuotaDraw;
  /** The earliest time at which it can fit, other calls aside. */
  readonly retryAfterMs: number;
  /** There is no memory for another key of this tenant. */
  readonly isFull?: true;
  readonly isStoreLost?: true;
}

export interface LeaseHolder {
  readonly callId: string;
  /** Whose share of the memory a new counter is taken from. */
  readonly tenant: string;
}

/** What one call holds. Exactly one of both ends it; after that neither does anything. */
export interface Lease {
  readonly callId: string;
  /** The call is over and used this much; null: not known, which counts in full. */
  settle(use: MeasuredUse | null, nowMs: number): void | Promise<void>;
  /** The call provably never started: everything is given back. */
  cancel(nowMs: number): void | Promise<void>;
}

export interface QuotaStoreState {
  /** How far the store's clock is ahead of this process's, milliseconds; missing where they are one. */
  readonly clockOffsetMs?: number;
  readonly store: 'in-process' | 'redis';
  readonly state: 'ok' | 'lost';
  /** Why it is lost, and what that means now. */
  readonly reason: string | null;
}

export interface QuotaStore extends AsyncDisposable {
  /** Calls of this process that hold a lease. */
  readonly openLeases: number;
  /** Answers at once where nothing has to be asked. Throws when the call holds a lease already. */
  lease(draws: readonly QuotaDraw[], holder: LeaseHolder, nowMs: number): LeaseResult | Promise<LeaseResult>;
  state(): QuotaStoreState;
}
