import { createHmac } from 'node:crypto';
import type { Config } from '../config/config.ts';
import { readDataSecret } from '../config/data-secret.ts';

/**
 * Names this deployment on its container engine: the same at every start on this data directory, so that a new runner
 * finds the containers of the one before. Servers on one database have the same key, and may have the same engine.
 */
export function instanceName({ dataDir, databaseUrl, nodeId }: Config): string {
  return createHmac('sha256', readDataSecret(dataDir, 'data.key'))
    .update(databaseUrl === null ? 'instance' : `instance ${nodeId}`)
    .digest('hex')
    .slice(0, 16);
}
