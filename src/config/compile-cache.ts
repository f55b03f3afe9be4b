/**
 * Where Node keeps what V8 compiled. Whoever can write there has his code run as this user; so it is a directory that
 * nobody else can write, or none: then a start takes longer. Node's own default would take any directory of that name.
 */
import { lstatSync, mkdirSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const othersWrite = 0o022;
const sticky = 0o1000;

/** Created where it is missing. Null where none can be had that is this user's alone. */
export function compileCacheDirectory(parent = tmpdir(), user = process.getuid?.()): string | null {
  if (user === undefined) return null;
  const directory = join(parent, `sallyport-code-${user}`);
  try {
    mkdirSync(directory, { mode: 0o700 });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) return null;
  }
  const found = lstatSync(directory, { throwIfNoEntry: false });
  if (found?.isDirectory() !== true || found.uid !== user || (found.mode & othersWrite) !== 0) return null;
  return isSteadyIn(dirname(directory), user) ? directory : null;
}

/** Whether nobody else can put another directory in its place. */
function isSteadyIn(parent: string, user: number): boolean {
  const { mode, uid } = statSync(parent);
  if (uid !== user && uid !== 0) return false;
  return (mode & othersWrite) === 0 || (mode & sticky) !== 0;
}
