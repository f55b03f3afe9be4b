import Database from 'better-sqlite3';
import * as fc from 'fast-check';
import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openSqliteRecord, openSqliteRecordReadOnly } from '../../../src/audit/sqlite/open-sqlite-record.ts';
import {
  callWithArtifact,
  draft,
  intent,
  outcome,
  SetClock,
  sources,
} from '../../contract/record-fixtures.ts';
import type { VerifyReport } from '../../../src/audit/record.ts';

const home = mkdtempSync(join(tmpdir(), 'tamper-'));
const intact = join(home, 'intact');
const tampered = join(home, 'tampered');
const clock = new SetClock();
const events = 12;

beforeAll(async () => {
  await using record = openSqliteRecord({ ...sources(clock), dataDir: intact });
  for (const id of ['call_1', 'call_2', 'call_3', 'call_4']) {
    await record.write(intent(id));
    clock.advance(1_000);
    await record.write(outcome(id));
    await record.write({ events: [draft('audit_read', { requestId: `req_${id}_\ufffd` })] });
  }
});

afterAll(() => rmSync(home, { recursive: true }));

/** An intruder writes the file directly, with the guards of the schema taken away; then the record is verified. */
async function verifyAfter(
  ...changes: readonly (string | ((database: Database.Database) => void))[]
): Promise<VerifyReport> {
  rmSync(tampered, { recursive: true, force: true });
  cpSync(intact, tampered, { recursive: true });
  const intruder = new Database(join(tampered, 'record.db'));
  intruder.pragma('foreign_keys = OFF');
  intruder.exec('DROP TRIGGER audit_chain_no_update; DROP TRIGGER audit_chain_no_delete');
  for (const change of changes)
    if (typeof change === 'string') intruder.exec(change);
    else change(intruder);
  intruder.close();
  using reader = openSqliteRecordReadOnly({ dataDir: tampered, clock });
  return await reader.verify();
}

function inspect<T>(read: (database: Database.Database) => T): T {
  const database = new Database(join(intact, 'record.db'), { readonly: true });
  try {
    return read(database);
  } finally {
    database.close();
  }
}

/** Without the calls, which lose their events together with the chain. */
function chainProblems(report: VerifyReport) {
  return report.problems.filter(({ kind }) => kind !== 'call_altered');
}

interface Column {
  readonly name: string;
  readonly type: string;
}

function chainRows(): readonly Readonly<Record<string, unknown>>[] {
  return inspect((database) => database.prepare('SELECT * FROM audit_chain ORDER BY position').all() as []);
}

function chainColumns(): readonly Column[] {
  const columns = inspect((database) => database.pragma('table_info(audit_chain)') as Column[]);
  return columns.filter(({ name }) => name !== 'position');
}

