import Database from 'better-sqlite3';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { canonicalJson } from '../../../src/audit/canonical-json.ts';
import { commitTo, linkEvent, sealEvent } from '../../../src/audit/chain.ts';
import { callFacts } from '../../../src/audit/call-listing.ts';
import { callIndexStatements, indexCall } from '../../../src/audit/sqlite/call-index.ts';
import { createDataDirectory } from '../../../src/audit/sqlite/data-directory.ts';
import { migrate, schemaVersion } from '../../../src/audit/sqlite/migrations.ts';
import { openSqliteRecord } from '../../../src/audit/sqlite/open-sqlite-record.ts';
import { addToIndex, indexStatements } from '../../../src/audit/sqlite/search-schema.ts';
import { parseCanonicalEvent, searchColumnNames, searchColumns } from '../../../src/audit/stored-event.ts';
import { draft, intent, SetClock, sources, startMs, storedCall } from '../../contract/record-fixtures.ts';

const home = mkdtempSync(join(tmpdir(), 'migrations-'));
afterAll(() => rmSync(home, { recursive: true }));

/** From here on a version keeps what events are found by, and when calls were stored. */
const searchVersion = 8;
/** And an index of calls. */
const callIndexVersion = 9;
const salt = '11'.repeat(32);

const ofAlice = { tenant: 'default', principal: 'alice', limit: 10 };

/** A record as the version with this schema left it: one call with its outcome. */
function leave(dataDir: string, version: number): void {
  createDataDirectory(dataDir);
  const database = new Database(join(dataDir, 'record.db'));
  database.function('now_ms', () => startMs);
  migrate(database, version);
  const body = canonicalJson(storedCall('call_1', 'succeeded', { labels: { team: 'blue' } }));
  const content = { labels: { team: 'blue' }, result: 'strawberry', address: '10.0.0.1' };
  const sealed = sealEvent(draft('outcome', { callId: 'call_1', key: 'k1', status: 'succeeded', content }), {
    id: 'evt_1',
    time: '2026-01-02T03:04:05.000Z',
    writer: 'node-a/api-1',
    nonce: '22'.repeat(16),
    salt,
    callCommitment: commitTo('call', body, salt),
  });
  const linked = linkEvent(sealed, { sequence: 0, hash: '0'.repeat(64) });
  const event = parseCanonicalEvent(linked.canonical);
  const { canonical, eventHash, previousHash, hash } = linked;
  const columns = searchColumnNames.join(', ');
  const values = [Buffer.from(canonical), eventHash, previousHash, hash, event.time, ...searchColumns(event)];
  database
    .prepare(
      `INSERT INTO audit_chain (canonical, event_hash, previous_hash, hash, time_high, ${columns})
       VALUES (${values.map(() => '?').join(', ')})`,
    )
    .run(...values);
  database
    .prepare('INSERT INTO audit_content (position, salt, content) VALUES (1, ?, ?)')
    .run(salt, Buffer.from(sealed.content?.text ?? ''));
  if (version >= searchVersion) addToIndex(indexStatements(database), 1, event, sealed.content?.text ?? null);
  database.prepare('INSERT INTO writers (writer, sequence, hash) VALUES (?, 1, ?)').run(event.writer, hash);
  database
    .prepare(`INSERT INTO calls (id, status, salt, body) VALUES ('call_1', 'succeeded', ?, ?)`)
    .run(salt, Buffer.from(body));
  if (version >= searchVersion) database.prepare('UPDATE calls SET stored_at_ms = ?').run(startMs);
  if (version >= callIndexVersion) {
    const facts = callFacts(storedCall('call_1', 'succeeded', { labels: { team: 'blue' } }));
    indexCall(callIndexStatements(database), { id: 'call_1', status: 'succeeded', facts }, startMs);
  }
  database.close();
}

test('words that another Unicode made are made again at the next start, also beside content that was damaged', async () => {
  const dataDir = join(home, 'other-unicode');
  {
    await using record = openSqliteRecord({ ...sources(), dataDir });
    for (const result of ['kiwi', 'strawberry'])
      await record.write({ events: [draft('outcome', { content: { result } })] });
  }
  const database = new Database(join(dataDir, 'record.db'));
  database.exec(`UPDATE upkeep SET words_unicode = '6.1';
    INSERT INTO audit_text (audit_text, rowid, words) VALUES ('delete', 1, 'kiwi');
    INSERT INTO audit_text (rowid, words) VALUES (1, 'ki wi');
    UPDATE audit_content SET content = CAST('{' AS BLOB) WHERE position = 2`);
  database.close();
  await using record = openSqliteRecord({ ...sources(new SetClock(), 10), dataDir });
  const found = async (text: string): Promise<number> =>
    (await record.listEvents({ tenant: null, limit: 10, order: 'asc', text })).items.length;
  expect([await found('kiwi'), await found('wi'), await found('strawberry')]).toEqual([1, 0, 0]);
  const { problems } = await record.verify({ deep: true });
  expect(problems.map(({ kind, sequence }) => [kind, sequence])).toEqual([['content_altered', 2]]);
});

test('what every earlier version left is read, found, verified, kept by its age, and written on', async () => {
  for (let version = 1; version < schemaVersion; version += 1) {
    const dataDir = join(home, `from-${version}`);
    leave(dataDir, version);
    const clock = new SetClock();
    await using record = openSqliteRecord({ ...sources(clock, 10), dataDir, retentionMs: 86_400_000 });
    for (const query of [
      { text: 'strawberry' },
      { label: 'team=blue' },
      { address: '10.0.0.1' },
      { key: 'k1' },
    ]) {
      const page = await record.listEvents({ tenant: null, limit: 10, order: 'asc', ...query });
      expect({ version, query, ids: page.items.map(({ id }) => id) }).toEqual({
        version,
        query,
        ids: ['evt_1'],
      });
    }
    expect(await record.getCall('call_1')).toMatchObject({ call: { status: 'succeeded' } });
    const listed = await record.listCalls({ ...ofAlice, label: 'team=blue', from: '2026-01-02T03:04:05Z' });
    expect(listed.items.map(({ call }) => call.id)).toEqual(['call_1']);
    expect((await record.write(intent('call_2'))).events()[0]?.sequence).toBe(2);
    expect(await record.verify({ deep: true })).toMatchObject({ valid: true, problems: [], events: 2 });
    clock.advance(86_400_001);
    expect(await record.getCall('call_1')).toBeNull();
    expect((await record.listCalls(ofAlice)).items).toEqual([]);
    expect(await record.planPurge(10)).toMatchObject({ callIds: ['call_1'] });
  }
});
