/**
 * Sessions that are open, as far as this process has had to do with them: whose they are, and for what they are right.
 * A session serves one request at a time, whichever process that comes to; who comes meanwhile is told so at once.
 */
import type { RecordStore, StoredSession } from '../../audit/record.ts';
import type { NotStarted, SessionPlace } from '../../execution/executor.ts';
import type { OnSessionEnded } from '../../execution/sessions.ts';
import type { Caller, Principal } from '../../model/principal.ts';
import type { Tool } from '../../model/tool.ts';
import type { Clock } from '../call-context.ts';
import type { Refusal } from '../refusal.ts';
import type { SessionEntry, SessionRegistry } from './session-table.ts';

/** A claimed session. Disposing gives it back. */
export interface SessionClaim extends Disposable {
  readonly stored: StoredSession;
  readonly place: SessionPlace;
}

export interface LiveSession {
  readonly stored: StoredSession;
  /** Calls that were begun in it, as of the last time that this process had it. */
  callCount: number;
  /** Who asked for its end. */
  endedBy: Caller | null;
  /** Set once it is being ended: nobody can have it any more. */
  closing: Promise<boolean> | null;
}

export interface LiveSessionsOptions {
  readonly record: Pick<RecordStore, 'getSession'>;
  readonly clock: Clock;
  readonly registry: SessionRegistry;
}

export class LiveSessions {
  readonly #options: LiveSessionsOptions;
  /** Set by whoever writes down that one is over. */
  onEnded: OnSessionEnded = () => {};
  readonly #live = new Map<string, LiveSession>();

  constructor(options: LiveSessionsOptions) {
    this.#options = options;
  }

  add(stored: StoredSession): LiveSession {
    const live = { stored, callCount: entryOf(stored).callCount, endedBy: null, closing: null };
    this.#live.set(stored.session.id, live);
    return live;
  }

  get(id: string): LiveSession | undefined {
    return this.#live.get(id);
  }

  remove(id: string): void {
    this.#live.delete(id);
  }

  get registry(): SessionRegistry {
    return this.#options.registry;
  }

  get all(): readonly LiveSession[] {
    return [...this.#live.values()];
  }

  /** Takes it for a call (of a tool, which must fit) or a file. `changes`: a call that waits for approval is void then. */
  async claim(
    principal: Principal,
    id: string,
    { tool, changes }: { readonly tool?: Tool; readonly changes: boolean },
  ): Promise<SessionClaim | Refusal> {
    const live = await this.#find(principal, id);
    if (live === null) return this.#whyNotLive(principal, id);
    if ('code' in live) return live;
    const objection = tool === undefined ? null : misfit(live.stored, tool);
    if (objection !== null) return objection;
    const { registry } = this.#options;
    const answer = await registry.claim(id);
    if (answer.kind !== 'claimed') {
      if (answer.kind === 'busy') return busy;
      if (answer.kind === 'gone') return serverStops;
      return live.closing === null ? this.#whyNotLive(principal, id) : sessionEnded;
    }
    const { stored } = live;
    live.callCount = answer.callCount;
    return {
      stored,
      place: { id, runner: stored.runner },
      // Not before: an approved call is decided again while it holds the session itself.
      [Symbol.dispose]: () => registry.release(id, { isChanged: changes, callCount: live.callCount }),
    };
  }

  /** Why a call of this tool cannot run in it, busy left aside; null when it can. */
  async objection(principal: Principal, id: string, tool: Tool): Promise<Refusal | null> {
    const live = await this.#find(principal, id);
    if (live === null) return this.#whyNotLive(principal, id);
    return 'code' in live ? live : misfit(live.stored, tool);
  }

  /** One's own that is open, as this process knows it; undefined else. */
  own(principal: Principal, id: string): LiveSession | undefined {
    const live = this.#live.get(id);
    const found = live === undefined ? null : this.#usable(principal, live);
    return found === null || 'code' in found ? undefined : found;
  }

  /** The same, as all processes know it. */
  async ownNow(principal: Principal, id: string): Promise<LiveSession | undefined> {
    const live = await this.#find(principal, id);
    if (live === null || 'code' in live) return undefined;
    const use = await this.#options.registry.look(id);
    if (use !== null) live.callCount = use.callCount;
    return live;
  }

  /** Counts a call that begins in it; as the record is to have it then. */
  callBegins(id: string): readonly StoredSession[] {
    const live = this.#live.get(id);
    if (live === undefined) return [];
    live.callCount += 1;
    return [{ ...live.stored, callCount: live.callCount }];
  }

  /** How often it was changed so far; null when it is over. */
  async sequenceOf(id: string): Promise<number | null> {
    return (await this.#options.registry.look(id))?.sequence ?? null;
  }

  /** What a call or file in it came to: a runner that does not hold it any more has ended it. */
  noteFailure(id: string, error: NotStarted): void {
    if (error.code === 'session_ended') this.onEnded(id, 'runner_lost');
  }

  /** null when it is not live. One that another process opened is looked up, once. */
  async #find(principal: Principal, id: string): Promise<LiveSession | Refusal | null> {
    const live = this.#live.get(id) ?? (await this.takeUp(id));
    return live === null ? null : this.#usable(principal, live);
  }

  #usable(principal: Principal, live: LiveSession): LiveSession | Refusal {
    const { stored } = live;
    if (!isOwn(stored, principal)) return noSuchSession;
    if (live.closing !== null) return sessionEnded;
    return Date.parse(stored.session.expiresAt) <= this.#options.clock.now() ? sessionEnded : live;
  }

