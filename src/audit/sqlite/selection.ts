/** Reads what an erasure or a purge would clear. */
import { sessionOpenedBy } from '../session-labels.ts';
import { ownerTypes, isCallHeld, isFileHeld, isHeldAt, isOwnedBy } from '../hold-sql.ts';
import type { Hold } from '../erasure.ts';
import type { ErasurePlan, PurgePlan, RecordSelection } from '../erasure.ts';
import type { StoredCall } from '../record.ts';
import type { Connection } from './connection.ts';

/** Events of one erasure for each of its calls. */
const eventsPerCall = 10;

interface Row {
  readonly position: number;
  readonly call_id: string | null;
  readonly principal: string | null;
  readonly time: string;
}

export function planErasure(connection: Connection, selection: RecordSelection, limit: number): ErasurePlan {
  const { callId, principal, session } = selection;
  if (callId === undefined && principal === undefined && session === undefined)
    throw new RangeError('an erasure names a call, a principal or a session');
  const found = new Found(limit);
  const { where, values } = selectionSql(selection);
  const seeds = connection.prepare(
    `SELECT e.position, e.call_id, e.principal, e.time FROM ${seedTable(selection)}
     JOIN audit_content c ON c.position = e.position WHERE ${where} ORDER BY e.position`,
  );
  const ofCall = connection.prepare(
    `SELECT e.position, e.call_id, e.principal, e.time FROM audit_chain e
     JOIN audit_content c ON c.position = e.position WHERE e.call_id = ? ORDER BY e.position`,
  );
  const isSubject = connection
    .prepare(
      `SELECT ${principal === undefined ? '1' : isOwnedBy('?')} FROM audit_chain e WHERE e.position = ?`,
    )
    .pluck();
  for (const seed of seeds.iterate(...values) as IterableIterator<Row>) {
    if (!found.hasRoomFor(seed)) break;
    const owned =
      seed.call_id !== null &&
      isSubject.get(...(principal === undefined ? [] : [principal]), seed.position) === 1;
    if (!owned || seed.call_id === null) found.take(seed);
    else if (found.takeCall(seed.call_id))
      for (const row of ofCall.iterate(seed.call_id) as IterableIterator<Row>) found.take(row);
  }
  return plan(connection, selection, found);
}

class Found {
  readonly rows = new Map<number, Row>();
  readonly callIds = new Set<string>();
  readonly #limit: number;
  isWhole = true;

  constructor(limit: number) {
    this.#limit = limit;
  }

