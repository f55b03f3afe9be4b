import type { RequiredApproval } from './decision.ts';
import type { Limits } from './limits.ts';

/** States of an approval. All but `pending` are final: it is decided once. */
export const approvalStatuses = [
  'pending',
  'approved',
  'rejected',
  'expired',
  'voided',
  'cancelled',
] as const;
export type ApprovalStatus = (typeof approvalStatuses)[number];

/**
 * A call that waits for a person, bound to what would run. The arguments are not here: they wait sealed, and the seal
 * holds everything here but `status` and `settled`, which alone ever change.
 */
export interface Approval {
  readonly id: string;
  readonly callId: string;
  readonly tool: string;
  readonly toolDigest: string;
  /** Who calls: principal, its tenant, the key that proved it, and on whose behalf, outermost first. */
  readonly principal: string;
  readonly tenant: string;
  readonly key: string;
  readonly act: readonly string[];
  /** What the rules say about asking, and who they accept as approver. */
  readonly reasons: readonly string[];
  readonly approvers: RequiredApproval['rules'];
  readonly matched: readonly string[];
  /** The revision under which it was asked for; at dispatch the call is decided again under the one of then. */
  readonly revision: string;
  readonly limits: Limits;
  /** Keyed digest of everything that the approval is for. */
  readonly digest: string;
  /** Epoch milliseconds. */
  readonly requestedAtMs: number;
  readonly expiresAtMs: number;
  readonly status: ApprovalStatus;
  readonly settled: {
    readonly atMs: number;
    /** Principal; null where the server did it. */
    readonly by: string | null;
    /** Words of the approver, filtered, or why it was voided. */
    readonly reason: string | null;
  } | null;
}
