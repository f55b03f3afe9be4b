/** A copy of the record while a server writes it: one moment of it, whole, in one file. */
import { closeSync, fsyncSync, openSync } from 'node:fs';
import { openReader, recordUnavailable } from './connection.ts';
import { databaseFile } from './data-directory.ts';
import { requireCurrentSchema } from './migrations.ts';

/**
 * Writes a new file, for its owner alone, and waits for the disk. It holds what is in the record and no trace of what was
 * cleared. Throws `RecordUnavailable`, and the system's error for a file that exists already or cannot be made.
 */
export function copyRecord(dataDir: string, target: string): void {
  closeSync(openSync(target, 'wx', 0o600));
  try {
    const connection = openReader(databaseFile(dataDir), { now: () => Date.now() });
    try {
      requireCurrentSchema(connection);
      connection.prepare('VACUUM INTO ?').run(target);
    } finally {
      connection.close();
    }
  } catch (error) {
    throw recordUnavailable(error);
  }
  const descriptor = openSync(target, 'r+');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
