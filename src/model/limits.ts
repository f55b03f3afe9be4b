/**
 * What one call may use. A tool declares them, policy may only narrow them, the runner enforces them.
 * `memoryMiB`, `cpus` and `pids` are part of a sandbox's shape; the others are caps on one call.
 */
export interface Limits {
  /** Wall time from the moment the code may run, milliseconds. */
  readonly timeoutMs: number;
  readonly memoryMiB: number;
  readonly cpus: number;
  readonly pids: number;
  /** The result, bytes of JSON. Reached: the sandbox is killed, `output_limit`. */
  readonly outputBytes: number;
  /** stdout and stderr together. Reached: drained, marked as truncated, the call goes on. */
  readonly logBytes: number;
  /** All artifacts of a call together. Reached: further artifacts are dropped and named as truncated. */
  readonly artifactBytes: number;
  /** Calls of host functions out of an isolate (console, timers). Reached: the guest gets an error. */
  readonly hostCalls: number;
}

/** The limits that a request may narrow for itself. */
export type RequestLimits = Partial<Pick<Limits, 'timeoutMs' | 'outputBytes' | 'logBytes'>>;
