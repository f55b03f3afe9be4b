/**
 * Tells one state of policy directories from another without reading the files: names, sizes and times of everything
 * that is not hidden, links followed. Asked again and again, so that it also works where the kernel reports no changes:
 * on network mounts, for a link that is swapped (`..data` of a ConfigMap), for what a link leads to.
 */
import { createHash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import path from 'node:path';

/** Beyond it the rest is not looked at; the compiler refuses such a directory. */
const entriesMax = 50_000;
const depthMax = 16;

/** Never rejects: what cannot be read is a state as well. */
export async function scanFiles(directories: readonly string[]): Promise<string> {
  const scan: Scan = { hash: createHash('sha256'), entries: 0 };
  for (const directory of directories) {
    note(scan, directory, await outcome(() => realpath(directory)));
    await enter(scan, directory, 0);
  }
  return scan.hash.digest('hex');
}

interface Scan {
  readonly hash: ReturnType<typeof createHash>;
  entries: number;
}

async function enter(scan: Scan, directory: string, depth: number): Promise<void> {
  const names = await outcome(() => readdir(directory));
  if (typeof names === 'string') return note(scan, directory, names);
  for (const name of names.toSorted()) {
    if (name.startsWith('.') || scan.entries >= entriesMax) continue;
    const file = path.join(directory, name);
    const found = await outcome(() => stat(file, { bigint: true }));
    note(scan, file, typeof found === 'string' ? found : describe(found));
    if (typeof found !== 'string' && found.isDirectory() && depth < depthMax)
      await enter(scan, file, depth + 1);
  }
}

/** A directory's own times change with files that are hidden, such as an editor's; its names are looked at anyway. */
function describe(found: BigIntStats): string {
  const { dev, ino, mode, size, mtimeNs, ctimeNs } = found;
  return (found.isDirectory() ? [dev, ino, mode] : [dev, ino, mode, size, mtimeNs, ctimeNs]).join(' ');
}

function note(scan: Scan, file: string, state: string): void {
  scan.entries += 1;
  scan.hash.update(`${file}\0${state}\n`);
}

async function outcome<T>(look: () => Promise<T>): Promise<T | string> {
  try {
    return await look();
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
  }
}
