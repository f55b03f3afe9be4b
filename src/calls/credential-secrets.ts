/**
 * The secrets of `Credential` resources, read for the filter: what is configured must not leave, and a decoy must not be
 * seen at all. A secret that cannot be read cannot be looked for, so the start is refused.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import type { KnownSecret } from '../boundary/known-secrets.ts';
import type { CredentialSource } from '../policy/revision.ts';

const idCharsMax = 40;
/** A pipe, a device or a large file is no secret, and to read it could take for ever. */
const secretBytesMax = 64 * 1024;

/** Throws an error that names every credential whose secret is missing, and never a secret. */
export function readCredentialSecrets(
  credentials: readonly CredentialSource[],
  environment: NodeJS.ProcessEnv,
): readonly KnownSecret[] {
  const missing: string[] = [];
  const secrets = credentials.flatMap(({ name, from, isDecoy }) => {
    const secret = readSecret(from, environment);
    if (secret !== null) return [{ id: idOf(name), secret, isDecoy }];
    const place = 'file' in from ? `the file ${from.file}` : `the environment variable ${from.env}`;
    const orOther = 'file' in from ? ', or no plain file of at most 64 KiB' : '';
    missing.push(`${name}: ${place} is missing or empty${orOther}`);
    return [];
  });
  if (missing.length > 0)
    throw new Error(
      `The filter cannot look for secrets that it cannot read. Provide them, or remove the credentials:\n${missing.join('\n')}`,
    );
  return secrets;
}

function readSecret(from: CredentialSource['from'], environment: NodeJS.ProcessEnv): string | null {
  try {
    const text = 'file' in from ? readSecretFile(from.file) : environment[from.env];
    return text?.trim() || null;
  } catch {
    return null;
  }
}

function readSecretFile(path: string): string | null {
  // A pipe without a writer would block here otherwise.
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if (!fstatSync(file).isFile()) return null;
    const bytes = Buffer.alloc(secretBytesMax + 1);
    const length = readSync(file, bytes);
    return length > secretBytesMax ? null : bytes.toString('utf8', 0, length);
  } finally {
    closeSync(file);
  }
}

function idOf(name: string): string {
  return name
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]/g, '-')
    .slice(0, idCharsMax);
}
