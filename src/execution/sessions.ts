/**
 * Sessions as execution knows them: containers that keep their state from call to call, each for one principal. Who may
 * have one is decided elsewhere; here one is known by its id, and belongs to whoever opened it.
 */
import type { RuntimeReport } from '../model/call.ts';
import type { Limits } from '../model/limits.ts';
import type { SessionEndReason } from '../model/session.ts';
import type { ContainerProfile, SessionPlace } from './executor.ts';

/** How big a session's container is. */
export type SessionSize = Pick<Limits, 'memoryMiB' | 'cpus' | 'pids'>;

export interface SessionOwner {
  readonly tenant: string;
  readonly principal: string;
}

/** It names a tool of a revision, whose image and runtime the container gets; it cannot describe a sandbox. */
export interface SessionRequest extends SessionOwner {
  readonly sessionId: string;
  readonly revision: string;
  readonly tool: string;
  /** Clamped to the tool's own. */
  readonly size: SessionSize;
  /** Clamped to the image's own. */
  readonly idleMs: number;
  readonly lifetimeMs: number;
}

export interface SessionRef extends SessionOwner {
  readonly place: SessionPlace;
}

export type FileOperation =
  | { readonly kind: 'put'; readonly path: string; readonly data: Uint8Array }
  | { readonly kind: 'get'; readonly path: string; readonly bytesMax: number }
  | { readonly kind: 'list'; readonly prefix: string }
  | { readonly kind: 'remove'; readonly path: string };

/** A file under /work. Hostile: the path. */
export interface SessionFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly modifiedAtMs: number;
}

/** `no_file`: a folder, a link, a pipe, or something on the way that is no folder. */
export const fileErrors = ['not_found', 'no_file', 'no_room', 'too_large', 'failed'] as const;
export type FileError = (typeof fileErrors)[number];

export type FileAnswer =
  | {
      readonly kind: 'done';
      readonly data: Uint8Array;
      readonly files: readonly SessionFile[];
      readonly dropped: number;
    }
  | { readonly kind: 'refused'; readonly error: FileError };

export type OnSessionEnded = (sessionId: string, reason: SessionEndReason) => void;

/** The api's side. Every method throws NotStarted when nothing was done, Lost when that is not known. */
export interface SessionHost {
  open(request: SessionRequest): Promise<{ readonly runner: string; readonly runtime: RuntimeReport }>;
  /** Whether it is there. */
  check(ref: SessionRef): Promise<boolean>;
  /** Resolves when it is over; it may have been before. */
  close(ref: SessionRef): Promise<void>;
  exchange(ref: SessionRef, operation: FileOperation): Promise<FileAnswer>;
  /** Whether this runner, and with it its sessions, goes on when the api stops. */
  outlivesApi(runner: string): boolean;
}

/** The runner's side: what an executor does with a profile that the runner looked up itself. */
export interface SandboxSessions {
  open(request: SessionRequest, profile: ContainerProfile): Promise<RuntimeReport>;
  check(id: string, owner: SessionOwner): boolean;
  close(id: string, owner: SessionOwner): Promise<void>;
  exchange(id: string, owner: SessionOwner, operation: FileOperation): Promise<FileAnswer>;
  /** From now on, until it is disposed. */
  onEnded(listener: OnSessionEnded): Disposable;
}

/** Why a call with these limits cannot run in a container of that size; null when it can. */
export function sizeObjection(container: SessionSize, call: SessionSize): string | null {
  for (const name of ['memoryMiB', 'cpus', 'pids'] as const) {
    if (call[name] < container[name])
      return `The call may have ${name} ${call[name]} at most, and the session's container has ${container[name]}: run it without a session, or open a new one.`;
  }
  return null;
}
