/** The two keys of a first start, each in a file that only its owner can read. */
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createHash } from 'node:crypto';
import type { RecordStore } from '../audit/record.ts';
import type { KeyRing, NewKey } from './key-ring.ts';
import { randomSecret } from './key-ring.ts';

interface FirstKey {
  readonly id: string;
  readonly file: string;
  readonly key: NewKey;
}

const bootstrap: FirstKey = {
  id: 'boot',
  file: 'bootstrap.key',
  key: {
    principal: 'bootstrap',
    tenant: 'default',
    roles: ['developer', 'operator', 'auditor'],
    scopes: ['call', 'run', 'approve', 'audit', 'policy', 'admin'],
  },
};

const firstKeys: readonly FirstKey[] = [
  bootstrap,
  {
    id: 'approver',
    file: 'approver.key',
    key: { principal: 'approver', tenant: 'default', roles: [], scopes: ['approve'] },
  },
];

export interface FirstKeysOptions {
  readonly dataDir: string;
  readonly record: Pick<RecordStore, 'getKey'>;
  readonly keys: KeyRing;
  /** `SALLYPORT_BOOTSTRAP_KEY`: takes the place of a random bootstrap key. */
  readonly bootstrapKey: string | null;
}

/**
 * Makes the keys that are missing and answers with the files written. The file comes first: a crash in between
 * leaves a file whose key is not valid yet, and the next start writes both anew.
 */
export async function ensureFirstKeys(options: FirstKeysOptions): Promise<readonly string[]> {
  const written: string[] = [];
  for (const { id, file, key } of firstKeys) {
    const given = id === bootstrap.id ? options.bootstrapKey : null;
    if (given !== null) {
      await installGiven(options, given, key);
      continue;
    }
    if ((await options.record.getKey(id)) !== null) continue;
    const secret = randomSecret();
    const path = join(options.dataDir, file);
    writePrivateFile(path, `spk_${id}_${secret}\n`);
    await options.keys.install(null, id, secret, key);
    written.push(path);
  }
  return written;
}

async function installGiven(options: FirstKeysOptions, given: string, key: NewKey): Promise<void> {
  const [, id = '', secret = ''] = /^spk_([a-z0-9]+)_(.+)$/.exec(given) ?? [];
  const hash = createHash('sha256').update(given).digest('hex');
  // What an earlier start wrote opens nothing once another secret has its id.
  if (id === bootstrap.id) rmSync(join(options.dataDir, bootstrap.file), { force: true });
  if ((await options.record.getKey(id))?.secretHash === hash) return;
  await options.keys.install(null, id, secret, key);
}

function writePrivateFile(path: string, content: string): void {
  const temporary = `${path}.new`;
  // Left by a crash, or put there by somebody: never written through, for it may be a link or have another owner.
  rmSync(temporary, { force: true });
  writeFileSync(temporary, content, { mode: 0o600, flag: 'wx' });
  renameSync(temporary, path);
}
