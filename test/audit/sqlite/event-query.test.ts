import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { eventSql } from '../../../src/audit/sqlite/event-query.ts';
import { migrate } from '../../../src/audit/sqlite/migrations.ts';
import type { EventQuery } from '../../../src/audit/record.ts';

const database = new Database(':memory:');
database.function('now_ms', () => 0);
migrate(database);

/** How SQLite would find the page: the indexes it uses, and whether it has to sort. */
function plan(query: Partial<EventQuery>): string {
  const { from, where, order, values } = eventSql({ tenant: 'default', limit: 10, order: 'desc', ...query });
  const sql = `EXPLAIN QUERY PLAN SELECT canonical, c.content FROM ${from} LEFT JOIN audit_content_kept c ON c.position = e.position WHERE ${where} ORDER BY ${order} LIMIT 10`;
  const steps = database.prepare(sql).all(...values) as { parent: number; detail: string }[];
  const details = steps
    .filter(({ parent, detail }) => parent === 0 && !/^(CORRELATED )?SCALAR/.test(detail))
    .map(({ detail }) => detail);
  // The content is looked up for each event of the page, through the view that enforces retention.
  expect(details.pop()).toBe('SEARCH c USING INTEGER PRIMARY KEY (rowid=?) LEFT-JOIN');
  return details.join('; ');
}

test('a call or a request is found by its own index, also within a tenant', () => {
  expect(plan({ callId: 'call_1' })).toBe('SEARCH e USING INDEX audit_chain_call_id (call_id=?)');
  expect(plan({ requestId: 'r', principal: 'p', tool: 't', type: 'intent' })).toBe(
    'SEARCH e USING INDEX audit_chain_request_id (request_id=?)',
  );
});

test('every filter with an index gives its page in order, without sorting', () => {
  expect(plan({ principal: 'p' })).toBe('SEARCH e USING INDEX audit_chain_principal (principal=?)');
  expect(plan({ tool: 't' })).toBe('SEARCH e USING INDEX audit_chain_tool (tool=?)');
  expect(plan({ type: 'intent', effect: 'allow' })).toBe('SEARCH e USING INDEX audit_chain_type (type=?)');
  // What is rare is looked at first.
  const rare = { tool: 't', rule: 'r', type: 'denied', effect: 'deny', status: 'succeeded' };
  expect(plan(rare)).toBe('SEARCH e USING INDEX audit_chain_effect (effect=?)');
  expect(plan({ rule: 'r' })).toBe('SEARCH e USING INDEX audit_chain_rule (rule=?)');
  expect(plan({ status: 'failed' })).toBe('SEARCH e USING INDEX audit_chain_status (status=?)');
  expect(plan({ effect: 'deny' })).toBe('SEARCH e USING INDEX audit_chain_effect (effect=?)');
  expect(plan({ tenant: null })).toBe('SCAN e');
});

test('a range of time becomes a range of positions', () => {
  const range = { from: '2026-01-01T00:00:00Z', to: '2026-01-02T00:00:00Z' };
  expect(plan({ tenant: null, ...range })).toBe('SEARCH e USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)');
  expect(plan(range)).toBe('SEARCH e USING INDEX audit_chain_tenant (tenant=? AND rowid>? AND rowid<?)');
});

test('every term gives its page in order, words too', () => {
  const kinds = [
    'key',
    'session',
    'run',
    'approval',
    'finding',
    'host',
    'credential',
    'label',
    'address',
  ] as const;
  for (const kind of kinds)
    expect(plan({ [kind]: 'v', type: 'intent' })).toBe(
      'SEARCH t USING PRIMARY KEY (kind=? AND value=?); SEARCH e USING INTEGER PRIMARY KEY (rowid=?)',
    );
  expect(plan({ text: 'one two*', tool: 't' })).toMatch(
    /^SCAN f VIRTUAL TABLE INDEX \S+; SEARCH e USING INTEGER PRIMARY KEY \(rowid=\?\)$/,
  );
});