describe('a row of the chain', () => {
  test('that nobody touched is valid', async () => {
    expect(await verifyAfter()).toMatchObject({ valid: true, events, problems: [] });
  });

  test('is found altered whatever byte of whatever column is changed', async () => {
    const columns = chainColumns();
    const rows = chainRows();
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: events }),
        fc.constantFrom(...columns),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        async (position, { name, type }, offset, flip) => {
          const value = rows[position - 1]?.[name];
          const change = alteredLiteral(value, type, offset, flip);
          const report = await verifyAfter(
            `UPDATE audit_chain SET ${name} = ${change} WHERE position = ${position}`,
          );
          expect({ name, position, valid: report.valid }).toEqual({ name, position, valid: false });
        },
      ),
      { numRuns: 150 },
    );
  });

  test('is found missing wherever it stood', async () => {
    for (let position = 1; position < events; position += 1) {
      const report = await verifyAfter(`DELETE FROM audit_chain WHERE position = ${position}`);
      expect(chainProblems(report)).toEqual([
        { kind: 'missing', writer: 'node-a/api-1', sequence: position, detail: 'this event is missing' },
      ]);
    }
  });

  test('is found in the wrong place whichever two are swapped', async () => {
    const place = fc.integer({ min: 1, max: events });
    await fc.assert(
      fc.asyncProperty(place, place, async (a, b) => {
        fc.pre(a !== b);
        const report = await verifyAfter(
          `UPDATE audit_chain SET position = -1 WHERE position = ${a}`,
          `UPDATE audit_chain SET position = ${a} WHERE position = ${b}`,
          `UPDATE audit_chain SET position = ${b} WHERE position = -1`,
        );
        expect(new Set(report.problems.map(({ kind }) => kind))).toContain('reordered');
      }),
      { numRuns: 60 },
    );
  });

  test('is found altered also when its own hashes were made to fit', async () => {
    const hex = (text: string) => createHash('sha256').update(text).digest('hex');
    const forge = (upTo: 'event hash' | 'hash') => (database: Database.Database) => {
      const row = database.prepare('SELECT * FROM audit_chain WHERE position = 5').get() as Record<
        string,
        string
      >;
      const canonical = String(row['canonical']).replace('"default"', '"another"');
      const eventHash = hex(canonical);
      const hash = upTo === 'hash' ? hex(`${row['previous_hash']}${eventHash}`) : row['hash'];
      database
        .prepare(
          "UPDATE audit_chain SET tenant = 'another', canonical = ?, event_hash = ?, hash = ? WHERE position = 5",
        )
        .run(Buffer.from(canonical), eventHash, hash);
    };
    const problems = async (upTo: 'event hash' | 'hash') => chainProblems(await verifyAfter(forge(upTo)));
    expect(await problems('event hash')).toMatchObject([{ kind: 'altered', sequence: 5 }]);
    expect(await problems('hash')).toMatchObject([{ kind: 'altered', sequence: 6 }]);
  });

  test('is found altered where bytes that are no text stand for the same text', async () => {
    const replace = (from: string, to: string) =>
      `UPDATE audit_chain SET canonical = CAST(replace(CAST(canonical AS TEXT), CAST(x'${from}' AS TEXT), CAST(x'${to}' AS TEXT)) AS BLOB) WHERE position = 12`;
    // U+FFFD, the cut-off start of an emoji that is read as U+FFFD, and a zero byte at the end.
    expect((await verifyAfter(replace('efbfbd', 'f09f98'))).problems).toMatchObject([
      { kind: 'altered', sequence: 12 },
    ]);
    expect(
      (
        await verifyAfter(
          `UPDATE audit_chain SET canonical = CAST(canonical || x'00' AS BLOB) WHERE position = 12`,
        )
      ).valid,
    ).toBe(false);
  });

  test('is found when it was added without a link', async () => {
    const report = await verifyAfter(
      `INSERT INTO audit_chain (writer, sequence, canonical, event_hash, previous_hash, hash, id, type, time, time_high)
       VALUES ('node-a/api-1', 13, '7b7d', '', '', '', 'evt_x', 'outcome', '', '')`.replace(
        "'7b7d'",
        "x'7b7d'",
      ),
    );
    expect(report.problems[0]).toMatchObject({ kind: 'altered', sequence: 13 });
  });
});

describe('the ends of a chain', () => {
  test('a tail that was cut off is named by its first missing event', async () => {
    const report = await verifyAfter('DELETE FROM audit_chain WHERE position > 9');
    expect(chainProblems(report)).toMatchObject([{ kind: 'truncated', sequence: 10 }]);
  });

  test('a chain that was cleared is truncated at its first event', async () => {
    const report = await verifyAfter('DELETE FROM audit_chain');
    expect(chainProblems(report)).toMatchObject([{ kind: 'truncated', sequence: 1 }]);
  });

  test('a head that was set back, changed or removed is altered', async () => {
    const changes = [
      'UPDATE writers SET sequence = 9',
      `UPDATE writers SET hash = '${'0'.repeat(64)}'`,
      'DELETE FROM writers',
    ];
    for (const change of changes)
      expect((await verifyAfter(change)).problems).toMatchObject([{ kind: 'altered', sequence: 12 }]);
  });

  test('a tail cut off together with its head is not found: the report says unanchored', async () => {
    const report = await verifyAfter(
      'DELETE FROM audit_chain WHERE position > 9',
      'UPDATE writers SET (sequence, hash) = (SELECT sequence, hash FROM audit_chain WHERE position = 9)',
      "DELETE FROM calls WHERE id = 'call_4'",
    );
    expect(report).toMatchObject({ valid: true, events: 9, trust: 'unanchored' });
  });
});

