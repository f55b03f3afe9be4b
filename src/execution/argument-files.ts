/** `args.files` beside a caller's code: `[{path, text | base64 | file}]`. Hostile: all of it. */
import { isPlainPath } from './work-path.ts';

export const filesMax = 256;

const base64Pattern = /^[A-Za-z0-9+/]*={0,2}$/;
/** Where what the code leaves is looked for. */
const outFolder = 'out';

export interface ArgumentFile {
  readonly path: string;
  readonly content:
    | { readonly kind: 'text' | 'base64'; readonly text: string }
    | { readonly kind: 'file'; readonly id: string };
}

export interface FileObjection {
  /** From `files` on, for example `/files/0/base64`. */
  readonly pointer: string;
  readonly message: string;
}

/** The files, or the first thing that is wrong with them. What an uploaded one holds is not looked at. */
export function readArgumentFiles(given: unknown): readonly ArgumentFile[] | FileObjection {
  if (given === undefined) return [];
  if (!Array.isArray(given) || given.length > filesMax)
    return { pointer: '/files', message: `has to be a list of at most ${filesMax}` };
  const files: ArgumentFile[] = [];
  const taken: TakenPaths = { files: new Set(), folders: new Set([outFolder]) };
  for (const [index, entry] of given.entries()) {
    const pointer = `/files/${index}`;
    const file = readFile(entry, pointer);
    if ('message' in file) return file;
    const clash = clashOf(file.path, taken);
    if (clash !== null) return { pointer: `${pointer}/path`, message: clash };
    taken.files.add(file.path);
    for (const parent of parentsOf(file.path)) taken.folders.add(parent);
    files.push(file);
  }
  return files;
}

interface TakenPaths {
  readonly files: Set<string>;
  readonly folders: Set<string>;
}

/** Why a file cannot stand there beside those before it; null when it can. */
function clashOf(path: string, { files, folders }: TakenPaths): string | null {
  const shown = JSON.stringify(path);
  if (files.has(path)) return `${shown} is given twice`;
  const parent = parentsOf(path).find((name) => files.has(name));
  if (parent !== undefined)
    return `${shown} has no place: ${JSON.stringify(parent)} is given as a file, and no folder`;
  if (path === outFolder) return `${shown} is the folder for what the code leaves: choose another name`;
  if (folders.has(path)) return `${shown} is a folder: other files are given in it`;
  return null;
}

function readFile(entry: unknown, pointer: string): ArgumentFile | FileObjection {
  if (typeof entry !== 'object' || entry === null)
    return { pointer, message: 'has to be an object {path, text | base64 | file}' };
  const { path, text, base64, file } = entry as Readonly<Record<string, unknown>>;
  if (typeof path !== 'string' || !isPlainPath(path))
    return {
      pointer: `${pointer}/path`,
      message: 'has to be relative to /work, in plain names without . and ..',
    };
  if ([text, base64, file].filter((content) => content !== undefined).length === 1) {
    if (typeof text === 'string') return { path, content: { kind: 'text', text } };
    if (typeof file === 'string') return { path, content: { kind: 'file', id: file } };
    if (typeof base64 === 'string' && base64.length % 4 === 0 && base64Pattern.test(base64))
      return { path, content: { kind: 'base64', text: base64 } };
    if (typeof base64 === 'string') return { pointer: `${pointer}/base64`, message: 'is not base64' };
  }
  return { pointer, message: 'give one of text, base64, file' };
}

function parentsOf(path: string): string[] {
  const names = path.split('/');
  return names.slice(1).map((_, index) => names.slice(0, index + 1).join('/'));
}
