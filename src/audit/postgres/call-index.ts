/** What calls are listed by: columns of their own rows, and labels beside them, which go with their call. */
import { isCallHeld } from '../hold-sql.ts';
import { callFacts, callPage, callScan, placesMax, placesOfPage } from '../call-listing.ts';
import { columnText } from './column-text.ts';
import { rowsOf } from './connection.ts';
import { Bound } from './event-query.ts';
import type { CallFacts, CallPlace, CallQuery, CallScan } from '../call-listing.ts';
import type { Page, StoredCall } from '../record.ts';
import type { SealedCall } from '../sealed-write.ts';
import type { Session } from './connection.ts';
import type { Statement } from './event-query.ts';
import type { Reading } from './reading.ts';

const text = 'text COLLATE "C"';

/** Columns may be null: a node of the version before, which may still write, does not know of them; its calls are not listed. */
const columns = `
  ALTER TABLE calls ADD COLUMN tenant ${text}, ADD COLUMN principal ${text}, ADD COLUMN created_at_ms bigint,
    ADD COLUMN tool ${text}, ADD COLUMN session ${text};
  CREATE TABLE call_labels (
    tenant ${text} NOT NULL,
    principal ${text} NOT NULL,
    label ${text} NOT NULL,
    created_at_ms bigint NOT NULL,
    call_id ${text} NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
    PRIMARY KEY (call_id, label)
  );
`;

/** One by one: each may take as long as one statement may. */
const indexes = [
  `CREATE INDEX calls_of_principal ON calls (tenant, principal, created_at_ms, id)`,
  `CREATE INDEX calls_of_tenant ON calls (tenant, created_at_ms, id)`,
  `CREATE INDEX calls_by_time ON calls (created_at_ms, id)`,
  `CREATE INDEX calls_of_session ON calls (session, created_at_ms, id) WHERE session IS NOT NULL`,
  `CREATE INDEX calls_ended_badly_of_principal ON calls (tenant, principal, status, created_at_ms, id) WHERE status <> 'succeeded' AND status <> 'running'`,
  `CREATE INDEX calls_ended_badly_of_tenant ON calls (tenant, status, created_at_ms, id) WHERE status <> 'succeeded' AND status <> 'running'`,
  `CREATE INDEX call_labels_of_principal ON call_labels (tenant, principal, label, created_at_ms, call_id)`,
  `CREATE INDEX call_labels_of_tenant ON call_labels (tenant, label, created_at_ms, call_id)`,
];

/** Calls taken up at once: each may hold some megabytes. */
const callsAtOnce = 64;

/** The step of the schema, with what older calls get of it. */
export async function addCallIndex(session: Session): Promise<void> {
  await session.query(columns);
  for (let after = ''; ;) {
    const rows = await rowsOf<{ id: string; body: Buffer }>(
      session,
      `SELECT id, body FROM calls WHERE id > $1 ORDER BY id LIMIT ${callsAtOnce}`,
      [after],
    );
    const calls = rows.map(({ id, body }) => ({
      id,
      facts: callFacts(JSON.parse(body.toString()) as StoredCall),
    }));
    await rowsOf(
      session,
      `UPDATE calls c SET tenant = u.tenant, principal = u.principal, created_at_ms = u.created_at_ms, tool = u.tool,
         session = u.session
       FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[])
         AS u (id, tenant, principal, created_at_ms, tool, session) WHERE c.id = u.id`,
      [calls.map(({ id }) => id), ...factColumns(calls.map(({ facts }) => facts))],
    );
    await storeLabels(session, calls);
    const last = rows.at(-1);
    if (last === undefined) break;
    after = last.id;
  }
  for (const statement of indexes) await session.query(statement);
}

/** `tenant, principal, created_at_ms, tool, session`, each an array. */
export function factColumns(facts: readonly CallFacts[]): readonly (readonly (string | number | null)[])[] {
  return [
    facts.map(({ tenant }) => columnText(tenant)),
    facts.map(({ principal }) => columnText(principal)),
    facts.map(({ createdAtMs }) => createdAtMs),
    facts.map(({ tool }) => columnText(tool)),
    facts.map(({ session }) => columnText(session)),
  ];
}