  hasRoomFor({ call_id: callId }: Row): boolean {
    const isNew = callId !== null && !this.callIds.has(callId);
    this.isWhole =
      (!isNew || this.callIds.size < this.#limit) && this.rows.size < this.#limit * eventsPerCall;
    return this.isWhole;
  }

  take(row: Row): void {
    this.rows.set(row.position, row);
  }

  /** Whether it is a new one. */
  takeCall(callId: string): boolean {
    const isNew = !this.callIds.has(callId);
    this.callIds.add(callId);
    return isNew;
  }
}

function plan(connection: Connection, selection: RecordSelection, found: Found): ErasurePlan {
  const call = connection.prepare('SELECT body FROM calls WHERE id = ?').pluck();
  const isHeld = connection.prepare(`SELECT ${isHeldAt('?')}`).pluck();
  const calls = [...found.callIds].flatMap((id) => {
    const body = call.get(id) as Buffer | undefined;
    return body === undefined ? [] : [JSON.parse(body.toString()) as StoredCall];
  });
  const rows = [...found.rows.values()];
  const owners = [...found.callIds].flatMap((id) => callOwners(connection, id));
  const deeds = rows.flatMap(({ principal }) => (principal === null ? [] : [principal]));
  const times = rows.map(({ time }) => time).toSorted();
  const held = rows.filter(({ position }) => isHeld.get(position) === 1);
  return {
    places: rows.map(({ position }) => position),
    callIds: [...found.callIds],
    calls,
    sessionIds: sessionsOf(connection, selection),
    principals: [...new Set([...owners, ...deeds])],
    oldest: times[0] ?? null,
    newest: times.at(-1) ?? null,
    holds: held.length === 0 ? [] : listHolds(connection).map(({ id }) => id),
    remaining: !found.isWhole,
  };
}

function callOwners(connection: Connection, callId: string): string[] {
  return connection
    .prepare(
      `SELECT DISTINCT principal FROM audit_chain WHERE call_id = ? AND principal IS NOT NULL AND type IN ${ownerTypes}`,
    )
    .pluck()
    .all(callId) as string[];
}

/** What they say of themselves goes with the whole of what happened in them, not with a part of it. */
function sessionsOf(
  connection: Connection,
  { principal, session, callId, from, to }: RecordSelection,
): string[] {
  if (callId !== undefined || from !== undefined || to !== undefined) return [];
  if (principal === undefined) return session === undefined ? [] : [session];
  const statement = connection.prepare(
    'SELECT id FROM sessions WHERE principal = ? AND id = coalesce(?, id)',
  );
  return statement.pluck().all(principal, session ?? null) as string[];
}

/** The table that the most exact part of a selection is found by. */
function seedTable({ callId, principal, session }: RecordSelection): string {
  if (callId !== undefined || session === undefined || principal !== undefined) return 'audit_chain e';
  return 'audit_terms t CROSS JOIN audit_chain e ON e.position = t.position';
}

function selectionSql(selection: RecordSelection): { where: string; values: string[] } {
  const { callId, principal, session, tenant, from, to } = selection;
  const terms: string[] = [];
  const values: string[] = [];
  const add = (term: string, value: string | undefined): void => {
    if (value === undefined) return;
    terms.push(term);
    values.push(value);
  };
  if (seedTable(selection) !== 'audit_chain e') add(`t.kind = 'session' AND t.value = ?`, session);
  else
    add(
      `EXISTS (SELECT 1 FROM audit_terms t WHERE t.kind = 'session' AND t.value = ? AND t.position = e.position)`,
      session,
    );
  add('e.call_id = ?', callId);
  add(`${callId === undefined ? '' : '+'}e.principal = ?`, principal);
  add('+e.tenant = ?', tenant);
  add('e.time >= ?', from);
  add('e.time < ?', to);
  return { where: terms.join(' AND '), values };
}

export function listHolds(connection: Connection): readonly Hold[] {
  return (connection.prepare('SELECT body FROM holds ORDER BY id').pluck().all() as string[]).map(
    (body) => JSON.parse(body) as Hold,
  );
}

export function planPurge(connection: Connection, nowMs: number, limit: number): PurgePlan {
  const expired = `time_high < (SELECT since FROM retention_now)`;
  const places = connection
    .prepare(
      `SELECT c.position FROM audit_content c JOIN audit_chain a ON a.position = c.position
       WHERE c.position <= coalesce((SELECT position FROM audit_chain WHERE ${expired}
           ORDER BY time_high DESC, position DESC LIMIT 1), 0)
         AND NOT ${isHeldAt('c.position')} ORDER BY c.position LIMIT ?`,
    )
    .pluck()
    .all(limit) as number[];
  const callIds = connection
    .prepare(
      `SELECT k.id FROM calls k WHERE k.stored_at_ms < (SELECT since_ms FROM retention_now)
         AND k.status NOT IN ('queued', 'running', 'pending_approval') AND NOT ${isCallHeld('k.id')} ORDER BY k.stored_at_ms LIMIT ?`,
    )
    .pluck()
    .all(limit) as string[];
  const opened = connection
    .prepare(`SELECT canonical FROM audit_chain WHERE position = ? AND type = 'session_opened'`)
    .pluck();
  const sessionIds = places.flatMap((place) => sessionOpenedBy(opened.get(place) as Buffer | undefined));
  const count = (table: string, condition: string): number =>
    Number(
      connection
        .prepare(`SELECT count(*) FROM ${table} WHERE expires_at_ms <= ? ${condition}`)
        .pluck()
        .get(nowMs),
    );
  return {
    places,
    callIds,
    sessionIds,
    artifacts: count('artifacts', `AND NOT ${isCallHeld('artifacts.call_id')}`),
    files: count('files', `AND NOT ${isFileHeld('files.id')}`),
    idempotency: count('idempotency', ''),
  };
}
