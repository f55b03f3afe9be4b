/**
 * What calls are listed by, beside them: in a call's own row it would stand behind the body, and be read through all of
 * that. Rows are narrow, and go with their call.
 */
import { isCallHeld } from '../hold-sql.ts';
import { callFacts, callPage, callScan, placesMax, placesOfPage } from '../call-listing.ts';
import type { CallFacts, CallPlace, CallQuery, CallScan } from '../call-listing.ts';
import type { Page, StoredCall } from '../record.ts';
import type { SealedCall } from '../sealed-write.ts';
import type { Connection } from './connection.ts';

const schema = `
  CREATE TABLE call_index (
    call_id TEXT PRIMARY KEY REFERENCES calls (id) ON DELETE CASCADE,
    tenant TEXT NOT NULL,
    principal TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    stored_at_ms INTEGER NOT NULL,
    status TEXT NOT NULL,
    tool TEXT NOT NULL,
    session TEXT
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX calls_of_principal ON call_index (tenant, principal, created_at_ms, call_id);
  CREATE INDEX calls_of_tenant ON call_index (tenant, created_at_ms, call_id);
  CREATE INDEX calls_by_time ON call_index (created_at_ms, call_id);
  CREATE INDEX calls_of_session ON call_index (session, created_at_ms, call_id) WHERE session IS NOT NULL;
  CREATE INDEX calls_ended_badly_of_principal ON call_index (tenant, principal, status, created_at_ms, call_id)
    WHERE status <> 'succeeded' AND status <> 'running';
  CREATE INDEX calls_ended_badly_of_tenant ON call_index (tenant, status, created_at_ms, call_id)
    WHERE status <> 'succeeded' AND status <> 'running';

  CREATE TABLE call_labels (
    tenant TEXT NOT NULL,
    principal TEXT NOT NULL,
    label TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    call_id TEXT NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
    PRIMARY KEY (call_id, label)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX call_labels_of_principal ON call_labels (tenant, principal, label, created_at_ms, call_id);
  CREATE INDEX call_labels_of_tenant ON call_labels (tenant, label, created_at_ms, call_id);
`;

/** The step of the schema, with what older calls get of it. */
export function addCallIndex(connection: Connection): void {
  connection.exec(schema);
  const statements = callIndexStatements(connection);
  const rows = connection
    .prepare(
      'SELECT id, status, body, stored_at_ms AS storedAtMs FROM calls WHERE id > ? ORDER BY id LIMIT 64',
    )
    .raw();
  for (let after = ''; ;) {
    const batch = rows.all(after) as [string, string, Buffer, number][];
    for (const [id, status, body, storedAtMs] of batch) {
      const facts = callFacts(JSON.parse(body.toString()) as StoredCall);
      indexCall(statements, { id, status, facts }, storedAtMs);
      after = id;
    }
    if (batch.length === 0) return;
  }
}

export type CallIndexStatements = ReturnType<typeof callIndexStatements>;

export function callIndexStatements(connection: Connection) {
  return {
    put: connection.prepare(
      `INSERT INTO call_index (call_id, tenant, principal, created_at_ms, stored_at_ms, status, tool, session)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (call_id) DO UPDATE SET status = excluded.status`,
    ),
    addLabel: connection.prepare(
      'INSERT OR IGNORE INTO call_labels (tenant, principal, label, created_at_ms, call_id) VALUES (?, ?, ?, ?, ?)',
    ),
  };
}

/** Once a call is stored, and each time that it changes: only its status ever does. */
export function indexCall(
  { put, addLabel }: CallIndexStatements,
  { id, status, facts }: Pick<SealedCall, 'id' | 'status'> & { readonly facts: CallFacts },
  storedAtMs: number,
): void {
  const { tenant, principal, createdAtMs, tool, session, labels } = facts;
  put.run(id, tenant, principal, createdAtMs, storedAtMs, status, tool, session);
  for (const label of labels) addLabel.run(tenant, principal, label, createdAtMs, id);
}

const isKept = `(NOT EXISTS (SELECT 1 FROM retention_now r WHERE i.stored_at_ms < r.since_ms)
  OR ${isCallHeld('i.call_id')})`;

export interface CallListSql {
  readonly text: string;
  readonly values: Readonly<Record<string, string | number>>;
}

/** Every place that is looked at, in order, and whether the call there `fits`. Throws as `callScan` does. */
export function callListSql(query: CallQuery): CallListSql {
  const values: Record<string, string | number> = {};
  const mark = (value: string | number): string => {
    const name = `v${Object.keys(values).length}`;
    values[name] = value;
    return `@${name}`;
  };
  const { index, walked, where, fits } = callScan(query, { mark, id: 'call_id', kept: () => isKept });
  const text = `SELECT ${walked}.created_at_ms AS createdAtMs, ${walked}.call_id AS id, (${fits()}) AS fits
    FROM ${source(walked)} INDEXED BY ${index} ${walked === 'l' ? 'CROSS JOIN call_index i ON i.call_id = l.call_id' : ''}
    WHERE ${where}
    ORDER BY ${walked}.created_at_ms DESC, ${walked}.call_id DESC LIMIT ${placesMax}`;
  return { text, values };
}

function source(walked: CallScan['walked']): string {
  return walked === 'l' ? 'call_labels l' : 'call_index i';
}

export function listCalls(connection: Connection, query: CallQuery): Page<StoredCall> {
  const { text, values } = callListSql(query);
  const places: CallPlace[] = [];
  let looked = 0;
  let last: CallPlace | null = null;
  const rows = connection.prepare(text).iterate(values) as IterableIterator<CallPlace & { fits: number }>;
  for (const { createdAtMs, id, fits } of rows) {
    looked += 1;
    last = { createdAtMs, id };
    if (fits === 1) places.push(last);
    if (places.length > query.limit) break;
  }
  const found = { places, stoppedAt: looked === placesMax && places.length <= query.limit ? last : null };
  const size = connection.prepare('SELECT length(body) FROM calls WHERE id = ?').pluck();
  const sizes = new Map(places.map(({ id }) => [id, (size.get(id) as number | undefined) ?? 0]));
  const shown = placesOfPage(found, query.limit, sizes);
  const body = connection.prepare('SELECT body FROM calls_kept WHERE id = ?').pluck();
  const calls = shown.flatMap(({ id }) => {
    const stored = body.get(id) as Buffer | undefined;
    return stored === undefined ? [] : [JSON.parse(stored.toString()) as StoredCall];
  });
  return callPage(found, shown, calls, query);
}
