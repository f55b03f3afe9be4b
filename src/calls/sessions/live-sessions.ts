/**
 * Sessions that are open, in memory: whose they are, which one serves a request right now, and how often each was used.
 * A session serves one request at a time; who comes meanwhile is told so at once.
 */
import type { RecordStore, StoredSession } from '../../audit/record.ts';
import type { NotStarted, SessionPlace } from '../../execution/executor.ts';
import type { OnSessionEnded } from '../../execution/sessions.ts';
import type { Caller, Principal } from '../../model/principal.ts';
import type { Tool } from '../../model/tool.ts';
import type { Clock } from '../call-context.ts';
import type { Refusal } from '../refusal.ts';

/** A claimed session. Disposing gives it back. */
export interface SessionClaim extends Disposable {
  readonly stored: StoredSession;
  readonly place: SessionPlace;
}

export interface LiveSession {
  readonly stored: StoredSession;
  isBusy: boolean;
  /** Raised by everything that may change what is in it. */
  sequence: number;
  /** Calls that were begun in it. */
  callCount: number;
  /** Who asked for its end. */
  endedBy: Caller | null;
  /** Set once it is being ended: nobody can have it any more. */
  closing: Promise<boolean> | null;
}

export interface LiveSessionsOptions {
  readonly record: Pick<RecordStore, 'getSession'>;
  readonly clock: Clock;
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
    const { callCount = 0 } = stored;
    const live = { stored, isBusy: false, sequence: 0, callCount, endedBy: null, closing: null };
    this.#live.set(stored.session.id, live);
    return live;
  }

  get(id: string): LiveSession | undefined {
    return this.#live.get(id);
  }

  remove(id: string): void {
    this.#live.delete(id);
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
    const live = this.#find(principal, id);
    if (live === null) return this.#whyNotLive(principal, id);
    if ('code' in live) return live;
    const objection = tool === undefined ? null : misfit(live.stored, tool);
    if (objection !== null) return objection;
    if (live.isBusy) return busy;
    live.isBusy = true;
    const { stored } = live;
    return {
      stored,
      place: { id, runner: stored.runner },
      [Symbol.dispose]: () => {
        live.isBusy = false;
        // Not before: an approved call is decided again while it holds the session itself.
        if (changes) live.sequence += 1;
      },
    };
  }

  /** Why a call of this tool cannot run in it, busy left aside; null when it can. */
  async objection(principal: Principal, id: string, tool: Tool): Promise<Refusal | null> {
    const live = this.#find(principal, id);
    if (live === null) return this.#whyNotLive(principal, id);
    return 'code' in live ? live : misfit(live.stored, tool);
  }

  /** One's own that is open; undefined else. */
  own(principal: Principal, id: string): LiveSession | undefined {
    const live = this.#find(principal, id);
    return live === null || 'code' in live ? undefined : live;
  }

  /** Counts a call that begins in it; as the record is to have it then. */
  callBegins(id: string): readonly StoredSession[] {
    const live = this.#live.get(id);
    if (live === undefined) return [];
    live.callCount += 1;
    return [{ ...live.stored, callCount: live.callCount }];
  }

  /** How often it was changed so far; null when it is over. */
  sequenceOf(id: string): number | null {
    const live = this.#live.get(id);
    return live === undefined || live.closing !== null ? null : live.sequence;
  }

  /** What a call or file in it came to: a runner that does not hold it any more has ended it. */
  noteFailure(id: string, error: NotStarted): void {
    if (error.code === 'session_ended') this.onEnded(id, 'runner_lost');
  }

  /** null when it is not live. */
  #find(principal: Principal, id: string): LiveSession | Refusal | null {
    const live = this.#live.get(id);
    if (live === undefined) return null;
    const { stored } = live;
    if (!isOwn(stored, principal)) return noSuchSession;
    if (live.closing !== null) return sessionEnded;
    return Date.parse(stored.session.expiresAt) <= this.#options.clock.now() ? sessionEnded : live;
  }

  async #whyNotLive(principal: Principal, id: string): Promise<Refusal> {
    const stored = await this.#options.record.getSession(id);
    if (stored === null || !isOwn(stored, principal)) return noSuchSession;
    return stored.session.status === 'open' ? sessionElsewhere : sessionEnded;
  }
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
