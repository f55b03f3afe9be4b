/** Control messages between the runner and an isolate worker, inside the frames of `protocol/`. */

/**
 * Payload of `run`. After it come `file` + `fileData` (the tool's source, unless it is the caller's own), `args`
 * and `end`. The worker answers with `stdout`, `stderr` and `result` data, then `ended`, then `ready` for the next.
 */
export interface RunMessage {
  readonly memoryMiB: number;
  readonly outputBytes: number;
  readonly logBytes: number;
  readonly hostCalls: number;
  /** Whether the guest finds `WebAssembly`. */
  readonly webAssembly: boolean;
}

export interface GuestError {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
}

/** What became of the guest, as the worker saw it. */
export type GuestOutcome =
  | { readonly kind: 'returned' }
  | { readonly kind: 'threw'; readonly error: GuestError }
  | { readonly kind: 'output_limit' }
  | { readonly kind: 'out_of_memory' };

/** Log bytes that the worker did not send because the cap was reached. */
export interface DroppedBytes {
  readonly stdout: number;
  readonly stderr: number;
}

/** Payload of `ended`. The last two fields serve hosts without /proc; elsewhere the runner looks for itself. */
export interface EndedMessage {
  readonly outcome: GuestOutcome;
  readonly dropped: DroppedBytes;
  readonly cpuMs: number;
  readonly memoryBytes: number;
}

/** Characters kept of each part of an error, so that three of them fit one control frame however they are escaped. */
export const errorNameCharsMax = 128;
export const errorTextCharsMax = 4096;

/** What the self-test tried, with `done` or the code of the error that it met. */
export interface Attempts {
  readonly openSocket: string;
  readonly readPasswords: string;
  readonly writeFile: string;
  readonly spawn: string;
}

/** What a confined process could do and see; the runner looks at it from outside as well. */
export interface ProbeReport {
  readonly attempts: Attempts;
  /** The same again under Node's permission model alone; null where Node has none. */
  readonly attemptsUnderPermission: Attempts | null;
  readonly signalRunner: string;
  readonly readRunner: string;
  readonly otherProcesses: number;
  /** Names of variables. */
  readonly environment: readonly string[];
  readonly userId: number;
}
