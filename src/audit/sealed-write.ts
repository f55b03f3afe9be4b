/**
 * What the api's thread and the writer's thread say to each other: plain data, copied, so kept small.
 * Both sides are ours; nothing here is hostile. Content was canonical JSON before it came here.
 */
import type { CallFacts } from './call-listing.ts';
import type { ChainHead, SealedEvent } from './chain.ts';
import type { RecordWrite } from './record.ts';

/** A call with its commitment's salt, ready to be stored. */
export interface SealedCall {
  readonly id: string;
  readonly status: string;
  readonly salt: string;
  /** Canonical JSON of the `StoredCall`. */
  readonly body: string;
  readonly facts: CallFacts;
}

/** An approval as it is stored. */
export interface StoredApproval {
  readonly id: string;
  readonly callId: string;
  readonly tenant: string;
  readonly principal: string;
  readonly status: string;
  readonly expiresAtMs: number;
  /** Canonical JSON of the `Approval`. */
  readonly body: string;
}

/** A `RecordWrite` whose events and calls are sealed. What is empty is left out. */
export interface SealedWrite extends Omit<
  RecordWrite,
  'events' | 'calls' | 'requestedApproval' | 'settledApproval'
> {
  /** Epoch milliseconds when the write was asked for; expired idempotency entries are judged by it. */
  readonly nowMs: number;
  readonly events: readonly SealedEvent[];
  readonly calls?: readonly SealedCall[];
  readonly requestedApproval?: { readonly approval: StoredApproval; readonly payload: Uint8Array };
  readonly settledApproval?: StoredApproval;
  /** Writes to the disk although there is nothing to store: so many bytes, which the next probe gives back. */
  readonly probeBytes?: number;
}

/** Why a write was not stored, in a form that can be copied. */
export type WriteFailure =
  | { readonly kind: 'idempotency_taken' }
  | { readonly kind: 'approval_settled' }
  | { readonly kind: 'call_ended' }
  | { readonly kind: 'held' }
  | { readonly kind: 'no_room_for_file' }
  | { readonly kind: 'file_gone' }
  | { readonly kind: 'failed'; readonly code: string | null; readonly message: string };

/** The head of the chain that the first event of a stored write follows. */
export interface Stored extends ChainHead {
  readonly kind: 'stored';
}

/** What became of the writes of one transaction, in their order. */
export type Commit = readonly (Stored | WriteFailure)[];

export interface ThreadStart {
  readonly file: string;
  readonly writer: string;
}

/** Writes of one turn of the event loop, or the end. */
export type ToThread =
  | { readonly kind: 'writes'; readonly writes: readonly SealedWrite[] }
  | { readonly kind: 'scrub' }
  | { readonly kind: 'close' };
