/** Reads what an erasure or a purge would clear. */
import { sessionOpenedBy } from '../session-labels.ts';
import { ownerTypes, isCallHeld, isFileHeld, isHeldAt, isOwnedBy } from '../hold-sql.ts';
import { isItsContent, withDay } from './content-of.ts';
import { Bound } from './event-query.ts';
import type { ErasurePlan, Hold, PurgePlan, RecordSelection } from '../erasure.ts';
import type { StoredCall } from '../record.ts';
import type { Reading } from './reading.ts';

/** Events of one erasure for each of its calls. */
const eventsPerCall = 10;

interface Row {
  readonly position: number;
  readonly call_id: string | null;
  readonly principal: string | null;
  readonly time: string;
}

interface Seed extends Row {
  readonly isOwned: boolean;
}

const columns = 'e.position, e.call_id, e.principal, e.time';

export async function planErasure(
  reading: Reading,
  selection: RecordSelection,
  limit: number,
): Promise<ErasurePlan> {
  const { callId, principal, session } = selection;
  if (callId === undefined && principal === undefined && session === undefined)
    throw new RangeError('an erasure names a call, a principal or a session');
  const eventsMax = limit * eventsPerCall;
  const bound = new Bound();
  const where = selectionSql(selection, bound);
  const isOwned = principal === undefined ? 'true' : isOwnedBy(bound.mark(principal));
  const seeds = await reading.allRows<Seed & Record<string, unknown>>(
    `SELECT ${columns}, (e.call_id IS NOT NULL AND ${isOwned}) AS "isOwned" FROM (SELECT ${withDay} FROM audit_chain e WHERE ${where} ORDER BY e.position OFFSET 0) e
     JOIN audit_content c ON ${isItsContent} ORDER BY e.position LIMIT ${bound.mark(eventsMax + 1)}`,
    bound.values,
  );
  const rows = new Map<number, Row>();
  const callIds = new Set<string>();
  let isWhole = true;
  for (const seed of seeds) {
    const { call_id: id } = seed;
    const isNew = id !== null && !callIds.has(id);
    isWhole = (!isNew || callIds.size < limit) && rows.size < eventsMax;
    if (!isWhole) break;
    if (!seed.isOwned || id === null) rows.set(seed.position, seed);
    else if (isNew) {
      callIds.add(id);
      for (const row of await eventsOfCall(reading, id)) rows.set(row.position, row);
    }
  }
  return plan(reading, selection, { rows: [...rows.values()], callIds: [...callIds], isWhole });
}

function eventsOfCall(reading: Reading, callId: string): Promise<Row[]> {
  return reading.allRows<Row & Record<string, unknown>>(
    `SELECT ${columns} FROM (SELECT ${withDay} FROM audit_chain e WHERE call_id = $1 OFFSET 0) e
     JOIN audit_content c ON ${isItsContent} ORDER BY e.position`,
    [callId],
  );
}

async function plan(
  reading: Reading,
  selection: RecordSelection,
  found: { readonly rows: readonly Row[]; readonly callIds: readonly string[]; readonly isWhole: boolean },
): Promise<ErasurePlan> {
  const { rows, callIds, isWhole } = found;
  const places = rows.map(({ position }) => position);
  const calls = await reading.rows<{ id: string; body: Buffer }>(
    'SELECT id, body FROM calls WHERE id = ANY ($1)',
    [callIds],
  );
  const bodies = new Map(calls.map(({ id, body }) => [id, JSON.parse(body.toString()) as StoredCall]));
  const deeds = rows.flatMap(({ principal }) => (principal === null ? [] : [principal]));
  const times = rows.map(({ time }) => time).toSorted();
  const [held] = await reading.rows<{ isHeld: boolean }>(
    `SELECT EXISTS (SELECT 1 FROM unnest($1::bigint[]) AS p (position) WHERE ${isHeldAt('p.position')}) AS "isHeld"`,
    [places],
  );
  return {
    places,
    callIds,
    calls: callIds.flatMap((id) => bodies.get(id) ?? []),
    sessionIds: await sessionsOf(reading, selection),
    principals: [...new Set([...(await callOwners(reading, callIds)), ...deeds])],
    oldest: times[0] ?? null,
    newest: times.at(-1) ?? null,
    holds: held?.isHeld === true ? (await listHolds(reading)).map(({ id }) => id) : [],
    remaining: !isWhole,
  };
}

