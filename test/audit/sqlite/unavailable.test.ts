import Database from 'better-sqlite3';
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { RecordUnavailable } from '../../../src/audit/record.ts';
import { openSqliteRecord, openSqliteRecordReadOnly } from '../../../src/audit/sqlite/open-sqlite-record.ts';
import { queuedWritesMax } from '../../../src/audit/write-limits.ts';
import { draft, intent, outcome, SetClock, sources } from '../../contract/record-fixtures.ts';
import type { RecordStore } from '../../../src/audit/record.ts';

const home = mkdtempSync(join(tmpdir(), 'unavailable-'));
afterAll(() => rmSync(home, { recursive: true }));

/** A small file system of its own, so that it can be full. */
function mountSmall(name: string, size: string): Disposable & { readonly path: string } {
  const path = join(home, name);
  mkdirSync(path);
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', path]);
  return { path, [Symbol.dispose]: () => void execFileSync('umount', ['-l', path]) };
}

/** A file system on a disk of its own, which can be frozen. */
function mountImage(name: string): Disposable & { readonly path: string } {
  const path = join(home, name);
  const image = `${path}.img`;
  mkdirSync(path);
  writeFileSync(image, '');
  truncateSync(image, 64 * 1024 * 1024);
  execFileSync('mkfs.ext4', ['-q', image]);
  execFileSync('mount', ['-o', 'loop', image, path]);
  return { path, [Symbol.dispose]: () => void execFileSync('umount', ['-l', path]) };
}

/** Writes calls one after the other until the record refuses; the number of those it took. */
async function writeUntilRefused(record: RecordStore): Promise<{ taken: number; error: unknown }> {
  const result = { text: 'x'.repeat(20_000) };
  for (let taken = 0; ; taken += 1) {
    const id = `call_${taken}`;
    try {
      await record.write({ ...intent(id), events: [draft('intent', { callId: id, content: { result } })] });
    } catch (error) {
      return { taken, error };
    }
  }
}

describe('a full disk', () => {
  test('refuses writes, shows in health, keeps the record readable, and heals when space is freed', async () => {
    using disk = mountSmall('full', '3m');
    const filler = join(disk.path, 'filler');
    const crumb = join(disk.path, 'crumb');
    writeFileSync(filler, Buffer.alloc(1_000_000));
    writeFileSync(crumb, Buffer.alloc(16_384));
    await using record = openSqliteRecord({ ...sources(), dataDir: join(disk.path, 'data') });

    const { taken, error } = await writeUntilRefused(record);
    expect(error).toBeInstanceOf(RecordUnavailable);
    expect(error).toMatchObject({
      message: 'The record is unavailable: the disk is full; free some space.',
      cause: { code: 'SQLITE_FULL' },
    });
    expect(taken).toBeGreaterThan(5);
    expect(await record.health()).toMatchObject({
      state: 'down',
      reason: error instanceof Error && error.message,
    });
    expect(await record.getCall(`call_${taken}`)).toBeNull();
    expect((await record.getCall(`call_${taken - 1}`))?.call.status).toBe('running');
    expect(await record.verify()).toMatchObject({ valid: true, events: taken });

    rmSync(filler);
    expect(await record.health()).toEqual({ state: 'ok', reason: null });
    const [next] = (await record.write(outcome('call_0'))).events();
    expect(next?.sequence).toBe(taken + 1);
    expect(await record.verify()).toMatchObject({ valid: true, events: taken + 1 });
  });
});

describe('a database that another process holds', () => {
  test('refuses writes and health, and takes them again with the chain unbroken', async () => {
    const dataDir = join(home, 'locked');
    await using record = openSqliteRecord({ ...sources(), dataDir });
    await record.write(intent('call_1'));
    const other = new Database(join(dataDir, 'record.db'));
    other.exec('BEGIN IMMEDIATE');

    const writes = await Promise.allSettled([
      record.write(outcome('call_1')),
      record.write(intent('call_2')),
    ]);
    const busy = {
      message: 'The record is unavailable: another process holds the database; end it.',
      cause: { code: 'SQLITE_BUSY' },
    };
    expect(writes).toMatchObject([{ reason: busy }, { reason: busy }]);
    expect(await record.health()).toEqual({ state: 'down', reason: busy.message });
    expect((await record.getCall('call_1'))?.call.status).toBe('running');

    other.exec('ROLLBACK');
    other.close();
    expect((await record.write(outcome('call_1'))).events()[0]?.sequence).toBe(2);
    expect(await record.health()).toEqual({ state: 'ok', reason: null });
    expect(await record.verify()).toMatchObject({ valid: true, events: 2 });
  });

  test('is found by health alone once the last success is old', async () => {
    const clock = new SetClock();
    const dataDir = join(home, 'old');
    await using record = openSqliteRecord({ ...sources(clock), dataDir });
    await record.write(intent('call_1'));
    const other = new Database(join(dataDir, 'record.db'));
    other.exec('BEGIN IMMEDIATE');
    expect(await record.health()).toEqual({ state: 'ok', reason: null });
    clock.advance(5_001);
    expect((await record.health()).state).toBe('down');
    other.exec('ROLLBACK');
    expect((await record.health()).state).toBe('ok');
    other.exec('BEGIN IMMEDIATE');
    clock.advance(-60_000);
    expect((await record.health()).state).toBe('down');
    other.close();
  });
});

