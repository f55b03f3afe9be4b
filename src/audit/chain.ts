/**
 * How an event becomes a link of its writer's chain. `FORMAT.md` specifies the bytes; this file is the code for it.
 *
 * An event is sealed first (everything but its place: id, time, nonce, commitments), which may happen in any order
 * and on any thread, and linked later, by the one who holds the head of the chain.
 */
import { hash as digest } from 'node:crypto';
import { canonicalJson } from './canonical-json.ts';
import { contentMembers } from './content-members.ts';
import type { EventDraft } from './record.ts';

/** Version of the format, in every event. */
export const formatVersion = 1;

/** What the first event of a chain has as its previous hash. */
export const genesisHash = '0'.repeat(64);

/** Where a chain stands: its last event, or sequence 0 and the genesis hash. */
export interface ChainHead {
  readonly sequence: number;
  readonly hash: string;
}

/** What an event gets from outside: handed in, so that tests can repeat it. */
export interface EventStamp {
  readonly id: string;
  /** RFC 3339 in UTC with milliseconds. */
  readonly time: string;
  readonly writer: string;
  /** 32 hex digits: equal events get different hashes. */
  readonly nonce: string;
  /** 64 hex digits; stored with the content only, so that clearing both leaves the commitments opaque. */
  readonly salt: string;
  /** Commitment to the call that is stored with this event. */
  readonly callCommitment: string | null;
}

/** Erasable part of an event, as stored. */
export interface SealedContent {
  readonly salt: string;
  /** Canonical JSON of the content. */
  readonly text: string;
}

/** An event without its place. Its canonical text is `before`, the sequence number, `after`. */
export interface SealedEvent {
  readonly before: string;
  readonly after: string;
  readonly content: SealedContent | null;
}

/** An event in its place. */
export interface LinkedEvent extends ChainHead {
  readonly canonical: string;
  readonly eventHash: string;
  readonly previousHash: string;
}

/** Lower-case hex SHA-256 of bytes, or of the UTF-8 of a text. */
export function sha256(data: string | Uint8Array): string {
  return digest('sha256', data, 'hex');
}

/** Throws `NotCanonical`. */
export function sealEvent(draft: EventDraft, stamp: EventStamp): SealedEvent {
  const erasable = contentOf(draft);
  const content = erasable === undefined ? null : sealContent(erasable, stamp.salt);
  // Split where `sequence` stands in canonical order, so that linking is a concatenation.
  const before = canonicalJson({
    act: filled(draft.act),
    boundary: draft.boundary ?? undefined,
    callCommitment: stamp.callCommitment ?? undefined,
    callId: draft.callId,
    commitments: content === null ? undefined : content.commitments,
    decision: draft.decision,
    details: draft.details !== undefined && Object.keys(draft.details).length > 0 ? draft.details : undefined,
    format: formatVersion,
    id: stamp.id,
    key: draft.key,
    nonce: stamp.nonce,
    principal: draft.principal,
    quotas: filled(draft.quotas),
    requestId: draft.requestId,
    runtime: draft.runtime ?? undefined,
  });
  const after = canonicalJson({
    status: draft.status,
    tenant: draft.tenant,
    time: stamp.time,
    tool: draft.tool,
    toolDigest: draft.toolDigest,
    traceId: draft.traceId ?? undefined,
    type: draft.type,
    usage: draft.usage ?? undefined,
    writer: stamp.writer,
  });
  return {
    before: `${before.slice(0, -1)},"sequence":`,
    after: `,${after.slice(1)}`,
    content: content === null ? null : { salt: stamp.salt, text: content.text },
  };
}

function contentOf({ address, content }: EventDraft): EventDraft['content'] {
  return address === undefined ? content : { ...content, address };
}

/** Puts a sealed event after the head of its chain. */
export function linkEvent(event: SealedEvent, head: ChainHead): LinkedEvent {
  const sequence = head.sequence + 1;
  const canonical = `${event.before}${sequence}${event.after}`;
  const eventHash = sha256(canonical);
  return { canonical, sequence, eventHash, previousHash: head.hash, hash: linkHash(head.hash, eventHash) };
}

/** Both are 64 hex digits; the hash is of these 128 characters. */
export function linkHash(previousHash: string, eventHash: string): string {
  return sha256(previousHash + eventHash);
}

/** Salted hash of one named value, given as canonical JSON. Each name has a salt of its own, so one can be shown alone. */
export function commitTo(name: string, canonicalValue: string, salt: string): string {
  return sha256(sha256(salt + canonicalJson(name)) + canonicalValue);
}

function sealContent(content: Readonly<Record<string, unknown>>, salt: string) {
  const members = canonicalMembers(content);
  return { text: objectText(members), commitments: commitments(members, salt) };
}

/** Commitments to each member of a content that was stored as `text`, or null when `text` is not canonical. */
export function commitmentsOf(text: string, salt: string): Readonly<Record<string, string>> | null {
  const content: unknown = JSON.parse(text);
  if (typeof content !== 'object' || content === null || Array.isArray(content)) return null;
  const members = canonicalMembers(content as Readonly<Record<string, unknown>>);
  return objectText(members) === text ? commitments(members, salt) : null;
}

/** Whether content of this text is exactly what was committed to. False may also mean that only a closer look can tell. */
export function fitsCommitments(
  text: string,
  salt: string,
  committed: Readonly<Record<string, string>>,
): boolean {
  const members = contentMembers(text);
  if (members === null || members.length !== Object.keys(committed).length) return false;
  return members.every(
    ([name, value]) => committed[name.slice(1, -1)] === sha256(sha256(salt + name) + value),
  );
}

type Members = readonly (readonly [name: string, canonicalValue: string])[];

function canonicalMembers(content: Readonly<Record<string, unknown>>): Members {
  const names = Object.keys(content).sort();
  // Names that have no UTF-8 get one first, together, because they may become equal.
  if (!names.every((name) => name.isWellFormed()))
    return canonicalMembers(JSON.parse(canonicalJson(content)));
  return names
    .filter((name) => content[name] !== undefined)
    .map((name) => [name, canonicalJson(content[name])]);
}

function objectText(members: Members): string {
  return `{${members.map(([name, value]) => `${canonicalJson(name)}:${value}`).join(',')}}`;
}

function commitments(members: Members, salt: string): Readonly<Record<string, string>> {
  const result: Record<string, string> = Object.create(null);
  for (const [name, value] of members) result[name] = commitTo(name, value, salt);
  return result;
}

function filled<T>(items: readonly T[] | undefined): readonly T[] | undefined {
  return items === undefined || items.length === 0 ? undefined : items;
}
