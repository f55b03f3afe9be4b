/** Random secrets of this deployment, each in a file of the data directory that only its owner can read. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';

const secretBytes = 32;

interface SecretForm {
  readonly prefix: string;
  readonly encoding: 'hex' | 'base64';
}

const plain: SecretForm = { prefix: '', encoding: 'hex' };
/** As receivers' libraries take it (Standard Webhooks, "Signature scheme": secret serialization). */
const webhook: SecretForm = { prefix: 'whsec_', encoding: 'base64' };

/** Reads the secret, or makes it at the first start. Throws when the file is there but not one of ours. */
export function readDataSecret(dataDir: string, name: string): Uint8Array {
  return readSecret(join(dataDir, name), plain);
}

/** The same, in a file whose text the operator gives to the receiver of webhooks. */
export function readWebhookSecret(dataDir: string): Uint8Array {
  return readSecret(join(dataDir, 'webhook.key'), webhook);
}

function readSecret(path: string, { prefix, encoding }: SecretForm): Uint8Array {
  const fresh = prefix + randomBytes(secretBytes).toString(encoding);
  try {
    writeFileSync(path, fresh, { mode: 0o600, flag: 'wx', flush: true });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
  const text = readFileSync(path, 'utf8').trim();
  const secret = Buffer.from(text.slice(prefix.length), encoding);
  if (!text.startsWith(prefix) || secret.length !== secretBytes) {
    throw new Error(
      `${path} does not hold ${secretBytes} bytes in ${encoding}; restore it from the back-up, or remove it to have a new one made`,
    );
  }
  return secret;
}
