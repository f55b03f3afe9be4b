/**
 * Opens, shows and ends sessions, and keeps what the record says of them true: whatever ends one (its runner, a call,
 * a limit, a restart) is written down once, with why. The runner holds the container; the record says that it is held.
 */
import type { SessionQuery, StoredSession } from '../../audit/record.ts';
import { Lost, NotStarted } from '../../execution/executor.ts';
import type { FileAnswer, FileOperation } from '../../execution/sessions.ts';
import type { Caller } from '../../model/principal.ts';
import type { SessionEndReason } from '../../model/session.ts';
import type { Image } from '../../model/tool.ts';
import type { Refusal } from '../refusal.ts';
import { entryOf, isOwn, noSuchSession, sessionElsewhere } from './live-sessions.ts';
import type { LiveSession } from './live-sessions.ts';
import { SessionOpener } from './open-session.ts';
import type { NewSession } from './open-session.ts';
import { unrecorded } from '../record-refusal.ts';
import { refOf, sessionEvent } from './session-context.ts';
import type { SessionContext } from './session-context.ts';

/** How often those are looked for whose runner did not say that they are over. */
const lookEveryMs = 15_000;

export class SessionDesk implements AsyncDisposable {
  readonly #context: SessionContext;
  readonly #opener: SessionOpener;
  /** Ended while their runner could not be told. */
  readonly #owed = new Map<string, StoredSession>();
  readonly #timer: NodeJS.Timeout;
  #images: ReadonlyMap<string, Image>;
  #underway: Promise<unknown> = Promise.resolve();

  private constructor(context: SessionContext) {
    this.#context = context;
    this.#images = context.revision().images;
    this.#opener = new SessionOpener(context, (id, reason) => this.ended(id, reason));
    context.sessions.onEnded = (id, reason) => this.ended(id, reason);
    this.#timer = setInterval(() => this.#track(this.endOverdue()), lookEveryMs).unref();
  }

  /** Takes up the sessions that the record says are open. Rejects with `RecordUnavailable`. */
  static async open(context: SessionContext): Promise<SessionDesk> {
    const open = await context.record.openSessions();
    await context.sessions.registry.add(open.map(entryOf));
    const desk = new SessionDesk(context);
    for (const stored of open) context.sessions.add(stored);
    desk.#track(desk.#takeUp(context.sessions.all));
    return desk;
  }

  /** Throws `RecordUnavailable` when a refusal cannot be recorded. */
  async open(caller: Caller, wanted: NewSession): Promise<StoredSession | Refusal> {
    return await this.#opener.open(caller, wanted);
  }

  /** As the record has it; null for one that this caller may not see. */
  get(id: string): Promise<StoredSession | null> {
    return this.#context.record.getSession(id);
  }

  list(query: SessionQuery): Promise<readonly StoredSession[]> {
    return this.#context.record.listSessions(query);
  }

  /** Its owner's wish, or an administrator's. A call that runs in it is cancelled. One that is over already stays as it is. */
  async end(caller: Caller, id: string): Promise<StoredSession | Refusal> {
    const stored = await this.get(id);
    const isAllowed = stored !== null && (isOwn(stored, caller.principal) || caller.scopes.has('admin'));
    if (!isAllowed) return noSuchSession;
    const { sessions } = this.#context;
    const live = sessions.get(id) ?? (await sessions.takeUp(id));
    if (live === null) return stored.session.status === 'open' ? sessionElsewhere : stored;
    live.endedBy ??= caller;
    live.closing ??= this.#writeEnd(live, 'deleted', () => this.#tellRunner(stored));
    return (await live.closing) ? ((await this.get(id)) ?? stored) : unrecorded;
  }

  /** The runner says that one is over. */
  ended(id: string, reason: SessionEndReason): void {
    const live = this.#context.sessions.get(id);
    if (live === undefined) this.#opener.ended(id, reason);
    else this.#track(this.#close(live, live.endedBy === null ? reason : 'deleted'));
  }

