import type { ApprovalStatus } from './approval.ts';
import type { BoundaryReport } from './finding.ts';
import type { JsonValue } from './json.ts';
import type { Limits } from './limits.ts';

/** States of a call. All but the first three are final; `rejected` and `voided` ran nothing. */
export const callStatuses = [
  'queued',
  'running',
  'pending_approval',
  'succeeded',
  'failed',
  'timed_out',
  'out_of_memory',
  'output_limit',
  'cancelled',
  'rejected',
  'voided',
  'blocked',
  'crashed',
  'unknown',
] as const;
export type CallStatus = (typeof callStatuses)[number];

/** It will change: it waits for its turn, runs, or waits for a person. */
export function isOpen({ status }: Pick<Call, 'status'>): boolean {
  return status === 'queued' || status === 'running' || status === 'pending_approval';
}

/** The tool's own code threw. Filtered like everything else that leaves. */
export interface CallError {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
}

/** Bytes that a cap cut off; nothing is cut silently. `stream` is `stdout`, `stderr` or `artifacts`. */
export interface Truncation {
  readonly stream: string;
  readonly keptBytes: number;
  readonly droppedBytes: number;
}

export interface CallOutput {
  readonly stdout: string;
  readonly stderr: string;
  readonly truncated: readonly Truncation[];
}

export interface Artifact {
  readonly id: string;
  readonly name: string;
  readonly mediaType: string;
  readonly sizeBytes: number;
  /** Hex SHA-256 of the content. */
  readonly sha256: string;
  readonly url: string;
  readonly expiresAt: string;
}

/** Where a call ran. */
export interface RuntimeReport {
  readonly kind: 'isolate' | 'container';
  readonly confinement: string;
  /** Image id for a container, else null. */
  readonly image: string | null;
  readonly warm: boolean;
}

/** What a call used, as the runner observed it. */
export interface Usage {
  /** Waited for a place, here and at the runner, a sandbox that had to be started included. `wallMs` begins after it. */
  readonly queueMs: number;
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly memoryPeakBytes: number;
  /** Of the result, and of what was kept of stdout and stderr. Artifacts have a size of their own. */
  readonly outputBytes: number;
}

/** The part of a decision that a caller sees. */
export interface DecisionSummary {
  readonly effect: 'allow' | 'deny' | 'require_approval';
  readonly policy: string | null;
  readonly rule: string | null;
  readonly matched: readonly string[];
  readonly revision: string;
}

/** What a caller sees of the approval that its call needs: that it waits, until when, and what became of it. */
export interface CallApproval {
  readonly id: string;
  readonly status: ApprovalStatus;
  readonly expiresAt: string;
  readonly decidedAt: string | null;
  /** Why it did not run. */
  readonly reason: string | null;
}

/** A call as the API shows it. */
export interface Call {
  readonly id: string;
  readonly tool: string;
  readonly status: CallStatus;
  readonly result: JsonValue;
  readonly error: CallError | null;
  readonly output: CallOutput;
  readonly artifacts: readonly Artifact[];
  readonly boundary: BoundaryReport | null;
  readonly decision: DecisionSummary;
  /** null for a call that needed none. */
  readonly approval: CallApproval | null;
  readonly limits: Limits;
  /** Where it runs in one; left out where it does not. */
  readonly session?: string;
  readonly runtime: RuntimeReport | null;
  readonly usage: Usage | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly createdAt: string;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  /** When its content was erased; left out where it was not. */
  readonly erasedAt?: string;
}
