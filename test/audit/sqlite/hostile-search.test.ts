import * as fc from 'fast-check';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { InvalidCursor } from '../../../src/audit/record.ts';
import type { RecordStore } from '../../../src/audit/record.ts';
import { openSqliteRecord } from '../../../src/audit/sqlite/open-sqlite-record.ts';
import { draft, sources } from '../../contract/record-fixtures.ts';

const home = mkdtempSync(join(tmpdir(), 'hostile-search-'));
let record: RecordStore;

beforeAll(async () => {
  record = openSqliteRecord({ ...sources(), dataDir: join(home, 'data') });
  for (const tenant of ['mine', 'theirs'])
    for (let number = 0; number < 5; number += 1) {
      const content = { args: { note: 'secret word α 漢字 naïve' }, labels: { a: 'b' }, address: '10.0.0.1' };
      await record.write({ events: [draft('denied', { tenant, key: 'k', content })] });
    }
});
afterAll(async () => {
  await record[Symbol.asyncDispose]();
  rmSync(home, { recursive: true });
});

const hostile = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom(
    'secret OR word',
    'secret" OR "word',
    'NEAR(secret word)',
    'words : secret',
    '* secret',
    '^secret',
    '-secret',
    `'; DROP TABLE audit_chain; --`,
    'secret\u0000word',
    '\ud800',
    'audit_text MATCH secret',
    'न\u093c क\u094d',
    '\u{1e900}\u{1e901}',
    'Ⰰᦰ²',
    'ﷺ'.repeat(32),
  ),
);

test('whatever is searched for, nothing of another tenant comes, and nothing breaks', async () => {
  await fc.assert(
    fc.asyncProperty(
      hostile,
      fc.constantFrom('text', 'label', 'address', 'key', 'host'),
      async (value, kind) => {
        try {
          const page = await record.listEvents({ tenant: 'mine', limit: 100, order: 'desc', [kind]: value });
          for (const { tenant } of page.items) expect(tenant).toBe('mine');
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      },
    ),
    { numRuns: 500 },
  );
  expect(await record.verify({ deep: true })).toMatchObject({ valid: true });
});

test('a cursor of one search shows nothing in another than that search does', async () => {
  const own = { tenant: 'mine', limit: 2, order: 'desc', text: 'secret' } as const;
  const { nextCursor } = await record.listEvents({
    tenant: 'theirs',
    limit: 2,
    order: 'desc',
    text: 'secret',
  });
  const page = await record.listEvents({ ...own, cursor: nextCursor ?? '' });
  for (const { tenant } of page.items) expect(tenant).toBe('mine');
  const forged = [
    'e1.desc.1',
    '',
    'AAAA',
    `${nextCursor ?? ''}=`,
    Buffer.from('e1.desc.-1').toString('base64url'),
  ];
  for (const cursor of forged)
    await expect(record.listEvents({ ...own, cursor })).rejects.toBeInstanceOf(InvalidCursor);
});
