import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { eventSql, withWordsSql } from '../../../src/audit/sqlite/event-query.ts';
import { migrate } from '../../../src/audit/sqlite/migrations.ts';
import type { EventQuery } from '../../../src/audit/record.ts';

const database = new Database(':memory:');
database.function('now_ms', () => 0);
migrate(database);

/** How SQLite would find the places of a page: the indexes it uses, and whether it has to sort. */
function plan(query: Partial<EventQuery>): string {
  const { from, where, position, order, values } = eventSql({
    tenant: null,
    limit: 10,
    order: 'desc',
    ...query,
  });
  const sql = `SELECT ${position} FROM ${from} WHERE ${where} ORDER BY ${order} LIMIT 10`;
  return planOf(sql, values);
}

function planOf(sql: string, values: readonly unknown[]): string {
  const steps = database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...values) as Step[];
  return steps
    .filter(({ parent, detail }) => parent === 0 && !/^(CORRELATED )?SCALAR/.test(detail))
    .map(({ detail }) => detail)
    .join('; ');
}

interface Step {
  readonly parent: number;
  readonly detail: string;
}

/** A filter beside the one that leads is asked of its own index, without a look at the row. */
const asked = (column: string): string =>
  `SEARCH x EXISTS USING COVERING INDEX audit_chain_${column} (${column}=? AND rowid=?)`;

test('a call or a request is found by its own index, also within a tenant', () => {
  expect(plan({ callId: 'call_1' })).toBe('SEARCH e USING COVERING INDEX audit_chain_call_id (call_id=?)');
  expect(plan({ requestId: 'r', principal: 'p', tenant: 't' })).toBe(
    `SEARCH e USING COVERING INDEX audit_chain_request_id (request_id=?); ${asked('principal')}; ${asked('tenant')}`,
  );
});

test('every filter with an index gives its places in order, without sorting, from the index alone', () => {
  const led = (column: string): string => `SEARCH e USING COVERING INDEX audit_chain_${column} (${column}=?)`;
  expect(plan({ principal: 'p' })).toBe(led('principal'));
  expect(plan({ tool: 't' })).toBe(led('tool'));
  expect(plan({ type: 'intent' })).toBe(led('type'));
  expect(plan({ rule: 'r' })).toBe(led('rule'));
  expect(plan({ status: 'failed' })).toBe(led('status'));
  expect(plan({ effect: 'deny' })).toBe(led('effect'));
  // The row is needed for what most events have, which no index holds.
  expect(plan({ type: 'intent', effect: 'allow' })).toBe('SEARCH e USING INDEX audit_chain_type (type=?)');
  // What is rare leads.
  const rare = { tool: 't', rule: 'r', type: 'denied', effect: 'deny' };
  expect(plan(rare)).toBe([led('effect'), ...['type', 'tool', 'rule'].map(asked)].join('; '));
  expect(plan({ tenant: null })).toBe('SCAN e');
});

test('words of a frequent search are looked for within the places of the other filter', () => {
  const dense = withWordsSql('one two', [7, 5, 4]);
  expect(dense.values).toEqual(['"one" AND "two"', 4, 7, '[7,5,4]']);
  // FTS5 begins at the end of the range, as < and > in its plan say; but not at one that is a floating-point number.
  expect(planOf(dense.sql, dense.values)).toMatch(/^SCAN audit_text VIRTUAL TABLE INDEX 0:M1><;/);
  expect(dense.sql.match(/rowid [<>]= CAST\(\? AS INTEGER\)/g)).toHaveLength(2);
  const sparse = withWordsSql('one', [9_000_000, 5]);
  expect(sparse.sql).toContain('f.rowid = value');
});

test('a range of time becomes a range of positions', () => {
  const range = { from: '2026-01-01T00:00:00Z', to: '2026-01-02T00:00:00Z' };
  expect(plan({ tenant: null, ...range })).toBe('SEARCH e USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)');
  expect(plan({ tenant: 't', ...range })).toBe(
    'SEARCH e USING INDEX audit_chain_tenant (tenant=? AND rowid>? AND rowid<?)',
  );
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
  for (const kind of kinds) {
    const found = plan({ [kind]: 'v', type: 'intent' });
    expect(found).toMatch(/^SEARCH t USING PRIMARY KEY \(kind=\? AND value=\?\); /);
    expect(found).toContain(asked('type'));
    expect(found).not.toContain('TEMP B-TREE');
  }
  expect(plan({ text: 'one two*', tool: 't' })).toMatch(
    /^SCAN f VIRTUAL TABLE INDEX \S+; (?!.*TEMP B-TREE).*audit_chain_tool \(tool=\? AND rowid=\?\)/,
  );
});
