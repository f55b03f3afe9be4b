/**
 * Who is tainted, and who becomes so. Taint is set in the same transaction as what causes it: the intent of a call whose
 * tool says so, the outcome with findings, the file that goes in or out. So it is there before anything tainted leaves.
 */
import type { RecordStore } from '../audit/record.ts';
import type { Principal } from '../model/principal.ts';
import { principalHolder } from '../model/taint.ts';
import type { SessionFacts, Taint } from '../model/taint.ts';
import type { CallContext } from './call-context.ts';
import type { LiveSessions } from './sessions/live-sessions.ts';

/** From when it was last set. */
const taintMs = 24 * 3600 * 1000;

export interface Taints extends Pick<CallContext, 'clock'> {
  readonly record: Pick<RecordStore, 'taintsOf'>;
  readonly sessions: Pick<LiveSessions, 'own'>;
}

/** What policy sees of this caller now. `session`: the one that the call asks for. */
export function sessionFacts(
  { record, clock, sessions }: Taints,
  principal: Principal,
  session: string | null,
): SessionFacts {
  const live = session === null ? undefined : sessions.own(principal, session);
  if (live === undefined)
    return { taints: record.taintsOf([principalHolder(principal)]), callCount: 0, ageMs: 0 };
  const { id, createdAt } = live.stored.session;
  return {
    taints: record.taintsOf([principalHolder(principal), id]),
    callCount: live.callCount,
    ageMs: Math.max(0, clock.now() - Date.parse(createdAt)),
  };
}

/**
 * These names on the principal, for 24 hours from now. A session takes over what its principal has, for as long as it
 * lives, and gives back what it has itself: its files and variables may hold what came in before.
 */
export function taintsToSet(
  { record, clock, sessions }: Taints,
  principal: Principal,
  session: string | null,
  names: readonly string[],
): readonly Taint[] {
  const holder = principalHolder(principal);
  const expiresAtMs = clock.now() + taintMs;
  const live = session === null ? undefined : sessions.own(principal, session);
  if (live === undefined) return names.map((name) => ({ holder, name, expiresAtMs }));
  const { id, expiresAt } = live.stored.session;
  const back = new Set([...record.taintsOf([id]), ...names]);
  const all = back.union(new Set(record.taintsOf([holder])));
  return [
    ...[...back].map((name) => ({ holder, name, expiresAtMs })),
    ...[...all].map((name) => ({ holder: id, name, expiresAtMs: Date.parse(expiresAt) })),
  ];
}

/** The names that were set, for an event's details; nothing where there are none. */
export function taintDetails(taints: readonly Taint[]): { readonly taints?: string[] } {
  const names = [...new Set(taints.map(({ name }) => name))].toSorted();
  return names.length === 0 ? {} : { taints: names };
}
