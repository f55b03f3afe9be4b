import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { callPlaces } from '../../../src/audit/postgres/call-index.ts';
import { allPositions, plainPage, probedPositions } from '../../../src/audit/postgres/event-page.ts';
import { openPostgresRecord } from '../../../src/audit/postgres/open-postgres-record.ts';
import type { CallQuery } from '../../../src/audit/call-listing.ts';
import type { EventQuery } from '../../../src/audit/record.ts';
import { intent, sources } from '../../contract/record-fixtures.ts';
import { PostgresServer } from '../../support/postgres-server.ts';

let server: PostgresServer;
let client: pg.Client;
let url = '';
beforeAll(async () => {
  server = await PostgresServer.start();
  url = await server.createDatabase();
  await using record = await openPostgresRecord({ ...sources(), url });
  await record.write(intent('call_1'));
  await server.asSuper(
    `INSERT INTO audit_chain SELECT 1 + i, 'w', i, 'x', 'h', 'p', 'h', 'evt_' || i, (ARRAY['intent', 'outcome', 'denied'])[1 + i % 3],
       '2026-01-02T03:04:05.000Z', '2026-01-02T03:04:05.000Z', 'call_' || i / 2, 'default', 'p' || i % 300, 't' || i % 250,
       'succeeded', 'allow', 'r' || i % 200, 'req_' || i FROM generate_series(2, 20000) AS s (i);
     INSERT INTO audit_words SELECT i, array_to_tsvector(ARRAY['word', 'w' || i]
         || ARRAY(SELECT 'often' || j FROM generate_series(1, 40) AS t (j))) FROM generate_series(3, 20001) AS s (i);
     INSERT INTO audit_content SELECT '2026-01-02', i, 'default', '2026-01-02T03:04:05.000Z', 's', 'x'
       FROM generate_series(3, 20001) AS s (i);
     INSERT INTO calls SELECT 'call_' || lpad(i::text, 5, '0'), CASE i % 100 WHEN 0 THEN 'failed' ELSE 'succeeded' END, '',
       convert_to(json_build_object('call', json_build_object('id', 'call_' || i))::text, 'UTF8'), i, 'w', 1,
       't' || i % 25, 'p' || i % 50, i, CASE i WHEN 7 THEN 'rare' ELSE 'usual' END,
       CASE i % 50 WHEN 0 THEN 'ses_' || i % 3 END
       FROM generate_series(1, 25000) AS s (i);
     INSERT INTO call_labels SELECT 't' || i % 25, 'p' || i % 50, 'team=' || i % 30, i, 'call_' || lpad(i::text, 5, '0')
       FROM generate_series(1, 25000) AS s (i); ANALYZE`,
    url,
  );
  client = new pg.Client({ connectionString: url });
  await client.connect();
});
afterAll(async () => {
  await client.end();
  await server[Symbol.asyncDispose]();
});

const page = { tenant: 'default', limit: 50, order: 'desc' } as const;

async function explain({ text, values }: ReturnType<typeof plainPage>): Promise<string> {
  const { rows } = await client.query<Record<string, string>>(`EXPLAIN ${text}`, [...values]);
  return rows.map((row) => row['QUERY PLAN']).join('\n');
}

function plan(query: Partial<EventQuery>): Promise<string> {
  return explain(plainPage({ ...page, ...query }));
}

test.each([
  [{ callId: 'call_7' }, 'audit_chain_call_id'],
  [{ requestId: 'req_7' }, 'audit_chain_request_id'],
  [{ principal: 'p7' }, 'audit_chain_principal'],
  [{ rule: 'r7' }, 'audit_chain_rule'],
  [{ tool: 't7' }, 'audit_chain_tool'],
  [{ effect: 'deny' }, 'audit_chain_effect'],
  [{}, 'audit_chain_pkey'],
  [{ from: '2027-01-01T00:00:00Z' }, 'audit_chain_time_high'],
] as const)('a page of %o is found by its index', async (query, index) => {
  const found = await plan(query);
  expect(found).toContain(index);
  expect(found).not.toMatch(/Seq Scan on audit_chain/);
});

