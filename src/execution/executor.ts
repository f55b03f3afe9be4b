/**
 * The seam of execution: whoever runs tool code implements `Executor`.
 * Trusted: the request (policy has decided) and what the runner itself observes (`started`, `usage`, `exit`).
 * Hostile: every byte of `stdout`, `stderr`, `result` and `artifact` frames.
 */
import type { ConfinementName } from '../model/confinement.ts';
import type { Limits } from '../model/limits.ts';
import type { RuntimeReport, Truncation } from '../model/call.ts';
import type { Image } from '../model/tool.ts';
import type { SandboxSessions } from './sessions.ts';

/** One call to run. It names a tool of a revision; it cannot describe a sandbox. */
export interface ExecutionRequest {
  readonly callId: string;
  readonly tenant: string;
  readonly principal: string;
  readonly revision: string;
  readonly tool: string;
  /** Already narrowed by policy and request; the runner clamps them once more to the tool's own. */
  readonly limits: Limits;
  /** The exact bytes that were validated and decided: one JSON object, UTF-8. */
  readonly args: Uint8Array;
  /** Set for a call that a person approved: its process serves nobody before or after, whatever the tool says. */
  readonly reuse?: 'never';
  /**
   * Its caller follows it from elsewhere: it may wait for minutes, behind those of its tenant that somebody waits for,
   * where others are told soon that there is no room.
   */
  readonly isPatient?: true;
  /** Runs in this session's container, with what earlier calls left there. */
  readonly session?: SessionPlace;
  /** Contents of the stored files that the arguments name. */
  readonly files?: readonly StoredContent[];
}

/** Where a session is held. */
export interface SessionPlace {
  readonly id: string;
  /** Name of the runner, as it was told when the session was opened. */
  readonly runner: string;
}

export interface StoredContent {
  /** `file_…`, as in `args.files[].file`. */
  readonly id: string;
  readonly data: Uint8Array;
}

export const exitReasons = [
  'completed',
  'threw',
  'timed_out',
  'out_of_memory',
  'output_limit',
  'cancelled',
  'crashed',
] as const;
export type ExitReason = (typeof exitReasons)[number];

/**
 * What a run yields, in order: `started`, then data in any order, then `usage`, then `exit`, always last.
 * A run that never reached its sandbox throws `NotStarted` before `started`; one that was lost after it
 * throws `Lost`.
 */
export type ExecutionFrame =
  | { readonly type: 'started'; readonly runtime: RuntimeReport }
  | { readonly type: 'stdout' | 'stderr' | 'result'; readonly data: Uint8Array }
  | { readonly type: 'artifact'; readonly name: string; readonly data: Uint8Array }
  | {
      readonly type: 'usage';
      readonly wallMs: number;
      readonly cpuMs: number;
      readonly memoryPeakBytes: number;
      /** Of the result, and of what was kept of stdout and stderr. */
      readonly outputBytes: number;
      readonly truncated: readonly Truncation[];
    }
  | {
      readonly type: 'exit';
      readonly reason: ExitReason;
      /** For `threw` and `crashed`: what happened, as reported by the guest (hostile text) or seen by the runner. */
      readonly error: { readonly name: string; readonly message: string; readonly stack?: string } | null;
    };

export interface Executor extends AsyncDisposable {
  /** Runs one call. Aborting the signal kills the sandbox; the run then ends with `exit {cancelled}`. */
  run(request: ExecutionRequest, signal: AbortSignal): AsyncIterable<ExecutionFrame>;
}

export const notStartedCodes = [
  'runtime_unavailable',
  'overloaded',
  // The session is taken by another call, cannot hold this one, or is over.
  'session_busy',
  'session_image_mismatch',
  'session_ended',
] as const;
export type NotStartedCode = (typeof notStartedCodes)[number];

/** The sandbox was provably never reached: nothing ran. Becomes 503. The message is fit for the caller. */
export class NotStarted extends Error {
  override readonly name = 'NotStarted';
  readonly code: NotStartedCode;
  constructor(code: NotStartedCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The run was lost in the middle (runner or engine gone). Becomes the status `unknown`; never retried. */
export class Lost extends Error {
  override readonly name = 'Lost';
}

/** What the runner builds a sandbox from: looked up in the revision that it loaded itself. */
export type SandboxProfile = IsolateProfile | ContainerProfile;

interface ProfileBase {
  readonly tool: string;
  readonly limits: Limits;
  /** Tool source from the policy directory; null when the caller's own code runs. */
  readonly code: { readonly name: string; readonly source: string } | null;
}

export interface IsolateProfile extends ProfileBase {
  readonly kind: 'isolate';
  readonly reuse: 'never' | 'principal' | 'tenant';
  /** Weakest confinement of the worker under which the tool may run. */
  readonly minConfinement: ConfinementName;
  readonly webAssembly: boolean;
}

export interface ContainerProfile extends ProfileBase {
  readonly kind: 'container';
  readonly image: Image;
  readonly engineRuntime: 'runc' | 'runsc';
}

/** One sandbox run: the profile comes from policy alone, the request only names it. */
export interface SandboxRequest extends ExecutionRequest {
  readonly profile: SandboxProfile;
}

/** An executor for one kind of sandbox, inside the runner. One conformance suite runs against each. */
export interface SandboxExecutor extends AsyncDisposable {
  readonly kind: SandboxProfile['kind'];
  run(request: SandboxRequest, signal: AbortSignal): AsyncIterable<ExecutionFrame>;
  /** Whether runs can be served now; `reason` says what is missing and what to do. */
  health(): Promise<ExecutorHealth>;
  /** Missing where there are no sessions. */
  readonly sessions?: SandboxSessions;
  /**
   * Ids of containers that nobody waited for, which a killed runner or a lost engine left, and that were removed since it was
   * asked last: for the record. The oldest of many may be missing.
   */
  takeOrphans?(): readonly string[];
}

/** Orphans that are remembered, the newest, and told at once. */
export const orphansMax = 64;

export interface ExecutorHealth {
  readonly kind: SandboxProfile['kind'];
  readonly state: 'ok' | 'down';
  readonly confinement: string;
  readonly reason: string | null;
  /** Guards that were proved at start, and those that this host lacks. Missing where nothing is confined. */
  readonly protections?: readonly string[];
  readonly missing?: readonly string[];
  /** The worker processes; isolates only. */
  readonly workers?: WorkersReport;
  /** What is kept warm; containers only. */
  readonly pools?: readonly PoolReport[];
}

/** Isolate workers. Counts are since the runner started. */
export interface WorkersReport {
  readonly starting: number;
  readonly idle: number;
  readonly busy: number;
  /** Calls that wait for one. */
  readonly waiting: number;
  /** Calls that found one ready, and those that had to wait. */
  readonly hits: number;
  readonly misses: number;
  /** Workers that came up, and the time that took in all, milliseconds. */
  readonly starts: number;
  readonly startMs: number;
}

/** Idle containers of one size. Counts are since the runner started. */
export interface PoolReport {
  /** Name of the Image resource. */
  readonly image: string;
  readonly engineRuntime: 'runc' | 'runsc';
  readonly memoryMiB: number;
  /** Idle now, and how many there should be by recent demand. */
  readonly size: number;
  readonly target: number;
  /** Calls that found an idle one, and calls that had to wait for a start. */
  readonly hits: number;
  readonly misses: number;
  /** Idle ones that died or spoke out of turn. */
  readonly spoiled: number;
  /** Containers that were made ahead of need, and how long that took altogether, milliseconds. */
  readonly refills: number;
  readonly refillMs: number;
}
