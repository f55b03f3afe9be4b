/** Labels of a session are content: they go by age and by erasure, also while it is open. */
import { isHeldAt } from './hold-sql.ts';
import { parseCanonicalEvent } from './stored-event.ts';
import type { StoredSession } from './record.ts';

/** What is written of a session that is stored already: its labels never change, and what was cleared stays cleared. */
export function withStoredLabels(next: StoredSession, stored: Uint8Array | undefined): StoredSession {
  return stored === undefined ? next : withLabels(next, parseSession(stored).session.labels);
}

export function withoutLabels(stored: StoredSession): StoredSession {
  return withLabels(stored, {});
}

/** Its labels may be older than the retention: whether they are still shown depends on holds alone. */
export function isPastRetention({ session }: StoredSession, sinceMs: number | null): boolean {
  return (
    sinceMs !== null && Object.keys(session.labels).length > 0 && Date.parse(session.createdAt) < sinceMs
  );
}

/** A condition: a hold means the event by which this session was opened. */
export const isSessionHeld = (id: string): string =>
  `EXISTS (SELECT 1 FROM audit_terms w JOIN audit_chain e ON e.position = w.position
    WHERE w.kind = 'session' AND w.value = ${id} AND e.type = 'session_opened' AND ${isHeldAt('e.position')})`;

/** The session that an event of the type `session_opened` tells of. */
export function sessionOpenedBy(canonical: Uint8Array | undefined): readonly string[] {
  if (canonical === undefined) return [];
  const id = parseCanonicalEvent(canonical.toString()).details?.['sessionId'];
  return typeof id === 'string' ? [id] : [];
}

export function parseSession(body: Uint8Array): StoredSession {
  return JSON.parse(body.toString()) as StoredSession;
}

function withLabels(stored: StoredSession, labels: StoredSession['session']['labels']): StoredSession {
  return { ...stored, session: { ...stored.session, labels } };
}
