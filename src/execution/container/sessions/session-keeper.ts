/** All sessions of one executor, by id: opened from the pool, kept, and ended. */
import { NotStarted } from '../../executor.ts';
import type { ContainerProfile } from '../../executor.ts';
import type {
  FileAnswer,
  FileOperation,
  OnSessionEnded,
  SandboxSessions,
  SessionOwner,
  SessionRequest,
} from '../../sessions.ts';
import type { RuntimeReport } from '../../../model/call.ts';
import type { SessionEndReason } from '../../../model/session.ts';
import { sessionsMax } from '../limits.ts';
import type { Sandbox } from '../sandbox.ts';
import type { SandboxWish } from '../sandbox-source.ts';
import { HeldSession } from './held-session.ts';

export interface SessionKeeperOptions {
  readonly source: {
    acquire(wish: SandboxWish): Promise<{ sandbox: Sandbox; runtime: RuntimeReport }>;
    discard(sandbox: Sandbox): void;
  };
  readonly clock: { now(): number };
}

export class SessionKeeper implements SandboxSessions, AsyncDisposable {
  readonly #options: SessionKeeperOptions;
  readonly #held = new Map<string, HeldSession>();
  /** Taken by what is being opened. */
  readonly #opening = new Map<string, Promise<unknown>>();
  readonly #listeners = new Set<OnSessionEnded>();
  readonly #closing = new AbortController();

  constructor(options: SessionKeeperOptions) {
    this.#options = options;
  }

  async open(request: SessionRequest, profile: ContainerProfile): Promise<RuntimeReport> {
    const { sessionId } = request;
    if (this.#held.has(sessionId) || this.#opening.has(sessionId))
      throw new NotStarted('runtime_unavailable', `The runner has session ${sessionId} already.`);
    if (this.#held.size + this.#opening.size >= sessionsMax)
      throw new NotStarted('overloaded', `${sessionsMax} sessions are open already: try again later.`);
    const opening = this.#start(request, profile);
    this.#opening.set(
      sessionId,
      opening.catch(() => {}),
    );
    try {
      return await opening;
    } finally {
      this.#opening.delete(sessionId);
    }
  }

  check(id: string, owner: SessionOwner): boolean {
    return this.#held.get(id)?.isOwnedBy(owner) ?? false;
  }

  async close(id: string, owner: SessionOwner): Promise<void> {
    await this.#opening.get(id);
    if (this.check(id, owner)) this.#held.get(id)?.end('deleted');
  }

  async exchange(id: string, owner: SessionOwner, operation: FileOperation): Promise<FileAnswer> {
    const session = this.find(id, owner);
    using _claimed = session.claim();
    return await session.exchange(operation);
  }

  /** Throws NotStarted (`session_ended`) for one that is not there, or another's. */
  find(id: string, owner: SessionOwner): HeldSession {
    const session = this.#held.get(id);
    if (session?.isOwnedBy(owner) !== true)
      throw new NotStarted('session_ended', 'The runner does not hold this session any more.');
    return session;
  }

  onEnded(listener: OnSessionEnded): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** Ends all of them; their containers go with the source. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new Error('the executor is closing'));
    await Promise.all(this.#opening.values());
    for (const session of this.#held.values()) session.end('runner_lost');
  }

  async #start(request: SessionRequest, profile: ContainerProfile): Promise<RuntimeReport> {
    const { sessions } = profile.image;
    if (sessions === undefined)
      throw new NotStarted('runtime_unavailable', `Image ${profile.image.name} has no sessions.`);
    const clamped: SessionRequest = {
      ...request,
      idleMs: Math.min(request.idleMs, sessions.idleMs),
      lifetimeMs: Math.min(request.lifetimeMs, sessions.lifetimeMs),
    };
    const own = profile.limits;
    const { memoryMiB, cpus, pids } = request.size;
    const limits = {
      ...own,
      memoryMiB: Math.min(own.memoryMiB, memoryMiB),
      cpus: Math.min(own.cpus, cpus),
      pids: Math.min(own.pids, pids),
    };
    const sized = { ...profile, limits };
    const { source, clock } = this.#options;
    const wish = { profile: sized, own, tenant: request.tenant, stop: this.#closing.signal };
    const { sandbox, runtime } = await source.acquire(wish);
    const onEnded = (reason: SessionEndReason): void => {
      this.#held.delete(request.sessionId);
      source.discard(sandbox);
      for (const listener of this.#listeners) listener(request.sessionId, reason);
    };
    const session = new HeldSession({ request: clamped, profile: sized, runtime, sandbox, clock, onEnded });
    this.#held.set(request.sessionId, session);
    return runtime;
  }
}
