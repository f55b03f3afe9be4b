/** What `sallyport doctor` found. Its JSON is a contract: fields are added, never renamed or removed. */

/** `failed`: something that matters is missing. `warning`: it works, but somebody should look. */
export type CheckState = 'ok' | 'warning' | 'failed';

export interface Check {
  /** Stable, for programs. */
  readonly id: string;
  readonly state: CheckState;
  /** What was found. */
  readonly found: string;
  /** What to do about it; empty when ok. */
  readonly remedies: readonly string[];
}

export interface MissingProtection {
  readonly what: string;
  /** Null where this host or this version cannot have it. */
  readonly remedy: string | null;
}

/** One way to run tools here, with what was proved by launching it. */
export interface RuntimeFinding {
  readonly kind: 'isolate' | 'container';
  /** Of isolate workers: `bwrap`, `container`, `process`. Of containers: `runc`, `runsc`. */
  readonly confinement: string;
  readonly state: 'works' | 'unavailable';
  /** Whether the server would use it, as configured and under this policy. */
  readonly isUsed: boolean;
  readonly protections: readonly string[];
  readonly missing: readonly MissingProtection[];
  /** With `--deep`, of a container runtime that works: what was tried from inside, and what of it was not prevented. */
  readonly hardening?: { readonly held: readonly string[]; readonly open: readonly string[] };
  /** Why it cannot be used; null when it works. */
  readonly reason: string | null;
  readonly remedies: readonly string[];
}

export interface DoctorReport {
  readonly status: 'ok' | 'failed';
  readonly version: string;
  readonly checks: readonly Check[];
  readonly runtimes: readonly RuntimeFinding[];
}

export function ok(id: string, found: string): Check {
  return { id, state: 'ok', found, remedies: [] };
}

export function warning(id: string, found: string, ...remedies: readonly string[]): Check {
  return { id, state: 'warning', found, remedies };
}

export function failed(id: string, found: string, ...remedies: readonly string[]): Check {
  return { id, state: 'failed', found, remedies };
}
