/** The first step of a start: the data directory is this server's own, and the deployment has its name. */
import { createHmac } from 'node:crypto';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import {
  createDataDirectory,
  databaseName,
  lockDataDirectory,
  lockName,
} from '../audit/sqlite/data-directory.ts';
import { recordUnavailable } from '../audit/sqlite/connection.ts';
import type { Config } from '../config/config.ts';
import { readDataSecret } from '../config/data-secret.ts';
import { checkDataDirectory } from './preflight.ts';

export interface DataDirectory {
  readonly dataKey: Uint8Array;
  /**
   * The same at every start on this data directory, so that a new runner finds the containers of the one before, and
   * another one on a copy of it, which must leave those alone.
   */
  readonly instance: string;
}

/**
 * Locks it first: nothing of a second process on it may touch what the first one runs. The lock goes with the stack.
 * Throws `ConfigInvalid` for one that cannot be used, `RecordUnavailable` when another process has it.
 */
export function takeDataDirectory(config: Config, stack: AsyncDisposableStack): DataDirectory {
  const { dataDir, databaseUrl } = config;
  checkDataDirectory(dataDir);
  try {
    createDataDirectory(dataDir, databaseUrl === null ? [databaseName] : []);
    stack.use(lockDataDirectory(dataDir));
  } catch (error) {
    throw recordUnavailable(error);
  }
  return joinDataDirectory(config);
}

/** For a process whose supervisor has taken it. */
export function joinDataDirectory({ dataDir, databaseUrl, nodeId }: Config): DataDirectory {
  const dataKey = readDataSecret(dataDir, 'data.key');
  // Servers on one database have the same key, and may have the same engine.
  const named = databaseUrl === null ? 'instance' : `instance ${nodeId}`;
  const { dev, ino } = statSync(join(dataDir, lockName), { bigint: true });
  const instance = createHmac('sha256', dataKey).update(`${named} ${dev}:${ino}`).digest('hex').slice(0, 16);
  return { dataKey, instance };
}
