/** The directory of the record: its files, their permissions, and the lock that keeps a second writer out. */
import Database from 'better-sqlite3';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { makeDirectory, syncDirectory } from '../../model/make-directory.ts';
import { RecordUnavailable } from '../record.ts';
import { sqliteCode } from './connection.ts';

export const databaseName = 'record.db';
export const lockName = 'record.lock';

export function databaseFile(dataDir: string): string {
  return join(dataDir, databaseName);
}

/**
 * Creates what is missing, for this user alone: directory 0700, files 0600; SQLite gives its side files the same mode.
 * What it created survives a loss of power.
 */
export function createDataDirectory(dataDir: string, files: readonly string[] = []): void {
  makeDirectory(dataDir, 0o700);
  for (const name of [...files, lockName]) closeSync(openSync(join(dataDir, name), 'a', 0o600));
  syncDirectory(dataDir);
}

/**
 * Keeps every other process out until it is closed. A lock of the kernel, so it goes with the process, however that ends.
 * Throws `RecordUnavailable` when another process holds it.
 */
export function lockDataDirectory(dataDir: string): Disposable {
  const lock = new Database(join(dataDir, lockName), { timeout: 0 });
  try {
    lock.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    lock.close();
    if (sqliteCode(error)?.startsWith('SQLITE_BUSY') !== true) throw error;
    throw new RecordUnavailable(
      `Another process writes to the data directory ${dataDir}; stop it, or give this one a directory of its own (servers count quotas together only with SALLYPORT_REDIS_URL).`,
      { cause: error },
    );
  }
  return {
    [Symbol.dispose]() {
      lock.close();
    },
  };
}
