/**
 * What the `status` of an event can say: what became of a call, an approval or a session, or why something was refused.
 * Whoever writes an event is held to it, so that a search can tell a status that is none.
 */
import { approvalStatuses } from '../model/approval.ts';
import { callStatuses } from '../model/call.ts';
import { sessionEndReasons } from '../model/session.ts';

/** Codes of refusals, and why an erasure was refused. */
const refusals = [
  'unknown_tool',
  'invalid_arguments',
  'policy_denied',
  'limit_exceeds_policy',
  'arguments_blocked',
  'quota_exceeded',
  'quota_unavailable',
  'overloaded',
  'runtime_unavailable',
  'audit_unavailable',
  'draining',
  'not_found',
  'session_busy',
  'session_image_mismatch',
  'session_ended',
  'file_conflict',
  'payload_too_large',
  'content_withheld',
  'idempotency_mismatch',
  'idempotency_erased',
  'idempotency_in_flight',
  'approval_settled',
  'approval_forbidden',
  'own_calls',
  'too_recent',
  'held',
  'open_calls',
] as const;

export type EventStatus =
  | (typeof callStatuses)[number]
  | (typeof approvalStatuses)[number]
  | (typeof sessionEndReasons)[number]
  | (typeof refusals)[number];

/** Each once. */
export const eventStatuses: readonly EventStatus[] = [
  ...new Set<EventStatus>([...callStatuses, ...approvalStatuses, ...sessionEndReasons, ...refusals]),
];
