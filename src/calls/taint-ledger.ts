/**
 * Who is tainted, and who becomes so. Taint is set in the same transaction as what causes it: the intent of a call whose
 * tool says so, the outcome with findings, the live print with findings, the file that goes in or out. So it is there before anything tainted leaves.
 */
import type { RecordStore } from '../audit/record.ts';
import type { Principal } from '../model/principal.ts';
import { noSession, principalHolder } from '../model/taint.ts';
import type { SessionFacts, Taint } from '../model/taint.ts';
import type { CallContext } from './call-context.ts';
import type { LiveSessions } from './sessions/live-sessions.ts';

/** From when it was last set. */
const taintMs = 24 * 3600 * 1000;

export interface Taints extends Pick<CallContext, 'clock'> {
  readonly record: Pick<RecordStore, 'taintsOf'>;
  readonly sessions: Pick<LiveSessions, 'own' | 'ownNow'>;
}

/** What policy sees of this caller now. `session`: the one that the call asks for. */
export async function sessionFacts(
  { record, clock, sessions }: Taints,
  principal: Principal,
  session: string | null,
): Promise<SessionFacts> {
  const holder = principalHolder(principal);
  const live = session === null ? undefined : await sessions.ownNow(principal, session);
  if (live === undefined) return { ...noSession, taints: await record.taintsOf([holder]) };
  const { id, createdAt } = live.stored.session;
  const taints = await record.taintsOf([holder, id]);
  return { taints, callCount: live.callCount, ageMs: Math.max(0, clock.now() - Date.parse(createdAt)) };
}

/** These names, on the principal and on the session that it uses. */
export function taintsToSet(
  { clock, sessions }: Pick<Taints, 'clock' | 'sessions'>,
  principal: Principal,
  session: string | null,
  names: readonly string[],
): readonly Taint[] {
  const live = session === null ? undefined : sessions.own(principal, session);
  const until = clock.now() + taintMs;
  const of = (holder: string, expiresAtMs: number) => names.map((name) => ({ holder, name, expiresAtMs }));
  if (live === undefined) return of(principalHolder(principal), until);
  const { id, expiresAt } = live.stored.session;
  return [...of(principalHolder(principal), until), ...of(id, Date.parse(expiresAt))];
}

/**
 * The same where a session is used: it takes over what its principal has, for as long as it lives, and gives back what it
 * has itself, for its files and variables may hold what came in before.
 */
export async function taintsToShare(
  taints: Taints,
  principal: Principal,
  session: string | null,
  names: readonly string[],
): Promise<readonly Taint[]> {
  const live = session === null ? undefined : taints.sessions.own(principal, session);
  if (live === undefined) return taintsToSet(taints, principal, session, names);
  const { id, expiresAt } = live.stored.session;
  const [had, held] = await Promise.all([
    taints.record.taintsOf([id]),
    taints.record.taintsOf([principalHolder(principal)]),
  ]);
  const back = new Set([...had, ...names]);
  const taken = held.filter((name) => !back.has(name));
  const expiresAtMs = Date.parse(expiresAt);
  return [
    ...taintsToSet(taints, principal, session, [...back]),
    ...taken.map((name) => ({ holder: id, name, expiresAtMs })),
  ];
}

/** The names that were set, for an event's details; nothing where there are none. */
export function taintDetails(taints: readonly Taint[]): { readonly taints?: string[] } {
  const names = [...new Set(taints.map(({ name }) => name))].toSorted();
  return names.length === 0 ? {} : { taints: names };
}
