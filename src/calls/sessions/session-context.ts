/** What opening, ending and using sessions works with. */
import type { EventDraft, StoredSession } from '../../audit/record.ts';
import type { SessionHost, SessionRef } from '../../execution/sessions.ts';
import type { Caller } from '../../model/principal.ts';
import { sessionTerms } from '../../policy/session-terms.ts';
import type { SessionTerms } from '../../policy/session-terms.ts';
import type { CallContext } from '../call-context.ts';
import { findBlock } from '../decide-call.ts';
import { actor } from '../key-ring.ts';
import type { Refusal } from '../refusal.ts';

export interface SessionContext extends Pick<
  CallContext,
  | 'revision'
  | 'blocks'
  | 'boundary'
  | 'filter'
  | 'record'
  | 'outcomes'
  | 'metrics'
  | 'clock'
  | 'newId'
  | 'hasDiskReserve'
  | 'sessions'
  | 'logger'
> {
  readonly host: SessionHost;
  /** Largest file that is taken or given, bytes. */
  readonly fileBytesMax: number;
}

export function refOf({ session, runner, tenant, principal }: StoredSession): SessionRef {
  return { place: { id: session.id, runner }, tenant, principal };
}

/** The members that every event about a session has. `by` is null when nobody asked for it. */
export function sessionEvent(
  { session, tenant, principal }: StoredSession,
  by: Caller | null,
): Pick<EventDraft, 'tenant' | 'principal' | 'key' | 'act' | 'requestId' | 'address' | 'traceId'> & {
  readonly details: { readonly sessionId: string };
} {
  return { principal, ...actor(by), tenant, details: { sessionId: session.id } };
}

/** What policy gives this caller now; a refusal when an operator has blocked every tool that could use it. */
export function termsFor(
  context: SessionContext,
  caller: Caller,
  image: string,
): SessionTerms | Refusal | null {
  const revision = context.revision();
  const terms = sessionTerms(revision, caller.principal, image);
  if (terms === null) return null;
  let denial: Refusal | null = null;
  for (const tool of terms.tools) {
    const blocked = findBlock(context, revision, caller, tool);
    if (blocked === null) return terms;
    denial ??= blocked.refusal;
  }
  return denial;
}