describe('a read-only disk', () => {
  test('refuses the start of a writer and lets the offline verifier read', async () => {
    using disk = mountSmall('read-only', '8m');
    const dataDir = join(disk.path, 'data');
    {
      await using record = openSqliteRecord({ ...sources(), dataDir });
      await record.write(intent('call_1'));
    }
    execFileSync('mount', ['-o', 'remount,ro', disk.path]);
    expect(() => openSqliteRecord({ ...sources(), dataDir })).toThrow(RecordUnavailable);
    using reader = openSqliteRecordReadOnly({ dataDir, clock: new SetClock() });
    expect(await reader.verify()).toMatchObject({ valid: true, events: 1 });
    expect((await reader.getCall('call_1'))?.call.status).toBe('running');
  });
});

/** Containers without loop devices cannot have a disk of their own. */
const hasLoopDevices = existsSync('/dev/loop-control');

describe.skipIf(!hasLoopDevices)('a file that turns read-only while it is used', () => {
  test('refuses writes and health, and takes them again once it is writable', async () => {
    using disk = mountImage('turns-read-only');
    const dataDir = join(disk.path, 'data');
    await using record = openSqliteRecord({ ...sources(), dataDir });
    await record.write(intent('call_1'));
    const log = join(dataDir, 'record.db-wal');
    execFileSync('chattr', ['+i', log]);
    await expect(record.write(outcome('call_1'))).rejects.toThrow(RecordUnavailable);
    expect(await record.health()).toMatchObject({ state: 'down' });
    execFileSync('chattr', ['-i', log]);
    expect(await record.health()).toEqual({ state: 'ok', reason: null });
    await record.write(outcome('call_1'));
    expect(await record.verify()).toMatchObject({ valid: true, events: 2 });
  });
});

describe.skipIf(!hasLoopDevices)('a slow disk', () => {
  test('makes writes wait, refuses them beyond the queue, and loses none that it took', async () => {
    using disk = mountImage('slow');
    await using record = openSqliteRecord({ ...sources(), dataDir: join(disk.path, 'data') });
    await record.write(intent('call_0'));
    // Nothing reaches a frozen file system until it thaws: as slow as a disk can be.
    execFileSync('fsfreeze', ['-f', disk.path]);
    using thaw = new DisposableStack();
    thaw.defer(() => void execFileSync('fsfreeze', ['-u', disk.path]));
    let answered = 0;
    const writes = Array.from({ length: queuedWritesMax + 50 }, (_none, index) => {
      const write = record.write(intent(`call_${index + 1}`));
      void write.finally(() => (answered += 1)).catch(() => {});
      return write;
    });
    const settled = Promise.allSettled(writes);
    await Promise.allSettled(writes.slice(queuedWritesMax));
    expect(answered).toBe(50);
    thaw.dispose();
    const refused = (await settled).filter(({ status }) => status === 'rejected');
    expect(refused).toHaveLength(50);
    expect(await record.health()).toEqual({ state: 'ok', reason: null });
    expect(await record.verify()).toMatchObject({ valid: true, events: queuedWritesMax + 1 });
  });
});

describe('a damaged database', () => {
  test('refuses reads and writes, says so, and works again once it is repaired', async () => {
    const dataDir = join(home, 'damaged');
    const file = join(dataDir, 'record.db');
    {
      await using record = openSqliteRecord({ ...sources(), dataDir });
      await record.write(intent('call_1'));
    }
    const database = new Database(file);
    const page = database
      .prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'audit_chain'")
      .pluck()
      .get();
    database.close();
    const offset = (Number(page) - 1) * 4_096;
    const whole = readFileSync(file).subarray(offset, offset + 4_096);
    overwrite(file, offset, Buffer.alloc(4_096, 0xee));

    const damaged = 'The record is unavailable: the database is damaged; restore a back-up.';
    {
      await using record = openSqliteRecord({ ...sources(), dataDir });
      await expect(record.write(outcome('call_1'))).rejects.toThrow(damaged);
      await expect(record.verify()).rejects.toThrow(damaged);
      await expect(record.listEvents({ tenant: null, limit: 1, order: 'asc' })).rejects.toThrow(damaged);
      expect(await record.health()).toEqual({ state: 'down', reason: damaged });
      expect((await record.getCall('call_1'))?.call.status).toBe('running');
    }
    overwrite(file, offset, whole);
    await using record = openSqliteRecord({ ...sources(undefined, 9), dataDir });
    expect((await record.write(outcome('call_1'))).events()[0]?.sequence).toBe(2);
    expect((await record.verify()).valid).toBe(true);
  });

  test('that is no database refuses the start', () => {
    const dataDir = join(home, 'no-database');
    mkdirSync(dataDir);
    writeFileSync(join(dataDir, 'record.db'), 'this is not a database, whatever its name says. '.repeat(100));
    expect(() => openSqliteRecord({ ...sources(), dataDir })).toThrow('the database is damaged');
  });

  test('whose chain goes on after its head refuses to write over it', async () => {
    const dataDir = join(home, 'head');
    {
      await using record = openSqliteRecord({ ...sources(), dataDir });
      await record.write({ events: [draft('started'), draft('stopped')] });
    }
    const intruder = new Database(join(dataDir, 'record.db'));
    intruder.exec('UPDATE writers SET sequence = 1');
    intruder.close();
    await using record = openSqliteRecord({ ...sources(), dataDir });
    await expect(record.write({ events: [draft('started')] })).rejects.toThrow(RecordUnavailable);
    expect((await record.health()).state).toBe('down');
  });
});

function overwrite(file: string, offset: number, bytes: Uint8Array): void {
  const descriptor = openSync(file, 'r+');
  writeSync(descriptor, bytes, 0, bytes.length, offset);
  closeSync(descriptor);
}
