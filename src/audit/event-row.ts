/** A row of the chain with its content, as both stores keep it, and the event in it. */
import type { StoredEvent } from './record.ts';
import { parseCanonicalEvent, storedEvent } from './stored-event.ts';

export interface EventRow {
  readonly position: number;
  readonly canonical: Buffer;
  readonly event_hash: string;
  readonly previous_hash: string;
  readonly hash: string;
  readonly content: Buffer | null;
}

export function readEvent(row: EventRow): StoredEvent {
  const hashes = { eventHash: row.event_hash, previousHash: row.previous_hash, hash: row.hash };
  return storedEvent(parseCanonicalEvent(row.canonical.toString()), row.content?.toString() ?? null, hashes);
}