  /** A runner serves, for the first time or again: what it does not hold any more is over. */
  runnerServes(name: string): void {
    for (const stored of this.#owed.values())
      if (stored.runner === name) this.#track(this.#tellRunner(stored));
    const { all } = this.#context.sessions;
    this.#track(this.#takeUp(all.filter(({ stored }) => stored.runner === name)));
  }

  /** Also where the runner that holds it cannot be asked. */
  async endOverdue(): Promise<void> {
    const { clock, sessions } = this.#context;
    const nowMs = clock.now();
    const overdue = sessions.all.filter(({ stored }) => Date.parse(stored.session.expiresAt) <= nowMs);
    for (const live of overdue) {
      const use = await sessions.registry.look(live.stored.session.id);
      if (use?.isBusy !== true) this.#track(this.#endFor(live, 'lifetime'));
    }
  }

  /** Another revision decides: a session whose image is defined otherwise now, or has none any more, is over. */
  policyChanged(): void {
    const { images } = this.#context.revision();
    const before = this.#images;
    this.#images = images;
    for (const live of this.#context.sessions.all) {
      const { image } = live.stored.session;
      if (profileOf(images.get(image)) === profileOf(before.get(image))) continue;
      this.#track(this.#endFor(live, 'policy_changed'));
    }
  }

  /** Throws `NotStarted` when nothing was done, `Lost` when that is not known. */
  async exchange(stored: StoredSession, operation: FileOperation): Promise<FileAnswer> {
    try {
      return await this.#context.host.exchange(refOf(stored), operation);
    } catch (error) {
      if (error instanceof NotStarted) this.#context.sessions.noteFailure(stored.session.id, error);
      throw error;
    }
  }

  /**
   * Ends those whose runner stops with this process, also what is being opened; others go on and are taken up by the
   * next. No more are opened.
   */
  async stop(): Promise<void> {
    const { host, sessions } = this.#context;
    clearInterval(this.#timer);
    await this.#opener.close();
    const ending = sessions.all.filter(({ stored }) => !host.outlivesApi(stored.runner));
    await Promise.all(ending.map((live) => this.#close(live, 'server_stopped')));
    await this.#underway;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#underway;
  }

  async #takeUp(live: readonly LiveSession[]): Promise<void> {
    await Promise.all(live.map((each) => this.#checkOne(each)));
  }

  async #checkOne(live: LiveSession): Promise<void> {
    const { stored } = live;
    const { clock, host, revision } = this.#context;
    if (Date.parse(stored.session.expiresAt) <= clock.now()) {
      await this.#endFor(live, 'lifetime');
      return;
    }
    try {
      if (!(await host.check(refOf(stored)))) {
        await this.#close(live, 'runner_lost');
        return;
      }
    } catch (error) {
      if (error instanceof NotStarted && error.code === 'session_ended')
        await this.#close(live, 'runner_lost');
      else if (!(error instanceof NotStarted) && !(error instanceof Lost)) throw error;
      // It is asked again once its runner serves.
      return;
    }
    const image = revision().images.get(stored.session.image);
    if (image?.sessions !== undefined) return;
    await this.#endFor(live, 'policy_changed');
  }

  /** Closed first: the runner's own word on it comes later, and says less. */
  async #endFor(live: LiveSession, reason: SessionEndReason): Promise<void> {
    const closed = this.#close(live, reason);
    await this.#tellRunner(live.stored);
    await closed;
  }

  async #tellRunner(stored: StoredSession): Promise<void> {
    const { id } = stored.session;
    try {
      await this.#context.host.close(refOf(stored));
      this.#owed.delete(id);
    } catch (error) {
      if (!(error instanceof NotStarted) && !(error instanceof Lost)) throw error;
      if (error instanceof NotStarted && error.code === 'session_ended') this.#owed.delete(id);
      else this.#owed.set(id, stored);
    }
  }

  /** Once for each, whoever asks first: true once that is durable. */
  #close(live: LiveSession, reason: SessionEndReason): Promise<boolean> {
    live.closing ??= this.#writeEnd(live, reason, async () => {});
    return live.closing;
  }

  /** Another process may be at it already: then that writes it down. */
  async #writeEnd(
    { stored, endedBy }: LiveSession,
    endReason: SessionEndReason,
    before: () => Promise<void>,
  ): Promise<boolean> {
    const { clock, outcomes, sessions } = this.#context;
    if (!(await sessions.registry.close(stored.session.id))) {
      sessions.remove(stored.session.id);
      return true;
    }
    await before();
    const endedAt = new Date(clock.now()).toISOString();
    const session = { ...stored.session, status: 'ended', endReason, endedAt } as const;
    // Content of an administrator's would keep them from erasing the session, as if they had done it all themselves.
    const { address: _address, details, ...who } = sessionEvent(stored, endedBy);
    const isDurable = await outcomes.write({
      events: [
        { type: 'session_closed', ...who, status: endReason, details: { ...details, reason: endReason } },
      ],
      sessions: [{ ...stored, session }],
    });
    // Not yet durable, it is tried on; here it is over either way.
    sessions.remove(session.id);
    sessions.registry.remove(session.id);
    return isDurable;
  }

  #track(work: Promise<unknown>): void {
    const { logger } = this.#context;
    const watched = work.catch((error: unknown) => logger.error({ err: error }, 'a session was not seen to'));
    this.#underway = Promise.all([this.#underway, watched]);
  }
}

/** What a session depends on; how many containers wait for single calls is nothing to it. */
function profileOf(image: Image | undefined): string {
  return image === undefined ? '' : JSON.stringify([image.source, image.entry, image.sessions ?? null]);
}