/** Also when they are there already. */
export async function storeLabels(
  session: Session,
  calls: readonly Pick<SealedCall, 'id' | 'facts'>[],
): Promise<void> {
  const rows = calls.flatMap(({ id, facts }) => facts.labels.map((label) => ({ id, ...facts, label })));
  if (rows.length === 0) return;
  await rowsOf(
    session,
    `INSERT INTO call_labels (tenant, principal, label, created_at_ms, call_id)
     SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[]) ON CONFLICT DO NOTHING`,
    [
      rows.map(({ tenant }) => columnText(tenant)),
      rows.map(({ principal }) => columnText(principal)),
      rows.map(({ label }) => columnText(label)),
      rows.map(({ createdAtMs }) => createdAtMs),
      rows.map(({ id }) => id),
    ],
  );
}

/** Calls from before `sinceMs` are past their time. Throws as `callScan` does. */
export function callPlaces(query: CallQuery, sinceMs: number): Statement {
  const bound = new Bound();
  const mark = (value: string | number): string => bound.mark(columnText(value));
  const kept = (): string => `(i.stored_at_ms >= ${mark(sinceMs)} OR ${isCallHeld('i.id')})`;
  const scan = callScan(query, { mark, id: 'id', kept });
  const looked = walk(scan, `LIMIT ${placesMax}`);
  const text = `SELECT i.created_at_ms AS "createdAtMs", i.id FROM (${looked}) i
    WHERE ${scan.fits()} ORDER BY i.created_at_ms DESC, i.id DESC LIMIT ${bound.mark(query.limit + 1)}`;
  return { text, values: bound.values };
}

/** The last place that was looked at, where there were as many as may be; else nothing. */
function lastPlace(query: CallQuery): Statement {
  const bound = new Bound();
  const mark = (value: string | number): string => bound.mark(columnText(value));
  const scan = callScan(query, { mark, id: 'id', kept: () => 'true' });
  const text = `SELECT e.created_at_ms AS "createdAtMs", e.id FROM (${walk(scan, `OFFSET ${placesMax - 1} LIMIT 1`)}) e`;
  return { text, values: bound.values };
}

function walk({ walked, where }: CallScan, limits: string): string {
  const id = walked === 'l' ? 'l.call_id' : 'i.id';
  return `SELECT ${walked}.created_at_ms, ${id} AS id, i.stored_at_ms, i.tenant, i.principal, i.session, i.status, i.tool
    FROM ${sources[walked]} WHERE ${where} ORDER BY ${walked}.created_at_ms DESC, ${id} DESC ${limits}`;
}

const sources: Readonly<Record<CallScan['walked'], string>> = {
  l: 'call_labels l JOIN calls i ON i.id = l.call_id',
  i: 'calls i',
};

export async function listCalls(reading: Reading, query: CallQuery): Promise<Page<StoredCall>> {
  const fitting = callPlaces(query, reading.sinceMs ?? 0);
  const places = await reading.rows<CallPlace & Record<string, unknown>>(fitting.text, fitting.values);
  const stoppedAt = places.length > query.limit ? null : await stop(reading, query);
  const found = { places, stoppedAt };
  const sizes = await reading.rows<{ id: string; bytes: number }>(
    'SELECT id, octet_length(body) AS bytes FROM calls WHERE id = ANY ($1)',
    [places.map(({ id }) => id)],
  );
  const shown = placesOfPage(found, query.limit, new Map(sizes.map(({ id, bytes }) => [id, bytes])));
  const bodies = await reading.rows<{ id: string; body: Buffer }>(
    'SELECT id, body FROM calls WHERE id = ANY ($1)',
    [shown.map(({ id }) => id)],
  );
  const byId = new Map(bodies.map(({ id, body }) => [id, body]));
  const calls = shown.flatMap(({ id }) => {
    const body = byId.get(id);
    return body === undefined ? [] : [JSON.parse(body.toString()) as StoredCall];
  });
  return callPage(found, shown, calls, query);
}

async function stop(reading: Reading, query: CallQuery): Promise<CallPlace | null> {
  const { text, values } = lastPlace(query);
  const [place] = await reading.rows<CallPlace & Record<string, unknown>>(text, values);
  return place ?? null;
}
