/** What the one path works with, and what comes in and goes out of it. */
import type { RecordStore } from '../audit/record.ts';
import type { Boundary } from '../boundary/boundary.ts';
import type { ThreadedBoundary } from '../boundary/threads/threaded-boundary.ts';
import type { Executor } from '../execution/executor.ts';
import type { Call } from '../model/call.ts';
import type { JsonObject } from '../model/json.ts';
import type { RequestLimits } from '../model/limits.ts';
import type { Revision } from '../policy/revision.ts';
import type { QuotaStore } from '../policy/quotas/quota-store.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Tracing } from '../telemetry/tracing.ts';
import type { ApprovalOffice } from './approvals/approval-office.ts';
import type { BlockList } from './block-list.ts';
import type { OutcomeWriter } from './outcome-writer.ts';
import type { Refusal } from './refusal.ts';
import type { RunningCalls } from './running-calls.ts';
import type { LiveSessions } from './sessions/live-sessions.ts';
import type { Slots } from './slots.ts';
import type { TenantRoom } from './uploads/tenant-room.ts';

export interface Clock {
  /** Epoch milliseconds. */
  now(): number;
}

export interface CallContext {
  /** The active revision; a call keeps the one that it began with. */
  readonly revision: () => Revision;
  readonly quotas: QuotaStore;
  /** The kill switch. */
  readonly blocks: Pick<BlockList, 'find'>;
  /** For short texts. */
  readonly boundary: Boundary;
  /** The same boundary for inputs of any size, and for streams. */
  readonly filter: ThreadedBoundary;
  readonly executor: Executor;
  readonly record: RecordStore;
  /** Writes what must not be lost: outcomes and withdrawn intents. */
  readonly outcomes: OutcomeWriter;
  readonly slots: Slots;
  /** Of calls that nobody keeps a connection open for: they take none from those that somebody waits for. */
  readonly followedSlots: Slots;
  /** Whose large arguments are written to the record: one call's at a time. */
  readonly largeIntents: Slots;
  readonly metrics: Metrics;
  /** Null: off. */
  readonly tracing: Tracing | null;
  readonly clock: Clock;
  /** A fresh prefixed id, for example `call_01J…`. */
  readonly newId: (prefix: string) => string;
  /** Keyed hash of an idempotent request's body. */
  readonly fingerprint: (body: string) => string;
  /** False when the disk is too full to promise room for the outcomes of the calls in flight. */
  readonly hasDiskReserve: () => boolean;
  /** Ends calls that run: one for its owner, all when the drain time is over. */
  readonly running: RunningCalls;
  /** Containers that keep their state from call to call. */
  readonly sessions: LiveSessions;
  /** For contents of uploaded files that calls name, bytes. */
  readonly fileMemory: TenantRoom;
  /** Of arguments of calls that are followed and wait for their turn. */
  readonly followedMemory: TenantRoom;
  /** What a call needs to wait for a person. */
  readonly approvals: ApprovalOffice;
  readonly logger: {
    warn(fields: object, message: string): void;
    error(fields: object, message: string): void;
  };
}

/** A request for a call, already checked for shape by its door. */
export interface CallRequest {
  readonly tool: string;
  readonly args: JsonObject;
  readonly limits: RequestLimits;
  readonly labels: Readonly<Record<string, string>>;
  readonly idempotencyKey: string | null;
  /** Runs in this session. */
  readonly session: string | null;
}

/** Arguments after validation, with defaults applied; `bytes` is what is decided, recorded and executed. */
export interface CheckedArguments {
  readonly value: JsonObject;
  readonly bytes: Uint8Array;
}

/** Who wants to know how far a call has got. */
export interface CallObserver {
  /** It waits for its turn, durably. Where nobody asks for that, a call leaves nothing behind before its intent. */
  readonly queued?: (call: Call) => void;
  /** Its intent is durable. */
  readonly begun?: (call: Call) => void;
}

export type CallAnswer =
  | { readonly kind: 'call'; readonly call: Call; readonly isReplay: boolean }
  | { readonly kind: 'refused'; readonly refusal: Refusal; readonly callId: string | null };
