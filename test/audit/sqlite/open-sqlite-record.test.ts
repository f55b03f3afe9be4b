import Database from 'better-sqlite3';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { RecordUnavailable } from '../../../src/audit/record.ts';
import { openSqliteRecord, openSqliteRecordReadOnly } from '../../../src/audit/sqlite/open-sqlite-record.ts';
import { draft, intent, SetClock, sources, storedCall } from '../../contract/record-fixtures.ts';
import type { Worker } from 'node:worker_threads';

const home = mkdtempSync(join(tmpdir(), 'open-'));
afterAll(() => rmSync(home, { recursive: true }));

const clock = new SetClock();

describe('files', () => {
  test('are for their owner alone', async () => {
    const dataDir = join(home, 'modes', 'nested');
    await using record = openSqliteRecord({ ...sources(), dataDir });
    await record.write({ events: [draft('started')] });
    const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);
    expect(mode(dataDir)).toBe('700');
    for (const name of ['record.db', 'record.db-wal', 'record.db-shm', 'record.lock'])
      expect([name, mode(join(dataDir, name))]).toEqual([name, '600']);
  });

  test('that do not exist cannot be verified, and are not made', () => {
    const dataDir = join(home, 'nothing');
    expect(() => openSqliteRecordReadOnly({ dataDir, clock })).toThrow(RecordUnavailable);
    expect(() => statSync(dataDir)).toThrow('ENOENT');
  });
});

describe('schema', () => {
  test('of a newer version refuses the start, and says what to do', async () => {
    const dataDir = join(home, 'newer');
    await openSqliteRecord({ ...sources(), dataDir })[Symbol.asyncDispose]();
    const database = new Database(join(dataDir, 'record.db'));
    database.pragma('user_version = 99');
    database.close();
    const message = 'The database has schema 99 of a newer version';
    expect(() => openSqliteRecord({ ...sources(), dataDir })).toThrow(message);
    expect(() => openSqliteRecordReadOnly({ dataDir, clock })).toThrow(message);
  });

  test('of another program refuses the start', async () => {
    const dataDir = join(home, 'foreign');
    await openSqliteRecord({ ...sources(), dataDir })[Symbol.asyncDispose]();
    const database = new Database(join(dataDir, 'record.db'));
    database.pragma('application_id = 1');
    database.close();
    expect(() => openSqliteRecord({ ...sources(), dataDir })).toThrow('belongs to another program');
  });

  test('keeps the chain append-only against mistakes', async () => {
    const dataDir = join(home, 'append-only');
    await using record = openSqliteRecord({ ...sources(), dataDir });
    await record.write({ events: [draft('started')] });
    const database = new Database(join(dataDir, 'record.db'));
    expect(() => database.exec("UPDATE audit_chain SET tenant = 'x'")).toThrow('append-only');
    expect(() => database.exec('DELETE FROM audit_chain')).toThrow('append-only');
    database.close();
  });
});

describe('writing', () => {
  test('syncs every commit', async () => {
    const { openWriter } = await import('../../../src/audit/sqlite/connection.ts');
    const connection = openWriter(join(home, 'sync.db'));
    expect(connection.pragma('synchronous', { simple: true })).toBe(2);
    expect(connection.pragma('journal_mode', { simple: true })).toBe('wal');
    // A commit writes the log back itself where nobody else does, at what is kept of it.
    expect(connection.pragma('wal_autocheckpoint', { simple: true })).toBe(16_384);
    connection.close();
  });

  test('keeps the log short beside its commits, before a commit has to write it back itself', async () => {
    const dataDir = join(home, 'log');
    await using record = openSqliteRecord({ ...sources(), dataDir });
    const large = { ...draft('denied'), content: { args: { text: 'x'.repeat(2_000_000) } } };
    for (let at = 0; at < 12; at += 1) await record.write({ events: [large] });
    const database = new Database(join(dataDir, 'record.db'));
    await vi.waitFor(
      async () => {
        await record.write({ events: [large] });
        const [pages] = database.pragma('wal_checkpoint(NOOP)') as { log: number; checkpointed: number }[];
        expect(pages?.checkpointed).toBeGreaterThanOrEqual(8_192);
        expect(pages?.log).toBeLessThan(16_384);
      },
      { timeout: 20_000, interval: 1 },
    );
    database.close();
  });

  test('puts the writes of one moment into one transaction', async () => {
    const dataDir = join(home, 'group');
    await using record = openSqliteRecord({ ...sources(), dataDir });
    await Promise.all(Array.from({ length: 200 }, () => record.write({ events: [draft('started')] })));
    // Each transaction writes every page it touched: 200 of them would leave at least ten pages each.
    expect(statSync(join(dataDir, 'record.db-wal')).size).toBeLessThan(1_000_000);
  });

  test('goes on in a new thread when its thread dies, and loses only what was not acknowledged', async () => {
    const threads: Worker[] = [];
    const note = (thread: Worker) => threads.push(thread);
    process.on('worker', note);
    const dataDir = join(home, 'thread');
    await using record = openSqliteRecord({ ...sources(), dataDir });
    await record.write(intent('call_1'));
    // Somebody else writes, so that the thread cannot commit before it dies.
    const other = new Database(join(dataDir, 'record.db'));
    other.exec('BEGIN IMMEDIATE');
    const lost = record.write(intent('call_2'));
    const dies = threads[0]?.terminate();
    other.exec('ROLLBACK');
    other.close();
    await Promise.all([dies, expect(lost).rejects.toThrow(RecordUnavailable)]);
    expect((await record.write(intent('call_3'))).events()[0]?.sequence).toBe(2);
    process.off('worker', note);
    expect(threads).toHaveLength(2);
    expect(await record.verify()).toMatchObject({ valid: true, events: 2 });
  });

  test('refuses what cannot be handed over, and goes on', async () => {
    await using record = openSqliteRecord({ ...sources(), dataDir: join(home, 'clone') });
    const artifact = {
      id: 'art_1',
      callId: 'call_1',
      tenant: 't',
      principal: 'p',
      name: 'n',
      mediaType: 'm',
    };
    const broken = {
      ...artifact,
      sha256: '',
      expiresAtMs: 0,
      data: { byteLength: 1, read: () => 1 } as never,
    };
    await expect(record.write(intent('call_1', { artifacts: [broken] }))).rejects.toThrow(RecordUnavailable);
    expect((await record.write(intent('call_2'))).events()[0]?.sequence).toBe(1);
  });
});

describe('reading while a server writes', () => {
  test('sees what was written so far, and verifies it, from another connection', async () => {
    const dataDir = join(home, 'online');
    await using record = openSqliteRecord({ ...sources(), dataDir });
    await record.write(intent('call_1'));
    using reader = openSqliteRecordReadOnly({ dataDir, clock });
    expect(await reader.getCall('call_1')).toEqual(storedCall('call_1'));
    const verifying = reader.verify();
    await record.write(intent('call_2'));
    expect(await verifying).toMatchObject({ valid: true });
    expect((await reader.listEvents({ tenant: null, limit: 9, order: 'desc' })).items).toHaveLength(2);
  });

  test('verification gives the event loop back between slices', async () => {
    await using record = openSqliteRecord({ ...sources(), dataDir: join(home, 'slices') });
    for (let batch = 0; batch < 20; batch += 1)
      await record.write({ events: Array.from({ length: 250 }, () => draft('started')) });
    let turns = 0;
    const counting = setInterval(() => (turns += 1), 0);
    expect(await record.verify()).toMatchObject({ valid: true, events: 5_000 });
    clearInterval(counting);
    expect(turns).toBeGreaterThan(2);
  });
});