test('content is found by its day and its place together, whatever row security hides', async () => {
  // A day that is compared last would be a walk through the whole index for each event of a page.
  expect(await plan({})).toMatch(/Index Cond: \(\(day = .*\) AND \("?position"? = e\."?position"?\)\)/);
});

test('words are looked for in the order of the other filter, or by their own index', async () => {
  const probed = await explain(probedPositions({ ...page, text: 'word', principal: 'p7' }, 200));
  expect(probed).toContain('audit_chain_principal');
  expect(probed).toContain('Index Scan using audit_words_pkey on audit_words');
  const rare = await explain(allPositions({ ...page, tenant: null, text: 'rare' }));
  expect(rare).toContain('Bitmap Index Scan on audit_words_words');
  const frequent = await explain(allPositions({ ...page, text: 'word', principal: 'p7' }));
  expect(frequent).toContain('audit_chain_principal');
});

const ofCalls = { tenant: 't1', principal: 'p1', limit: 50 };
const cursor = Buffer.from('c1.20000.call_20000').toString('base64url');

test.each([
  [{}, 'calls_of_principal'],
  [{ cursor, tool: 'rare' }, 'calls_of_principal'],
  [{ principal: null, cursor }, 'calls_of_tenant'],
  [{ principal: null, tenant: null, to: '1970-01-01T00:00:09Z' }, 'calls_by_time'],
  [{ status: 'failed' }, 'calls_ended_badly_of_principal'],
  [{ principal: null, status: 'failed' }, 'calls_ended_badly_of_tenant'],
  [{ session: 'ses_1' }, 'calls_of_session'],
  [{ label: 'team=2' }, 'call_labels_of_principal'],
  [{ principal: null, label: 'team=2' }, 'call_labels_of_tenant'],
] as const)('a page of calls of %o is found by its index', async (query, index) => {
  const { text, values } = callPlaces({ ...ofCalls, ...query }, 0);
  const { rows } = await client.query<Record<string, string>>(`EXPLAIN ${text}`, [...values]);
  const found = rows.map((row) => row['QUERY PLAN']).join('\n');
  expect(found).toContain(index);
  expect(found).not.toMatch(/Seq Scan on call/);
});

test('a page of calls looks at ten thousand places at most, and leads on from there', async () => {
  await using record = await openPostgresRecord({ ...sources(), url });
  const rare: CallQuery = { tenant: null, principal: null, limit: 50, tool: 'rare' };
  const first = await record.listCalls(rare);
  expect(first.items).toEqual([]);
  expect(Buffer.from(first.nextCursor ?? '', 'base64url').toString()).toBe('c1.15002.call_15002');
  const third = await record.listCalls({ ...rare, to: '1970-01-01T00:00:05.001Z' });
  expect(third.items.map(({ call }) => call.id)).toEqual(['call_7']);
  expect(third.nextCursor).toBeNull();
});

test('content is invisible to whoever does not say what may be seen, and of other tenants to a tenant', async () => {
  const seen = async (tenant: string, oldest: string): Promise<number> => {
    await client.query(
      `SELECT set_config('sallyport.tenant', $1, false), set_config('sallyport.oldest', $2, false)`,
      [tenant, oldest],
    );
    const { rows } = await client.query('SELECT position FROM audit_content WHERE position = 1');
    return rows.length;
  };
  const { rows } = await client.query('SELECT position FROM audit_content WHERE position = 1');
  expect(rows).toEqual([]);
  expect(await seen('*', '')).toBe(1);
  expect(await seen('default', '')).toBe(1);
  expect(await seen('other', '')).toBe(0);
  expect(await seen('*', '2026-01-03')).toBe(0);
  const partition = client.query('SELECT * FROM audit_content_20260102');
  expect((await partition).rows).toEqual([]);
  await expect(client.query('DELETE FROM audit_chain')).rejects.toThrow('append-only');
});
