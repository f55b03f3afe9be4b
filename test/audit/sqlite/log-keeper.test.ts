import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { openWriter } from '../../../src/audit/sqlite/connection.ts';
import type { Connection } from '../../../src/audit/sqlite/connection.ts';
import { LogKeeper } from '../../../src/audit/sqlite/log-keeper.ts';

const home = mkdtempSync(join(tmpdir(), 'sallyport-log-'));
afterAll(() => rmSync(home, { recursive: true }));

const mebibyte = 1024 * 1024;

function opened(file: string): Connection {
  const connection = openWriter(file);
  connection.pragma('wal_autocheckpoint = 0');
  connection.exec('CREATE TABLE t (data BLOB)');
  return connection;
}

function insert(connection: Connection, keeper: LogKeeper, count: number): void {
  const statement = connection.prepare('INSERT INTO t VALUES (?)');
  for (let at = 0; at < count; at += 1) {
    statement.run(Buffer.alloc(mebibyte, at));
    keeper.look(connection, mebibyte);
  }
}

/** Pages of the log, and how many of these are in the file. */
function pagesOf(connection: Connection): { log: number; checkpointed: number } {
  const [pages] = connection.pragma('wal_checkpoint(NOOP)') as [{ log: number; checkpointed: number }];
  return pages;
}

test('a log of 32 MiB is written back by somebody else, its rest between two commits, and begins anew', () => {
  const file = join(home, 'kept.db');
  const connection = opened(file);
  const keeper = new LogKeeper(file);
  insert(connection, keeper, 31);
  expect(pagesOf(connection).checkpointed).toBe(0);
  insert(connection, keeper, 2);
  keeper.settle();
  expect(pagesOf(connection).checkpointed).toBeGreaterThanOrEqual(8_192);
  insert(connection, keeper, 1);
  const { log, checkpointed } = pagesOf(connection);
  expect(checkpointed).toBe(log);
  insert(connection, keeper, 1);
  expect(pagesOf(connection).log).toBeLessThan(1000);
  connection.close();
});

test('a thread that cannot do it fails nothing', async () => {
  const file = join(home, 'missing.db');
  const connection = opened(file);
  const elsewhere = join(home, 'no database');
  writeFileSync(elsewhere, 'this is no database, it is text'.repeat(100));
  const keeper = new LogKeeper(elsewhere);
  insert(connection, keeper, 33);
  keeper.settle();
  insert(connection, keeper, 1);
  const { log, checkpointed } = pagesOf(connection);
  expect(checkpointed).toBe(log);
  connection.close();
});

test('while somebody reads no thread is started for what the one before could not do', async () => {
  const file = join(home, 'read.db');
  const connection = opened(file);
  const reader = openWriter(file);
  reader.exec('BEGIN; SELECT * FROM t');
  const keeper = new LogKeeper(file);
  insert(connection, keeper, 33);
  keeper.settle();
  insert(connection, keeper, 1);
  const before = pagesOf(connection);
  expect(before.checkpointed).toBeLessThan(100);
  reader.exec('COMMIT');
  // Nobody has written it back: less was added than a thread is worth.
  insert(connection, keeper, 2);
  keeper.settle();
  expect(pagesOf(connection).checkpointed).toBeLessThan(100);
  insert(connection, keeper, 33);
  keeper.settle();
  insert(connection, keeper, 1);
  const after = pagesOf(connection);
  expect(after.checkpointed).toBe(after.log);
  reader.close();
  connection.close();
});
