import Database from 'better-sqlite3';
import { afterAll, expect, test } from 'vitest';
import { callListSql, listCalls } from '../../../src/audit/sqlite/call-index.ts';
import { migrate } from '../../../src/audit/sqlite/migrations.ts';
import type { CallQuery } from '../../../src/audit/call-listing.ts';

/** Two principals of one tenant, by turns; every thousandth call is of another tool and another tenant. */
const database = new Database(':memory:');
database.function('now_ms', () => 0);
migrate(database);
database.exec(`
  CREATE TEMP TABLE made AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 25000)
    SELECT i, printf('call_%05d', i) AS id, iif(i % 1000 = 0, 'other', 'default') AS tenant, iif(i % 2, 'ann', 'bob') AS principal,
      iif(i = 7, 'rare', 'usual') AS tool FROM n;
  INSERT INTO calls (id, status, salt, body)
    SELECT id, 'succeeded', '', CAST(json_object('tenant', tenant, 'principal', principal,
      'call', json_object('id', id, 'tool', tool)) AS BLOB) FROM made;
  INSERT INTO call_index SELECT id, tenant, principal, i, i, 'succeeded', tool, NULL FROM made;
`);
afterAll(() => database.close());

const ofAnn: CallQuery = { tenant: 'default', principal: 'ann', limit: 2 };

/** How SQLite would find the page: the indexes it uses, and whether it has to sort. */
function plan(query: Partial<CallQuery>): string {
  const { text, values } = callListSql({ ...ofAnn, ...query });
  const steps = database.prepare(`EXPLAIN QUERY PLAN ${text}`).all(values) as {
    parent: number;
    detail: string;
  }[];
  return steps
    .filter(({ parent, detail }) => parent === 0 && !/SCALAR/.test(detail))
    .map(({ detail }) => detail)
    .join('; ');
}

test('every list is walked in the order of an index, from where it begins, without sorting', () => {
  const cursor = Buffer.from('c1.9.call_9').toString('base64url');
  const place = '(created_at_ms,call_id)<(?,?)';
  expect(plan({})).toBe('SEARCH i USING INDEX calls_of_principal (tenant=? AND principal=?)');
  expect(plan({ cursor, tool: 't' })).toBe(
    `SEARCH i USING INDEX calls_of_principal (tenant=? AND principal=? AND ${place})`,
  );
  expect(plan({ principal: null, cursor })).toBe(
    `SEARCH i USING INDEX calls_of_tenant (tenant=? AND ${place})`,
  );
  expect(plan({ principal: null, tenant: null, cursor })).toBe(
    `SEARCH i USING INDEX calls_by_time (${place})`,
  );
  expect(plan({ status: 'failed' })).toBe(
    'SEARCH i USING INDEX calls_ended_badly_of_principal (tenant=? AND principal=? AND status=?)',
  );
  expect(plan({ principal: null, status: 'failed' })).toBe(
    'SEARCH i USING INDEX calls_ended_badly_of_tenant (tenant=? AND status=?)',
  );
  expect(plan({ session: 's' })).toBe('SEARCH i USING INDEX calls_of_session (session=?)');
  expect(plan({ label: 'a=b', from: '2026-01-01T00:00:00Z' })).toBe(
    'SEARCH l USING COVERING INDEX call_labels_of_principal (tenant=? AND principal=? AND label=? AND created_at_ms>?); SEARCH i USING PRIMARY KEY (call_id=?)',
  );
  expect(plan({ principal: null, label: 'a=b' })).toMatch(
    /^SEARCH l USING COVERING INDEX call_labels_of_tenant/,
  );
});

test('a page looks at ten thousand places at most, and leads on from there', () => {
  const first = listCalls(database, { ...ofAnn, tool: 'rare' });
  expect(first.items).toEqual([]);
  const cursor = first.nextCursor ?? '';
  expect(Buffer.from(cursor, 'base64url').toString()).toBe('c1.5001.call_05001');
  const second = listCalls(database, { ...ofAnn, tool: 'rare', cursor });
  expect(second.items.map(({ call }) => call.id)).toEqual(['call_00007']);
  expect(second.nextCursor).toBeNull();
});

test('a page of a tenant is not led over calls of others', () => {
  const others = listCalls(database, { tenant: 'other', principal: null, limit: 100 });
  expect(others.items).toHaveLength(25);
  expect(others.nextCursor).toBeNull();
});