async function callOwners(reading: Reading, callIds: readonly string[]): Promise<string[]> {
  const rows = await reading.rows<{ principal: string }>(
    `SELECT principal FROM audit_chain WHERE call_id = ANY ($1) AND principal IS NOT NULL AND type IN ${ownerTypes}
     ORDER BY position`,
    [callIds],
  );
  return rows.map(({ principal }) => principal);
}

/** What they say of themselves goes with the whole of what happened in them, not with a part of it. */
async function sessionsOf(
  reading: Reading,
  { principal, session, callId, from, to }: RecordSelection,
): Promise<string[]> {
  if (callId !== undefined || from !== undefined || to !== undefined) return [];
  if (principal === undefined) return session === undefined ? [] : [session];
  const rows = await reading.rows<{ id: string }>(
    'SELECT id FROM sessions WHERE principal = $1 AND id = coalesce($2, id)',
    [principal, session ?? null],
  );
  return rows.map(({ id }) => id);
}

function selectionSql(selection: RecordSelection, bound: Bound): string {
  const { callId, principal, session, tenant, from, to } = selection;
  const terms = ['true'];
  const add = (value: string | undefined, term: (mark: string) => string): void => {
    if (value !== undefined) terms.push(term(bound.mark(value)));
  };
  add(
    session,
    (mark) => `e.position IN (SELECT position FROM audit_terms WHERE kind = 'session' AND value = ${mark})`,
  );
  add(callId, (mark) => `e.call_id = ${mark}`);
  add(principal, (mark) => `e.principal = ${mark}`);
  add(tenant, (mark) => `e.tenant = ${mark}`);
  add(from, (mark) => `e.time >= ${mark}`);
  add(to, (mark) => `e.time < ${mark}`);
  return terms.join(' AND ');
}

export async function listHolds(reading: Reading): Promise<readonly Hold[]> {
  const rows = await reading.rows<{ body: string }>('SELECT body FROM holds ORDER BY id');
  return rows.map(({ body }) => JSON.parse(body) as Hold);
}

export async function planPurge(reading: Reading, limit: number): Promise<PurgePlan> {
  const { nowMs, sinceMs } = reading;
  const count = async (table: string, condition: string): Promise<number> => {
    const [row] = await reading.rows<{ count: number }>(
      `SELECT count(*) AS count FROM ${table} WHERE expires_at_ms <= $1 ${condition}`,
      [nowMs],
    );
    return row?.count ?? 0;
  };
  const expired = {
    artifacts: await count('artifacts', `AND NOT ${isCallHeld('artifacts.call_id')}`),
    files: await count('files', `AND NOT ${isFileHeld('files.id')}`),
    idempotency: await count('idempotency', ''),
  };
  if (sinceMs === null) return { places: [], callIds: [], sessionIds: [], ...expired };
  const places = await reading.allRows<{ position: number }>(
    `SELECT c.position FROM audit_content c WHERE c.time < $1 AND c.day <= left($1, 10)
       AND NOT ${isHeldAt('c.position')} ORDER BY c.day, c.position LIMIT $2`,
    [new Date(sinceMs).toISOString(), limit],
  );
  const calls = await reading.rows<{ id: string }>(
    `SELECT k.id FROM calls k WHERE k.stored_at_ms < $1 AND k.status NOT IN ('queued', 'running', 'pending_approval')
       AND NOT ${isCallHeld('k.id')} ORDER BY k.stored_at_ms, k.id LIMIT $2`,
    [sinceMs, limit],
  );
  const positions = places.map(({ position }) => position);
  const opened = await reading.rows<{ canonical: Buffer }>(
    `SELECT canonical FROM audit_chain WHERE position = ANY ($1) AND type = 'session_opened'`,
    [positions],
  );
  return {
    places: positions,
    callIds: calls.map(({ id }) => id),
    sessionIds: opened.flatMap(({ canonical }) => sessionOpenedBy(canonical)),
    ...expired,
  };
}
