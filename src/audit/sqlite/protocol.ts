/**
 * What the api's thread and the writer's thread say to each other: plain data, copied.
 * Both sides are ours; nothing here is hostile. Content was canonical JSON before it came here.
 */
import type { ApiKey, IdempotencyEntry, StoredArtifact } from '../record.ts';
import type { SealedEvent } from '../chain.ts';

/** A call with its commitment's salt, ready to be stored. */
export interface SealedCall {
  readonly id: string;
  readonly status: string;
  readonly salt: string;
  /** Canonical JSON of the `StoredCall`. */
  readonly body: string;
}

/** A `RecordWrite` whose events and calls are sealed. */
export interface SealedWrite {
  /** Epoch milliseconds when the write was asked for; expired idempotency entries are judged by it. */
  readonly nowMs: number;
  readonly events: readonly SealedEvent[];
  readonly calls: readonly SealedCall[];
  readonly artifacts: readonly StoredArtifact[];
  readonly idempotency: IdempotencyEntry | null;
  readonly releasedIdempotency: { readonly principal: string; readonly key: string } | null;
  readonly keys: readonly ApiKey[];
  readonly revokedKeys: readonly { readonly id: string; readonly atMs: number }[];
  /** Writes to the disk although there is nothing to store. */
  readonly probe: boolean;
}

/** Where an event came to stand. */
export interface Link {
  readonly sequence: number;
  readonly eventHash: string;
  readonly previousHash: string;
  readonly hash: string;
}

/** An error in a form that can be copied. */
export interface CopiedError {
  readonly code: string | null;
  readonly message: string;
}

export type WriteOutcome =
  | { readonly kind: 'stored'; readonly links: readonly Link[] }
  | { readonly kind: 'idempotency_taken' }
  | { readonly kind: 'failed'; readonly error: CopiedError };

export interface ThreadStart {
  readonly file: string;
  readonly writer: string;
}

/** To the thread: writes of one turn of the event loop, or the end. */
export type ToThread =
  | { readonly kind: 'writes'; readonly writes: readonly SealedWrite[] }
  | { readonly kind: 'close' };

/** From the thread: outcomes, in the order in which the writes were sent. */
export interface FromThread {
  readonly outcomes: readonly WriteOutcome[];
}
