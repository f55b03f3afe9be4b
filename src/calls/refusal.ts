/** Why a request ran nothing. A value, mapped to HTTP by the api and to words by the CLI. */
import type { ApprovalStatus } from '../model/approval.ts';
import type { Finding } from '../model/finding.ts';
import type { JsonValue } from '../model/json.ts';
import type { NearestCall, QuotaUnit } from '../model/decision.ts';

/** One thing that is wrong with the arguments or the body. */
export interface InputError {
  readonly pointer: string;
  readonly keyword?: string;
  readonly message: string;
  readonly didYouMean?: string;
}

export type Refusal =
  /** No such tool, or none that this principal may see: the two answer alike. */
  | { readonly code: 'unknown_tool'; readonly detail: string; readonly didYouMean: string | null }
  | { readonly code: 'invalid_arguments'; readonly detail: string; readonly errors: readonly InputError[] }
  | {
      readonly code: 'policy_denied';
      readonly detail: string;
      readonly policy: string | null;
      readonly rule: string | null;
      readonly reasons: readonly string[];
      readonly nearest: NearestCall | null;
    }
  /** The request asked for more than policy gives: `limitMax` is what it may ask for. */
  | {
      readonly code: 'limit_exceeds_policy';
      readonly detail: string;
      readonly limit: string;
      readonly limitMax: number;
    }
  /** The boundary blocks these arguments; findings, never the text. */
  | { readonly code: 'arguments_blocked'; readonly detail: string; readonly findings: readonly Finding[] }
  | {
      readonly code: 'quota_exceeded';
      readonly detail: string;
      readonly quota: string;
      readonly unit: QuotaUnit;
      readonly limit: number;
      /** What the call would have leased. */
      readonly amount: number;
      readonly windowMs: number;
      readonly retryAfterMs: number;
    }
  /** The store that counts a quota is lost, and the quota says `onStoreLoss: deny`. */
  | { readonly code: 'quota_unavailable'; readonly detail: string; readonly quota: string }
  | {
      readonly code: 'overloaded' | 'runtime_unavailable' | 'audit_unavailable' | 'draining';
      readonly detail: string;
    }
  /** No such session or image, or another's: the two answer alike. */
  | { readonly code: 'not_found'; readonly detail: string }
  /** The session serves another call or file, does not fit the tool, or is over. */
  | {
      readonly code: 'session_busy' | 'session_image_mismatch' | 'session_ended';
      readonly detail: string;
    }
  /** What lies at that path of a session, or the room that is left there, is in the way. */
  | { readonly code: 'file_conflict'; readonly detail: string; readonly reason: string }
  | { readonly code: 'payload_too_large'; readonly detail: string; readonly limitBytes: number }
  /** The boundary does not let this file out; findings, never the text. */
  | { readonly code: 'content_withheld'; readonly detail: string; readonly findings: readonly Finding[] }
  | { readonly code: 'idempotency_mismatch'; readonly detail: string }
  /** Its call has ended, and what it was asked for is erased: whether this is the same request cannot be told. */
  | { readonly code: 'idempotency_erased'; readonly detail: string }
  /** The approval was decided, expired, or no longer fits; `approvalStatus` says which. Nothing was run by this request. */
  | { readonly code: 'approval_settled'; readonly detail: string; readonly approvalStatus: ApprovalStatus }
  /** One's own call, or no rule accepts this person. */
  | { readonly code: 'approval_forbidden'; readonly detail: string }
  /** The first request with this key still runs. */
  | { readonly code: 'idempotency_in_flight'; readonly detail: string };

export type RefusalCode = Refusal['code'];

/** A refusal is told from any other value by its code and detail together. */
export function isRefusal(value: unknown): value is Refusal {
  return typeof value === 'object' && value !== null && 'code' in value && 'detail' in value;
}

/** Further fields of a refusal, as the problem document and the record show them. */
export function refusalFields(refusal: Refusal): Readonly<Record<string, JsonValue>> {
  const { code: _code, detail: _detail, ...fields } = refusal;
  return fields as unknown as Readonly<Record<string, JsonValue>>;
}
