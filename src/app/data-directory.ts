/** The first step of a start: the data directory is this process's own, and the deployment has its name. */
import { createDataDirectory, databaseName, lockDataDirectory } from '../audit/sqlite/data-directory.ts';
import { recordUnavailable } from '../audit/sqlite/connection.ts';
import type { Config } from '../config/config.ts';
import { readDataSecret } from '../config/data-secret.ts';
import { instanceName } from './instance-name.ts';
import { checkDataDirectory } from './preflight.ts';

export interface DataDirectory {
  readonly dataKey: Uint8Array;
  /** The same at every start on this data directory, so that a new runner finds the containers of the one before. */
  readonly instance: string;
}

/**
 * Locks it first: nothing of a second process on it may touch what the first one runs. The lock goes with the stack.
 * `isLocked`: a supervisor has it, on behalf of this process.
 * Throws `ConfigInvalid` for one that cannot be used, `RecordUnavailable` when another process has it.
 */
export function takeDataDirectory(
  config: Config,
  isLocked: boolean,
  stack: AsyncDisposableStack,
): DataDirectory {
  const { dataDir, databaseUrl } = config;
  checkDataDirectory(dataDir);
  try {
    createDataDirectory(dataDir, databaseUrl === null ? [databaseName] : []);
    if (!isLocked) stack.use(lockDataDirectory(dataDir));
  } catch (error) {
    throw recordUnavailable(error);
  }
  const dataKey = readDataSecret(dataDir, 'data.key');
  return { dataKey, instance: instanceName(config) };
}
