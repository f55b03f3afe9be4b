/** Gives a write everything that comes from outside: ids, time, nonces, salts and commitments. */
import { callFacts } from './call-listing.ts';
import { canonicalJson } from './canonical-json.ts';
import { commitTo, sealEvent } from './chain.ts';
import type { Approval } from '../model/approval.ts';
import type { EventDraft, RecordWrite, StoredCall } from './record.ts';
import type { SealedCall, SealedWrite, StoredApproval } from './sealed-write.ts';

/** What a store is given so that tests can repeat what it does. */
export interface SealSources {
  readonly writer: string;
  /** Epoch milliseconds. */
  readonly clock: { now(): number };
  readonly randomBytes: (size: number) => Uint8Array;
  /** A new id for a prefix, for example `evt_01J…` for `evt`. */
  readonly newId: (prefix: string) => string;
}

const nonceBytes = 16;
const saltBytes = 32;

/** Bytes asked for at once: a call of the operating system costs more than the bytes. */
const pooledBytes = 4_096;

/** The same randomness in fewer calls. Each byte is given out once. */
export function poolRandomBytes(randomBytes: (size: number) => Uint8Array): (size: number) => Uint8Array {
  let pool: Uint8Array = new Uint8Array();
  return (size) => {
    if (size > pool.byteLength) pool = randomBytes(Math.max(size, pooledBytes));
    const bytes = pool.subarray(0, size);
    pool = pool.subarray(size);
    return bytes;
  };
}

/** Throws `NotCanonical`, and `TypeError` for a call that no event of the write is about. */
export function sealWrite(write: RecordWrite, sources: SealSources): SealedWrite {
  const nowMs = sources.clock.now();
  const time = new Date(nowMs).toISOString();
  const calls = (write.calls ?? []).map((stored) => sealCall(stored, sources));
  const vouchers = new Map(calls.map((call) => [lastEventOf(write.events, call.id), call]));
  const events = write.events.map((draft) => {
    const random = hex(sources.randomBytes(nonceBytes + saltBytes));
    const call = vouchers.get(draft);
    return sealEvent(draft, {
      id: sources.newId('evt'),
      time,
      writer: sources.writer,
      nonce: random.slice(0, nonceBytes * 2),
      salt: random.slice(nonceBytes * 2),
      callCommitment: call === undefined ? null : commitTo('call', call.body, call.salt),
    });
  });
  return {
    nowMs,
    events,
    ...(calls.length > 0 && { calls }),
    ...(write.artifacts !== undefined && { artifacts: write.artifacts }),
    ...(write.file !== undefined && { file: write.file }),
    ...(write.removedFile !== undefined && { removedFile: write.removedFile }),
    ...(write.idempotency !== undefined && { idempotency: write.idempotency }),
    ...(write.neverRun !== undefined && { neverRun: write.neverRun }),
    ...(write.releasedIdempotency !== undefined && { releasedIdempotency: write.releasedIdempotency }),
    ...(write.requestedApproval !== undefined && {
      requestedApproval: {
        approval: storedApproval(write.requestedApproval.approval),
        payload: write.requestedApproval.payload,
      },
    }),
    ...(write.settledApproval !== undefined && {
      settledApproval: storedApproval(write.settledApproval),
    }),
    ...(write.taints !== undefined && { taints: write.taints }),
    ...(write.sessions !== undefined && { sessions: write.sessions }),
    ...(write.keys !== undefined && { keys: write.keys }),
    ...(write.revokedKeys !== undefined && { revokedKeys: write.revokedKeys }),
    ...(write.activation !== undefined && { activation: write.activation }),
    ...(write.blocks !== undefined && { blocks: write.blocks }),
    ...(write.removedBlocks !== undefined && { removedBlocks: write.removedBlocks }),
    ...(write.clearing !== undefined && { clearing: write.clearing }),
    ...(write.dropsExpired !== undefined && { dropsExpired: write.dropsExpired }),
    ...(write.hold !== undefined && { hold: write.hold }),
    ...(write.releasedHold !== undefined && { releasedHold: write.releasedHold }),
  };
}

function sealCall(stored: StoredCall, { randomBytes }: SealSources): SealedCall {
  const { call, tenant, principal } = stored;
  const body = canonicalJson({ call, principal, tenant });
  const salt = hex(randomBytes(saltBytes));
  return { id: call.id, status: call.status, salt, body, facts: callFacts(stored) };
}

function storedApproval(approval: Approval): StoredApproval {
  const { id, callId, tenant, principal, status, expiresAtMs } = approval;
  return { id, callId, tenant, principal, status, expiresAtMs, body: canonicalJson(approval) };
}

/** The event that commits to the stored call, so that nobody can change the one without breaking the other. */
function lastEventOf(events: readonly EventDraft[], callId: string): EventDraft {
  const draft = events.findLast((event) => event.callId === callId);
  if (draft === undefined) throw new TypeError(`Call ${callId} is stored without an event about it.`);
  return draft;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}
