/** The words of many events are looked up together: an event is missed wherever among the others it stands. */
import Database from 'better-sqlite3';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openSqliteRecord, openSqliteRecordReadOnly } from '../../../src/audit/sqlite/open-sqlite-record.ts';
import { draft, SetClock, sources } from '../../contract/record-fixtures.ts';

const dataDir = mkdtempSync(join(tmpdir(), 'derived-'));
const clock = new SetClock();
const eventsTogether = 512;
const events = 2 * eventsTogether + 76;

beforeAll(async () => {
  await using record = openSqliteRecord({ ...sources(clock), dataDir });
  for (let from = 1; from <= events; from += 100) {
    const count = Math.min(100, events + 1 - from);
    await record.write({
      events: Array.from({ length: count }, (_, at) =>
        draft('denied', { callId: `call_${from + at}`, content: { args: { note: wordsOf(from + at) } } }),
      ),
    });
  }
});

afterAll(() => rmSync(dataDir, { recursive: true }));

/** One word of its own, one that half of the others have. */
function wordsOf(sequence: number): string {
  return `own${sequence} ${sequence % 2 === 0 ? 'even' : 'odd'}`;
}

async function problems(): Promise<readonly string[]> {
  using reader = openSqliteRecordReadOnly({ dataDir, clock });
  const report = await reader.verify({ deep: true });
  return report.problems.map(({ kind, sequence, detail }) => `${kind} ${sequence}: ${detail}`);
}

test('an event whose words are hidden is named, first or last of those that are looked up together', async () => {
  expect(await problems()).toEqual([]);
  const hidden = [1, eventsTogether, eventsTogether + 1, 2 * eventsTogether, events - 1, events];
  const intruder = new Database(join(dataDir, 'record.db'));
  const hide = intruder.prepare(`INSERT INTO audit_text (audit_text, rowid, words) VALUES ('delete', ?, ?)`);
  for (const sequence of hidden) hide.run(sequence, wordsOf(sequence));
  intruder.close();
  expect(await problems()).toEqual([
    ...hidden.map((sequence) => `altered ${sequence}: the search does not find it by its words`),
    'altered 0: the search finds something that no event says',
  ]);
});