  /** One that another process opened; null when no process of this node holds it. */
  async takeUp(id: string): Promise<LiveSession | null> {
    const { record, registry } = this.#options;
    if ((await registry.look(id)) === null) return null;
    const stored = await record.getSession(id);
    if (stored?.session.status !== 'open') return null;
    return this.#live.get(id) ?? this.add(stored);
  }

  async #whyNotLive(principal: Principal, id: string): Promise<Refusal> {
    const stored = await this.#options.record.getSession(id);
    if (stored === null || !isOwn(stored, principal)) return noSuchSession;
    return stored.session.status === 'open' ? sessionElsewhere : sessionEnded;
  }
}

export function entryOf({ session, tenant, principal, callCount = 0 }: StoredSession): SessionEntry {
  return { id: session.id, tenant, principal, image: session.image, callCount };
}

export function isOwn({ tenant, principal }: StoredSession, { id, tenant: own }: Principal): boolean {
  return tenant === own && principal === id;
}

export const noSuchSession: Refusal = {
  code: 'not_found',
  detail: 'There is no such session, or it is not yours.',
};

export const sessionEnded: Refusal = {
  code: 'session_ended',
  detail: 'The session is over, with all that it held: GET it to see why, and open a new one.',
};

export const sessionElsewhere: Refusal = {
  code: 'runtime_unavailable',
  detail:
    'This server does not hold the session: another one on the same database does, or its end is not on the record yet. Nothing was done; send requests of a session to the server that opened it.',
};

const serverStops: Refusal = {
  code: 'draining',
  detail: 'The server is shutting down. Nothing was done; try again shortly.',
};

const busy: Refusal = {
  code: 'session_busy',
  detail: 'The session serves another request of yours. Nothing was done; wait for that one to end.',
};

function misfit({ session }: StoredSession, { name, runtime }: Tool): Refusal | null {
  if (runtime.kind === 'container' && runtime.image === session.image) return null;
  const where = runtime.kind === 'container' ? `image ${runtime.image}` : 'an isolate, which has no sessions';
  return {
    code: 'session_image_mismatch',
    detail: `The session has image ${session.image}, and ${name} runs in ${where}.`,
  };
}
