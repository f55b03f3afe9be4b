import { afterAll, beforeAll, expect, test } from 'vitest';
import { openPostgresRecord } from '../../../src/audit/postgres/open-postgres-record.ts';
import type { RecordStore } from '../../../src/audit/record.ts';
import { callWithArtifact, draft, sources } from '../../contract/record-fixtures.ts';
import { PostgresServer } from '../../support/postgres-server.ts';

let server: PostgresServer;
let record: RecordStore;
let url = '';
beforeAll(async () => {
  server = await PostgresServer.start();
  url = await server.createDatabase();
  record = await openPostgresRecord({ ...sources(), url });
  const content = { args: { note: 'blue' }, labels: { team: 'one' }, address: '10.0.0.1' };
  await record.write({ events: [draft('denied', { callId: 'call_1', key: 'k1', content })] });
  const selection = { principal: 'alice' };
  const hold = { id: 'hold_1', selection, reason: 'court', setBy: 'carol', setAtMs: 0 };
  await record.write({ events: [draft('hold_set', { details: { hold: 'hold_1' } })], hold });
  await record.write({ events: [draft('intent', { callId: 'call_2', content: { args: { n: 'three' } } })] });
  await record.write(callWithArtifact(3));
});
afterAll(async () => {
  await record[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

/** What is found after a change, which is taken back. */
async function verifyDeeply(change: string, back: string): Promise<readonly string[]> {
  await server.asSuper(change, url);
  try {
    expect(await record.verify()).toMatchObject({ valid: true });
    const report = await record.verify({ deep: true });
    expect(report.deep).toBe(true);
    return report.problems.map(({ kind, sequence, detail }) => `${kind} ${sequence}: ${detail}`);
  } finally {
    await server.asSuper(back, url);
  }
}

test('what is as it should be is found so', async () => {
  expect(await verifyDeeply('SELECT 1', 'SELECT 1')).toEqual([]);
});

test.each(['key', 'label', 'address'])(
  'a term that is hidden, changed or moved is named: %s',
  async (kind) => {
    const hidden = `altered 1: the search does not find it by ${kind}`;
    const change = (what: string, back: string) =>
      verifyDeeply(
        `UPDATE audit_terms SET ${what} WHERE kind = '${kind}'`,
        `UPDATE audit_terms SET ${back} WHERE kind = '${kind}'`,
      );
    expect(await change(`value = value || 'x'`, `value = left(value, -1)`)).toEqual([hidden]);
    expect(await change('position = 3', 'position = 1')).toEqual([
      hidden,
      `altered 3: the search finds it by ${kind} that it does not have`,
    ]);
    expect(await change('position = 9', 'position = 1')).toEqual([
      hidden,
      'altered 0: the search finds something that no event says',
    ]);
  },
);

test('words that are hidden or made up are named, also where no event stands', async () => {
  const words = (text: string): string => `UPDATE audit_words SET words = '${text}' WHERE position = 3`;
  expect(await verifyDeeply(words(''), words('three'))).toEqual([
    'altered 3: the search does not find it by its words',
  ]);
  expect(await verifyDeeply(words('four three'), words('three'))).toEqual([
    'altered 3: the search finds it by its words that it does not have',
  ]);
  expect(
    await verifyDeeply(
      `INSERT INTO audit_words VALUES (9, 'four')`,
      'DELETE FROM audit_words WHERE position = 9',
    ),
  ).toEqual(['altered 0: the search finds something that no event says']);
});

test('a hold that was taken away or made up is named, and content that went without an erasure', async () => {
  const setAway = `ALTER TABLE holds RENAME TO away; CREATE TABLE holds (LIKE away INCLUDING ALL); GRANT ALL ON holds TO sallyport`;
  expect(await verifyDeeply(setAway, 'DROP TABLE holds; ALTER TABLE away RENAME TO holds')).toEqual([
    'altered 2: the hold hold_1 was taken away',
  ]);
  expect(
    await verifyDeeply(
      `INSERT INTO holds (id, body) VALUES ('hold_2', '{}')`,
      `DELETE FROM holds WHERE id = 'hold_2'`,
    ),
  ).toEqual(['altered 0: no event tells of the hold hold_2']);
  expect(await verifyDeeply('DELETE FROM audit_content WHERE position = 3', 'SELECT 1')).toContain(
    'content_altered 3: its content is gone, and no erasure or purge tells of it',
  );
});

test('an artifact that is not what its call left is named, and a call that went without an erasure', async () => {
  expect(await verifyDeeply(`UPDATE artifacts SET data = 'other'`, 'SELECT 1')).toContain(
    'content_altered 0: artifact art_3 is not what its call left',
  );
  expect(await verifyDeeply('DELETE FROM artifacts; DELETE FROM calls', 'SELECT 1')).toContain(
    'content_altered 4: its call is gone, and no erasure or purge tells of it',
  );
});
