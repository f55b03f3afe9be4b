/** What the MCP door works with. It shares the one path, the record and the words for refusals with the HTTP door. */
import type { RecordStore } from '../audit/record.ts';
import type { CallAnswer, CallRequest } from '../calls/call-context.ts';
import type { CallWaiter } from '../calls/call-waiter.ts';
import type { Cancellation } from '../calls/cancel-call.ts';
import type { CallRun, DetachedCalls } from '../calls/detached-calls.ts';
import type { Refusal } from '../calls/refusal.ts';
import type { StoredCall } from '../audit/record.ts';
import type { Fellows } from '../model/fellows.ts';
import type { JsonObject } from '../model/json.ts';
import type { Caller } from '../model/principal.ts';
import type { Tool } from '../model/tool.ts';
import type { Revision } from '../policy/revision.ts';

export interface McpOptions {
  readonly version: string;
  readonly revision: () => Revision;
  readonly record: Pick<RecordStore, 'getCall' | 'getArtifact'>;
  readonly executeCall: (
    caller: Caller,
    request: CallRequest,
    observer?: Parameters<CallRun>[0],
  ) => Promise<CallAnswer>;
  readonly cancelCall: (caller: Caller, stored: StoredCall) => Promise<Cancellation>;
  readonly detached: DetachedCalls;
  readonly waiter: CallWaiter;
  /** Puts the fetching of an artifact on the record, before it leaves. */
  readonly onArtifactRead: (caller: Caller, artifactId: string, callId: string) => Promise<void>;
  /** The problem document that the HTTP door would answer with. */
  readonly describeRefusal: (refusal: Refusal, callId: string | null, requestId: string) => JsonObject;
  /** A tool as MCP lists it. */
  readonly describeTool: (tool: Tool) => object;
  /** 32 bytes, the same on every node: seals what clients carry from request to request. */
  readonly stateKey: Uint8Array;
  /** 128 random bits as text. */
  readonly newMark: () => string;
  readonly now: () => number;
  /** Host names that an `Origin` may have. */
  readonly originHosts: readonly string[];
  /** Whether a key may still listen. */
  readonly isStillActive: (caller: Caller) => Promise<boolean>;
  readonly isDraining: () => boolean;
  /** Other processes that may hold the request which a client cancels; null: there are none. */
  readonly fellows: Fellows | null;
  readonly logger: { error(fields: object, message: string): void };
}

/** One HTTP request as the door took it in. */
export interface Exchange {
  readonly caller: Caller;
  /** `legacy`: 2025-11-25, opened with `initialize`. `modern`: 2026-07-28, each request by itself. */
  readonly era: 'legacy' | 'modern';
  /** Of a legacy client that shows the one it was given. */
  readonly sessionId: string | null;
  /** Method of the message, as it came. */
  readonly method: unknown;
}
