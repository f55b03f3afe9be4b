/** What the server needs of its host, whatever runs the tools. Each check tries the thing itself. */
import { existsSync } from 'node:fs';
import { mkdtemp, rmdir, statfs } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Config } from '../../config/config.ts';
import { detectorIds } from '../../boundary/detectors.ts';
import { addonObjection, addonVersionMin, locateAddon } from '../../execution/isolate/addon.ts';
import { compile } from '../../policy/compile/compile.ts';
import { formatProblem } from '../../policy/lint.ts';
import type { Revision } from '../../policy/revision.ts';
import { reasonOf } from '../reason-of.ts';
import { failed, ok, warning } from './report.ts';
import type { Check } from './report.ts';

/** As `engines` in package.json. */
const nodeMajorMin = 26;
/** Free space under which a busy record fills the disk within days. */
const comfortableBytes = 1024 ** 3;

export function checkNode(version = process.versions.node): Check {
  if (Number(version.split('.')[0]) >= nodeMajorMin) return ok('node', version);
  return failed('node', `${version} is below ${nodeMajorMin}`, `install Node.js ${nodeMajorMin}`);
}

/** Null instead of a path when isolates cannot be served with what is installed. */
export function checkAddon(): { readonly check: Check; readonly path: string | null } {
  const id = 'isolated-vm';
  const remedy = `npm install ${id}@${addonVersionMin} or later, for this platform and Node`;
  try {
    const addon = locateAddon();
    const objection = addonObjection(addon);
    if (objection !== null) return { check: failed(id, objection, remedy), path: null };
    return { check: ok(id, addon.version), path: addon.path };
  } catch (error) {
    return { check: failed(id, `cannot be loaded: ${reasonOf(error)}`, remedy), path: null };
  }
}

/** Null instead of a revision when the directories do not compile. */
export async function checkPolicy(
  directories: readonly string[],
): Promise<{ readonly check: Check; readonly revision: Revision | null }> {
  const where = directories.join(':');
  const compiled = await compile({ directories, knownDetectors: detectorIds });
  if (compiled.ok) {
    const { id, tools } = compiled.revision;
    return {
      check: ok('policy', `${where}: ${tools.size} tools, revision ${id.slice(0, 19)}`),
      revision: compiled.revision,
    };
  }
  const [first] = compiled.problems;
  const found = `${where}: ${compiled.problems.length} mistakes, first ${first === undefined ? '' : formatProblem(first)}`;
  return { check: failed('policy', found, `sallyport policy lint ${directories.join(' ')}`), revision: null };
}

/** The directory itself, or the nearest one above it that is there: the server makes the rest. */
function existingPart(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : existingPart(dirname(path));
}

export async function checkDataDirectory(dataDir: string): Promise<Check> {
  const path = resolve(dataDir);
  const place = existingPart(path);
  try {
    await rmdir(await mkdtemp(join(place, '.sallyport-doctor-')));
    return ok('data-directory', place === path ? path : `${path}, to be made in ${place}`);
  } catch (error) {
    return failed(
      'data-directory',
      `${place} cannot be written: ${reasonOf(error)}`,
      'let the user of the server write there, or set SALLYPORT_DATA_DIR to another directory',
    );
  }
}

export async function checkDisk({ dataDir, diskReserveBytes }: Config): Promise<Check> {
  const place = existingPart(resolve(dataDir));
  const { bavail, bsize } = await statfs(place);
  const freeBytes = bavail * bsize;
  const found = `${Math.floor(freeBytes / 1024 ** 2)} MiB free at ${place}`;
  if (freeBytes < diskReserveBytes) {
    return failed(
      'disk',
      `${found}, below SALLYPORT_DISK_RESERVE_BYTES (${diskReserveBytes}): calls are refused`,
      'make room, or set SALLYPORT_DATA_DIR to a larger disk',
    );
  }
  return freeBytes < comfortableBytes
    ? warning('disk', found, 'make room for the record')
    : ok('disk', found);
}
