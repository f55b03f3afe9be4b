/**
 * Finds the policy files of one directory. Trusted: whoever may write there. Still guarded against accidents and
 * against links that lead out of it, because a revision must be what the directory holds and nothing else.
 */
import type { Stats } from 'node:fs';
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import type { PolicyProblem } from '../problem.ts';

const FILES_MAX = 5_000;
const DIRECTORY_DEPTH_MAX = 16;
export const FILE_BYTES_MAX = 4 * 1024 ** 2;
export const CODE_BYTES_MAX = 1024 ** 2;

export interface FoundFiles {
  readonly files: readonly string[];
  readonly problems: readonly PolicyProblem[];
}

/** Thrown by `readText` with a message for the operator. */
export class UnreadableFile extends Error {
  override readonly name = 'UnreadableFile';
}

/** Every `.yaml` and `.yml` file below `directory`, sorted. Names that start with a dot are skipped (`.git`, `..data`). */
export async function findFiles(directory: string): Promise<FoundFiles> {
  const search: Search = { directory, root: '', files: [], problems: [], entered: new Set() };
  try {
    search.root = await realpath(directory);
    await enter(search, directory, 0);
  } catch (error) {
    report(search, directory, `the directory cannot be read (${codeOf(error)})`);
  }
  return { files: search.files, problems: search.problems };
}

/** Text of a file, UTF-8, at most `bytesMax`, provided that it is a plain file inside `directory` once links are followed. */
export async function readText(directory: string, file: string, bytesMax: number): Promise<string> {
  try {
    const real = await realpath(file);
    if (!isInside(await realpath(directory), real)) throw new UnreadableFile(outside(directory));
    const info = await stat(real);
    if (!info.isFile()) throw new UnreadableFile('not a plain file');
    if (info.size > bytesMax) throw new UnreadableFile(`larger than ${bytesMax} bytes`);
    const bytes = await readFile(real);
    if (bytes.byteLength > bytesMax) throw new UnreadableFile(`larger than ${bytesMax} bytes`);
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    if (error instanceof UnreadableFile) throw error;
    const reason = error instanceof TypeError ? 'not UTF-8' : `cannot be read (${codeOf(error)})`;
    throw new UnreadableFile(reason, { cause: error });
  }
}

interface Search {
  readonly directory: string;
  /** Its real path. */
  root: string;
  readonly files: string[];
  readonly problems: PolicyProblem[];
  /** Real paths of the directories on the way, against link cycles. */
  readonly entered: Set<string>;
}

async function enter(search: Search, directory: string, depth: number): Promise<void> {
  const real = await realpath(directory);
  if (search.entered.has(real)) return;
  search.entered.add(real);
  if (depth > DIRECTORY_DEPTH_MAX) {
    report(search, directory, `directories nested deeper than ${DIRECTORY_DEPTH_MAX} levels`);
    return;
  }
  const names = (await readdir(directory)).filter((name) => !name.startsWith('.')).toSorted();
  for (const name of names) await visit(search, path.join(directory, name), depth);
}

async function visit(search: Search, file: string, depth: number): Promise<void> {
  const isYaml = /\.ya?ml$/.test(file);
  let info: Stats;
  try {
    if (!isInside(search.root, await realpath(file))) {
      report(search, file, outside(search.directory), 'copy the file into the directory');
      return;
    }
    info = await stat(file);
  } catch (error) {
    report(search, file, `cannot be read (${codeOf(error)})`);
    return;
  }
  if (info.isDirectory()) return enter(search, file, depth + 1);
  if (!isYaml) return;
  if (!info.isFile()) report(search, file, 'not a plain file');
  else if (search.files.length < FILES_MAX) search.files.push(file);
  else report(search, search.directory, `more than ${FILES_MAX} policy files`);
}

function isInside(root: string, file: string): boolean {
  return file === root || file.startsWith(root.endsWith(path.sep) ? root : root + path.sep);
}

function outside(directory: string): string {
  return `leads out of the policy directory ${directory}`;
}

function report(search: Search, file: string, message: string, hint?: string): void {
  const problem = { file, line: 1, column: 1, path: '', message };
  search.problems.push(hint === undefined ? problem : { ...problem, hint });
}

function codeOf(error: unknown): string {
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : 'unknown error';
}
