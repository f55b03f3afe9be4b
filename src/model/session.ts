/** A session as the API shows it: one container, one `/work`, one principal. */
import type { RuntimeReport } from './call.ts';

/** Why a session is over. Those between `timed_out` and `crashed` are the ends of a call that took its container along. */
export const sessionEndReasons = [
  /** Nothing was asked of it for as long as it may be idle. */
  'idle',
  'lifetime',
  /** Its principal, or somebody who may, ended it. */
  'deleted',
  'timed_out',
  'out_of_memory',
  'output_limit',
  'cancelled',
  'crashed',
  /** The code ended the interpreter that kept its variables. */
  'interpreter_ended',
  /** Its container ended or was removed between two calls. */
  'container_ended',
  /** The runner that held it is gone. */
  'runner_lost',
  /** The server stopped, and the runner with it. */
  'server_stopped',
  /** The image or the rules under which it was opened are no longer those. */
  'policy_changed',
] as const;
export type SessionEndReason = (typeof sessionEndReasons)[number];

export interface Session {
  readonly id: string;
  /** Name of the Image resource. */
  readonly image: string;
  readonly status: 'open' | 'ended';
  readonly endReason: SessionEndReason | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly runtime: RuntimeReport;
  /** What its container has, and every call in it. */
  readonly limits: { readonly memoryMiB: number; readonly cpus: number; readonly pids: number };
  readonly idleMs: number;
  readonly createdAt: string;
  /** When it ends at the latest. */
  readonly expiresAt: string;
  readonly endedAt: string | null;
}
