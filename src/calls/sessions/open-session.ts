/** A new session: what policy gives, a container of that size, and a durable event before anybody hears of it. */
import { RecordUnavailable } from '../../audit/record.ts';
import type { StoredSession } from '../../audit/record.ts';
import { Lost, NotStarted } from '../../execution/executor.ts';
import type { SessionRequest } from '../../execution/sessions.ts';
import type { Caller } from '../../model/principal.ts';
import type { Session, SessionEndReason } from '../../model/session.ts';
import type { SessionPolicy } from '../../model/tool.ts';
import { sessionImages } from '../../policy/session-terms.ts';
import type { SessionTerms } from '../../policy/session-terms.ts';
import { isRefusal } from '../refusal.ts';
import { entryOf } from './live-sessions.ts';
import type { Refusal } from '../refusal.ts';
import { recordRefusal, unrecorded } from '../record-refusal.ts';
import { refOf, sessionEvent, termsFor } from './session-context.ts';
import type { SessionContext } from './session-context.ts';

/** Already checked for shape by its door. */
export interface NewSession {
  readonly image: string;
  readonly idleMs?: number;
  readonly lifetimeMs?: number;
  readonly labels?: Readonly<Record<string, string>>;
}

/** What is told to somebody who has as many as they may. */
const retryAfterMs = 10_000;

interface Opening {
  endedEarly: SessionEndReason | null;
  readonly settled: PromiseWithResolvers<void>;
}

export class SessionOpener {
  readonly #context: SessionContext;
  readonly #onEndedEarly: (id: string, reason: SessionEndReason) => void;
  /** On their way, with how they ended meanwhile. */
  readonly #opening = new Map<string, Opening>();
  #isClosed = false;

  /** `onEndedEarly` is told of one that was over before its opening was durable, as soon as that is. */
  constructor(context: SessionContext, onEndedEarly: (id: string, reason: SessionEndReason) => void) {
    this.#context = context;
    this.#onEndedEarly = onEndedEarly;
  }

  /** One that is on its way is over. */
  ended(id: string, reason: SessionEndReason): void {
    const opening = this.#opening.get(id);
    if (opening !== undefined) opening.endedEarly = reason;
  }

  /** Opens no more; resolves once those on their way are open or refused. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#opening.values()].map(({ settled }) => settled.promise));
  }

  /** Throws `RecordUnavailable` when a refusal cannot be recorded. */
  async open(caller: Caller, wanted: NewSession): Promise<StoredSession | Refusal> {
    const context = this.#context;
    const terms = termsFor(context, caller, wanted.image);
    if (terms === null) return unknownImage(context, caller, wanted.image);
    if (isRefusal(terms)) return recordRefusal(context, caller, terms, { image: wanted.image });
    const refusal = noSessions(terms, wanted) ?? excess(terms.policy, wanted);
    if (refusal !== null) return recordRefusal(context, caller, refusal, { image: wanted.image });
    if (!context.hasDiskReserve()) return unrecorded;
    if (this.#isClosed) return stopping;
    const request = requestOf(context, caller, wanted, terms);
    const { sessionId } = request;
    const settled = Promise.withResolvers<void>();
    this.#opening.set(sessionId, { endedEarly: null, settled });
    let isOpen = false;
    try {
      const tooMany = await this.#reserve(request, wanted.image, terms.policy);
      if (tooMany !== null) return await recordRefusal(context, caller, tooMany, { image: wanted.image });
      const opened = await this.#start(caller, wanted, request);
      isOpen = !isRefusal(opened);
      return opened;
    } finally {
      if (!isOpen) context.sessions.registry.remove(sessionId);
      this.#opening.delete(sessionId);
      settled.resolve();
    }
  }

  async #start(
    caller: Caller,
    wanted: NewSession,
    request: SessionRequest,
  ): Promise<StoredSession | Refusal> {
    const context = this.#context;
    let opened: Awaited<ReturnType<SessionContext['host']['open']>>;
    try {
      opened = await context.host.open(request);
    } catch (error) {
      return notOpened(error);
    }
    const stored: StoredSession = {
      session: newSession(context, wanted, request, opened.runtime),
      tenant: request.tenant,
      principal: request.principal,
      runner: opened.runner,
    };
    try {
      await context.record.write({ events: [openedEvent(stored, caller, request)], sessions: [stored] });
    } catch (error) {
      // What cannot be recorded may not be; if this does not reach the runner, it ends as an idle one.
      await context.host.close(refOf(stored)).catch(() => {});
      if (!(error instanceof RecordUnavailable)) throw error;
      return unrecorded;
    }
    await context.sessions.registry.add([entryOf(stored)]);
    context.sessions.add(stored);
    const reason = this.#opening.get(request.sessionId)?.endedEarly ?? null;
    if (reason !== null) this.#onEndedEarly(request.sessionId, reason);
    return stored;
  }

