import { closeSync, fsyncSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/**
 * Makes a directory with all that is missing above it; each survives a loss of power. Throws what the system says, EEXIST
 * for a file of that name. Not by Node's `recursive`, which tries for ever where a directory answers ENOENT to a new one,
 * as /proc does (Node 26.10).
 */
export function makeDirectory(directory: string, mode: number): void {
  const path = resolve(directory);
  if (isDirectory(path)) return;
  const parent = dirname(path);
  if (parent !== path) makeDirectory(parent, mode);
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    // Somebody else made it meanwhile.
    if (!isDirectory(path)) throw error;
  }
  syncDirectory(parent);
}

export function syncDirectory(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
