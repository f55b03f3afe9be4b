/** What an image is built from: its files, and the digest over them that names it. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** The folder that every tool image's build also takes its supervisor from. */
const supervisorFolder = 'supervisor';
/** The folder of the image for isolate workers: no tool may run in it. */
export const workerFolder = 'isolate';
const folderPattern = /^[a-z0-9][a-z0-9-]{0,62}$/;
const folderDepthMax = 8;
const needsFile = 'needs';

export interface ImageFile {
  /** In the build's context. */
  readonly name: string;
  /** Here, absolute. */
  readonly path: string;
}

export interface ImagePlan {
  readonly folder: string;
  /** Names the content: other files, another tag. */
  readonly tag: string;
  /** SHA-256 over names and contents, in hex. The image carries it as a label. */
  readonly digest: string;
  readonly files: readonly ImageFile[];
  /** Whether its build fetches packages. */
  readonly needsNetwork: boolean;
}

/** The image that a folder of tools would build now. Throws RangeError on a folder that is none. */
export function toolImagePlan(imagesDirectory: string, folder: string): ImagePlan {
  if (!isToolFolder(folder)) {
    throw new RangeError(`image folder ${JSON.stringify(folder)}: lower-case letters, digits and hyphens`);
  }
  const folders = [folder, ...neededFolders(imagesDirectory, folder), supervisorFolder];
  const files = folders.flatMap((name) => filesBelow(path.join(imagesDirectory, name), name));
  return { folder, ...digestOf(folder, files), files, needsNetwork: true };
}

/** The image for isolate workers: its folder, and under `files/` what the worker's program consists of. */
export function workerImagePlan(imagesDirectory: string, programFiles: readonly ImageFile[]): ImagePlan {
  const program = programFiles.flatMap((file) => filesBelow(file.path, `${workerFolder}/files/${file.name}`));
  const files = [...filesBelow(path.join(imagesDirectory, workerFolder), workerFolder), ...program];
  return { folder: workerFolder, ...digestOf(workerFolder, files), files, needsNetwork: false };
}

/** All folders of tool images, in a fixed order. */
export function toolFolders(imagesDirectory: string): string[] {
  return readdirSync(imagesDirectory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && isToolFolder(entry.name))
    .map((entry) => entry.name)
    .sort();
}

/** Whose files its build takes as well: a line each in its file `needs`, if it has one. */
function neededFolders(imagesDirectory: string, folder: string): string[] {
  let lines: string;
  try {
    lines = readFileSync(path.join(imagesDirectory, folder, needsFile), 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
  const names = lines.split('\n').filter((line) => line !== '');
  const other = names.find((name) => !isToolFolder(name) || name === folder);
  if (other === undefined) return names;
  throw new RangeError(
    `${folder}/${needsFile} names ${JSON.stringify(other)}, which is no other folder of an image`,
  );
}

function isToolFolder(folder: string): boolean {
  return folderPattern.test(folder) && folder !== supervisorFolder && folder !== workerFolder;
}

function digestOf(folder: string, files: readonly ImageFile[]): Pick<ImagePlan, 'tag' | 'digest'> {
  const hash = createHash('sha256');
  for (const file of files) {
    const content = readFileSync(file.path);
    hash.update(`${file.name}\0${content.length}\0`).update(content);
  }
  const digest = hash.digest('hex');
  return { tag: `sallyport/${folder}:${digest.slice(0, 12)}`, digest };
}

/** A file itself, or all files of a folder in a fixed order. */
function filesBelow(from: string, name: string, depth = 0): ImageFile[] {
  if (depth === folderDepthMax) throw new RangeError(`image folder ${name} is nested too deep`);
  let entries;
  try {
    entries = readdirSync(from, { withFileTypes: true });
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOTDIR') return [{ name, path: from }];
    throw error;
  }
  return entries
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) =>
      entry.isDirectory() || entry.isFile()
        ? filesBelow(path.join(from, entry.name), `${name}/${entry.name}`, depth + 1)
        : [],
    );
}
