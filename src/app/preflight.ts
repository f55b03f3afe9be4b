/** What a start needs of its host, looked at before anything is made, so that the words name what to change. */
import { accessSync, constants, statSync, statfsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { ConfigInvalid } from '../config/config.ts';
import { makeDirectory } from '../model/make-directory.ts';

/** Of the record and the keys beside it, each a plain file where it is there. */
const dataFiles = [
  'record.db',
  'record.lock',
  'data.key',
  'sealing.key',
  'signing.key',
  'webhook.key',
  'bootstrap.key',
];

/** Less than this and the database cannot even be opened, bytes. */
const startBytesMin = 4 * 1024 * 1024;

/** Creates the data directory where it is missing. Throws `ConfigInvalid` with all that is wrong with it, or an error when its disk is full. */
export function checkDataDirectory(dataDir: string): void {
  const path = resolve(dataDir);
  try {
    makeDirectory(path, 0o700);
  } catch (error) {
    throw new ConfigInvalid([
      `SALLYPORT_DATA_DIR: ${path} cannot be made: ${wordsFor(error, dirname(path))}`,
    ]);
  }
  const problem = objection(path, 'directory') ?? '';
  const problems = problem === '' ? dataFiles.map((name) => objection(join(path, name), 'file')) : [problem];
  const found = problems.filter((text) => text !== null);
  if (found.length > 0) throw new ConfigInvalid(found.map((text) => `SALLYPORT_DATA_DIR: ${text}`));
  const { bavail, bsize } = statfsSync(path);
  if (bavail * bsize < startBytesMin) throw new Error(`The disk of ${path} is full; free some space.`);
}

/** Null when it is as it should be, or not there. */
function objection(path: string, kind: 'directory' | 'file'): string | null {
  const { R_OK, W_OK, X_OK } = constants;
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return null;
  if (kind === 'directory' ? !found.isDirectory() : !found.isFile()) return `${path} is no ${kind}`;
  try {
    accessSync(path, kind === 'directory' ? R_OK | W_OK | X_OK : R_OK | W_OK);
    return null;
  } catch (error) {
    return `${path} cannot be used: ${wordsFor(error, path)}`;
  }
}

function wordsFor(error: unknown, path: string): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'EROFS') return 'the file system is read-only; mount a volume there that can be written';
  if (code === 'ENOSPC') return 'the disk is full; free some space';
  if (code !== 'EACCES' && code !== 'EPERM')
    return error instanceof Error ? error.message : 'the system refuses';
  const owner = statSync(path, { throwIfNoEntry: false })?.uid;
  const user = process.getuid?.();
  return owner === undefined || owner === user
    ? `its permissions keep user ${user} out; chmod u+rwX it`
    : `it belongs to user ${owner}, and this process runs as ${user}; chown it, or run as its owner`;
}