describe('content and calls', () => {
  const content = `(SELECT content FROM audit_content WHERE position = 1)`;

  test('content that was changed, moved or resalted is found', async () => {
    const changes = [
      `UPDATE audit_content SET content = CAST(replace(CAST(content AS TEXT), 'print', 'paint') AS BLOB) WHERE position = 1`,
      `UPDATE audit_content SET content = ${content} WHERE position = 4`.replace(
        'position = 4',
        'position = 2',
      ),
      `UPDATE audit_content SET salt = '${'0'.repeat(64)}' WHERE position = 1`,
      `UPDATE audit_content SET content = x'ff' WHERE position = 1`,
    ];
    for (const change of changes)
      expect((await verifyAfter(change)).problems).toMatchObject([{ kind: 'content_altered' }]);
  });

  test('content under an event that had none is found', async () => {
    const report = await verifyAfter(
      `INSERT INTO audit_content (position, salt, content) SELECT 3, salt, content FROM audit_content WHERE position = 1`,
    );
    expect(report.problems).toMatchObject([{ kind: 'content_altered', sequence: 3 }]);
  });

  test('content that was erased with its salt leaves a valid chain', async () => {
    expect(await verifyAfter('DELETE FROM audit_content')).toMatchObject({ valid: true, events });
  });

  test('a call that was changed, set back, renamed or made up is found', async () => {
    const changes = [
      `UPDATE calls SET body = CAST(replace(CAST(body AS TEXT), 'alice', 'malice') AS BLOB) WHERE id = 'call_1'`,
      `UPDATE calls SET (body, salt) = (SELECT body, salt FROM calls WHERE id = 'call_2') WHERE id = 'call_1'`,
      `UPDATE calls SET status = 'running' WHERE id = 'call_1'`,
      `UPDATE calls SET id = 'call_9' WHERE id = 'call_1'`,
      `INSERT INTO calls (id, status, salt, body) SELECT 'call_9', status, salt, body FROM calls WHERE id = 'call_1'`,
    ];
    for (const change of changes)
      expect((await verifyAfter(change)).problems).toMatchObject([{ kind: 'call_altered' }]);
  });

  test('a report names a hundred problems, and no more', async () => {
    const flood = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 150)
      INSERT INTO calls (id, status, salt, body) SELECT 'fake_' || i, 'running', '', x'7b7d' FROM n`;
    expect((await verifyAfter(flood)).problems).toHaveLength(100);
  });
});

/** A literal of SQL for the value with one byte or digit of it changed. */
function alteredLiteral(value: unknown, type: string, offset: number, flip: number): string {
  if (type === 'INTEGER') return String(Number(value) + flip * 100);
  const bytes = Buffer.from(value instanceof Uint8Array ? value : typeof value === 'string' ? value : 'x');
  const index = offset % bytes.length;
  bytes[index] = bytes[index]! ^ flip;
  if (value === null) return "'x'";
  return type === 'BLOB' ? `x'${bytes.toString('hex')}'` : `CAST(x'${bytes.toString('hex')}' AS TEXT)`;
}

describe('what is derived from the chain', () => {
  const found = join(home, 'found');

  beforeAll(async () => {
    await using record = openSqliteRecord({ ...sources(clock), dataDir: found });
    const content = { labels: { team: 'blue' }, address: '10.0.0.1', args: { note: 'one two' } };
    await record.write({ events: [draft('denied', { callId: 'call_1', key: 'k1', content })] });
    const selection = { principal: 'alice' };
    const hold = { id: 'hold_1', selection, reason: 'court', setBy: 'carol', setAtMs: 0 };
    await record.write({ events: [draft('hold_set', { details: { hold: 'hold_1' } })], hold });
    await record.write({
      events: [draft('intent', { callId: 'call_2', content: { args: { n: 'three' } } })],
    });
    await record.write(callWithArtifact(3));
  });

  async function verifyDeeply(change: string): Promise<readonly string[]> {
    rmSync(tampered, { recursive: true, force: true });
    cpSync(found, tampered, { recursive: true });
    const intruder = new Database(join(tampered, 'record.db'));
    intruder.exec(change);
    intruder.close();
    using reader = openSqliteRecordReadOnly({ dataDir: tampered, clock });
    expect(await reader.verify()).toMatchObject({ valid: true });
    const report = await reader.verify({ deep: true });
    expect(report.deep).toBe(true);
    return report.problems.map(({ kind, sequence, detail }) => `${kind} ${sequence}: ${detail}`);
  }

  test('is found as it should be', async () => {
    expect(await verifyDeeply('SELECT 1')).toEqual([]);
  });

  test('is found changed whichever term is removed, changed or added', async () => {
    const terms = ['key', 'label', 'address'];
    for (const kind of terms) {
      const hidden = [`altered 1: the search does not find it by ${kind}`];
      const counted = 'altered 0: the search finds something that no event says';
      expect(await verifyDeeply(`DELETE FROM audit_terms WHERE kind = '${kind}'`)).toEqual([
        ...hidden,
        counted,
      ]);
      expect(await verifyDeeply(`UPDATE audit_terms SET value = 'x' WHERE kind = '${kind}'`)).toEqual(hidden);
      const move = `UPDATE audit_terms SET position = 3 WHERE kind = '${kind}'`;
      expect(await verifyDeeply(move)).toEqual(hidden);
    }
    const add = `INSERT INTO audit_terms (kind, value, position) VALUES ('host', 'x', 1)`;
    expect(await verifyDeeply(add)).toEqual(['altered 0: the search finds something that no event says']);
  });

  test('is found changed when words are hidden from the search', async () => {
    const hide = `INSERT INTO audit_text (audit_text, rowid, words) VALUES ('delete', 1, 'blue 10.0.0.1 one two')`;
    expect(await verifyDeeply(hide)).toContain('altered 1: the search does not find it by its words');
  });

  test('names a hold that was taken away or made up, and content that went without an erasure', async () => {
    expect(await verifyDeeply('DELETE FROM holds')).toEqual(['altered 2: the hold hold_1 was taken away']);
    const added = `INSERT INTO holds (id, body) VALUES ('hold_2', '{}')`;
    expect(await verifyDeeply(added)).toEqual(['altered 0: no event tells of the hold hold_2']);
    const gone = 'DELETE FROM audit_content WHERE position = 3';
    expect(await verifyDeeply(gone)).toContain(
      'content_altered 3: its content is gone, and no erasure or purge tells of it',
    );
  });

  test('names an artifact that is not what its call left, and a call that went without an erasure', async () => {
    const other = ['content_altered 0: artifact art_3 is not what its call left'];
    expect(await verifyDeeply(`UPDATE artifacts SET data = x'00'`)).toEqual(other);
    await using record = openSqliteRecord({ ...sources(clock), dataDir: tampered });
    await expect(record.getArtifact('art_3')).rejects.toThrow('were changed');
    expect(await verifyDeeply(`UPDATE artifacts SET data = x'00', sha256 = 'x'`)).toEqual(other);
    const gone = ['content_altered 4: its call is gone, and no erasure or purge tells of it'];
    expect(await verifyDeeply('DELETE FROM artifacts; DELETE FROM calls')).toEqual(gone);
  });
});