  async #reserve(
    { sessionId: id, tenant, principal }: SessionRequest,
    image: string,
    policy: SessionPolicy | null,
  ): Promise<Refusal | null> {
    const { perPrincipal = 0, perTenant = 0 } = policy ?? {};
    const entry = { id, tenant, principal, image, callCount: 0 };
    const answer = await this.#context.sessions.registry.reserve(entry, { perPrincipal, perTenant });
    if (answer === null) return stopping;
    if (answer.kind === 'reserved') return null;
    return answer.of === 'principal'
      ? tooMany(`You have ${answer.count} sessions`, image, perPrincipal)
      : tooMany(`Your tenant has ${answer.count} sessions`, image, perTenant);
  }
}

function tooMany(who: string, image: string, limit: number): Refusal {
  return {
    code: 'quota_exceeded',
    detail: `${who} of image ${image}, and policy gives ${limit} at once. End one first: DELETE /v1/sessions/{id}.`,
    quota: `sallyport/sessions-of-${image}`,
    unit: 'concurrent',
    limit,
    amount: 1,
    windowMs: 0,
    retryAfterMs,
  };
}

const stopping: Refusal = {
  code: 'draining',
  detail: 'The server is shutting down. Nothing was opened; try again shortly.',
};

function unknownImage(context: SessionContext, caller: Caller, image: string): Refusal {
  const images = sessionImages(context.revision(), caller.principal);
  const hint =
    images.length === 0 ? 'Policy gives you no sessions.' : `You may have sessions of: ${images.join(', ')}.`;
  return { code: 'not_found', detail: `There is no image "${image}" for sessions. ${hint}` };
}

function noSessions({ policy }: SessionTerms, { image }: NewSession): Refusal | null {
  if (policy !== null) return null;
  return {
    code: 'policy_denied',
    detail: `Policy gives no sessions of image ${image}: its Image resource has no \`sessions\`.`,
    policy: null,
    rule: null,
    reasons: [`Policy gives no sessions of image ${image}.`],
    nearest: null,
  };
}

function excess(policy: SessionPolicy | null, wanted: NewSession): Refusal | null {
  for (const name of ['idleMs', 'lifetimeMs'] as const) {
    const limitMax = policy?.[name] ?? 0;
    const asked = wanted[name];
    if (asked === undefined || asked <= limitMax) continue;
    const detail = `${name} is ${asked}; policy gives at most ${limitMax}.`;
    return { code: 'limit_exceeds_policy', detail, limit: name, limitMax };
  }
  return null;
}

function requestOf(
  context: SessionContext,
  { principal }: Caller,
  wanted: NewSession,
  { policy, size, tools }: SessionTerms,
): SessionRequest {
  const [tool] = tools;
  if (policy === null || tool === undefined) throw new TypeError('a session without terms');
  const lifetimeMs = wanted.lifetimeMs ?? policy.lifetimeMs;
  return {
    sessionId: context.newId('ses'),
    tenant: principal.tenant,
    principal: principal.id,
    revision: context.revision().id,
    tool: tool.name,
    size,
    idleMs: Math.min(wanted.idleMs ?? policy.idleMs, lifetimeMs),
    lifetimeMs,
  };
}

function newSession(
  { clock, boundary }: SessionContext,
  { image, labels = {} }: NewSession,
  { sessionId, size, idleMs, lifetimeMs }: SessionRequest,
  runtime: Session['runtime'],
): Session {
  const nowMs = clock.now();
  return {
    id: sessionId,
    image,
    status: 'open',
    endReason: null,
    labels: boundary.redactForRecord({ ...labels }) as Session['labels'],
    runtime,
    limits: size,
    idleMs,
    createdAt: new Date(nowMs).toISOString(),
    expiresAt: new Date(nowMs + lifetimeMs).toISOString(),
    endedAt: null,
  };
}

function openedEvent(stored: StoredSession, caller: Caller, { revision, lifetimeMs }: SessionRequest) {
  const { details, ...who } = sessionEvent(stored, caller);
  const { image, idleMs, labels, limits, runtime } = stored.session;
  return {
    type: 'session_opened',
    ...who,
    runtime,
    details: {
      ...details,
      image,
      revision,
      runner: stored.runner,
      idleMs,
      lifetimeMs,
      limits: { ...limits },
    },
    content: { labels: { ...labels } },
  } as const;
}

function notOpened(error: unknown): Refusal {
  if (error instanceof NotStarted) {
    const code = error.code === 'overloaded' ? 'overloaded' : 'runtime_unavailable';
    return { code, detail: error.message };
  }
  if (!(error instanceof Lost)) throw error;
  const detail = 'The runner was lost while the session was being opened. Nothing ran in it; try again.';
  return { code: 'runtime_unavailable', detail };
}
