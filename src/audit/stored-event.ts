/** From canonical bytes back to an event, and to the columns that the search uses. */
import type { EventDraft, StoredEvent } from './record.ts';
import type { JsonObject } from '../model/json.ts';

/** The members of a canonical event. What is absent was null or empty. */
export interface CanonicalEvent extends Omit<EventDraft, 'address' | 'content'> {
  readonly format: number;
  readonly id: string;
  readonly time: string;
  readonly writer: string;
  readonly sequence: number;
  readonly nonce: string;
  readonly commitments?: Readonly<Record<string, string>>;
  readonly callCommitment?: string;
}

export interface EventHashes {
  readonly eventHash: string;
  readonly previousHash: string;
  readonly hash: string;
}

/** Copies of canonical members, kept beside them for search. They prove nothing. */
export const searchColumnNames = [
  'writer',
  'sequence',
  'id',
  'type',
  'time',
  'call_id',
  'tenant',
  'principal',
  'tool',
  'status',
  'effect',
  'rule',
  'request_id',
] as const;

export type SearchColumn = string | number | null;

/** Values of the search columns, in the order of `searchColumnNames`. */
export function searchColumns(event: CanonicalEvent): readonly SearchColumn[] {
  return [
    event.writer,
    event.sequence,
    event.id,
    event.type,
    event.time,
    event.callId ?? null,
    event.tenant ?? null,
    event.principal ?? null,
    event.tool ?? null,
    event.status ?? null,
    event.decision?.effect ?? null,
    event.decision?.rule ?? null,
    event.requestId ?? null,
  ];
}

export function parseCanonicalEvent(canonical: string): CanonicalEvent {
  return JSON.parse(canonical) as CanonicalEvent;
}

/** The event as the record shows it. */
export function storedEvent(event: CanonicalEvent, content: string | null, hashes: EventHashes): StoredEvent {
  return {
    id: event.id,
    type: event.type,
    time: event.time,
    writer: event.writer,
    sequence: event.sequence,
    callId: event.callId ?? null,
    tenant: event.tenant ?? null,
    principal: event.principal ?? null,
    key: event.key ?? null,
    act: event.act ?? [],
    requestId: event.requestId ?? null,
    traceId: event.traceId ?? null,
    tool: event.tool ?? null,
    toolDigest: event.toolDigest ?? null,
    decision: event.decision ?? null,
    status: event.status ?? null,
    runtime: event.runtime ?? null,
    usage: event.usage ?? null,
    boundary: event.boundary ?? null,
    quotas: event.quotas ?? [],
    details: event.details ?? {},
    content: content === null ? null : (JSON.parse(content) as JsonObject),
    commitments: event.commitments ?? {},
    eventHash: hashes.eventHash,
    previousHash: hashes.previousHash,
    hash: hashes.hash,
  };
}
