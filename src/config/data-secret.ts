/** Random secrets of this deployment, each in a file of the data directory that only its owner can read. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';

const secretBytes = 32;

/** Reads the secret, or makes it at the first start. Throws when the file is there but not one of ours. */
export function readDataSecret(dataDir: string, name: string): Uint8Array {
  const path = join(dataDir, name);
  try {
    writeFileSync(path, randomBytes(secretBytes).toString('hex'), { mode: 0o600, flag: 'wx', flush: true });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
  const secret = Buffer.from(readFileSync(path, 'utf8').trim(), 'hex');
  if (secret.length !== secretBytes) {
    throw new Error(
      `${path} does not hold ${secretBytes} bytes in hex; restore it from the back-up, or remove it to have a new one made`,
    );
  }
  return secret;
}
