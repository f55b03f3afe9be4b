/**
 * Versions of engine runtimes below which holes are known or nothing was measured. Distributions patch without a new
 * number: so this warns, and refuses only where an operator asked for that (`SALLYPORT_ENGINE_FLOOR=refuse`).
 */
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';

/** For a program to say its version. */
const versionTimeoutMs = 5_000;

interface Hole {
  readonly name: string;
  readonly isOpenIn: (version: string) => boolean;
}

const runcHoles: readonly Hole[] = [
  // A leaked descriptor of the host lets a container out; fixed in 1.1.12.
  { name: 'CVE-2024-21626', isOpenIn: (version) => isLower(version, '1.1.12') },
  // Races on masked paths, /dev/console and procfs writes; fixed in 1.2.8, 1.3.3 and 1.4.0.
  {
    name: 'CVE-2025-31133, CVE-2025-52565, CVE-2025-52881',
    isOpenIn: (version) =>
      isLower(version, '1.2.8') || (!isLower(version, '1.3.0') && isLower(version, '1.3.3')),
  },
];

/** What an operator has to know of this runc; null when nothing is known against it. */
export function runcWarning(version: string): string | null {
  const open = runcHoles.filter(({ isOpenIn }) => isOpenIn(version)).map(({ name }) => name);
  if (open.length === 0) return null;
  return `runc ${version} is open to ${open.join(' and ')} unless the distribution patched it: update runc to 1.2.8, 1.3.3 or later`;
}

/** The oldest that this project was measured with: its systrap platform answers as fast as runc. */
export const runscReleaseMin = '20240729';

/** What an operator has to know of this runsc; null when nothing is known against it. */
export function runscWarning(release: string | null): string | null {
  if (release === null) return 'the release of runsc cannot be read here';
  if (!isLower(release, runscReleaseMin)) return null;
  return `runsc is of ${release}, measured from ${runscReleaseMin} on: install a newer one (bookworm-backports has it)`;
}

/** Null when the program is not on this machine, or says nothing of the kind. */
export async function readRunscRelease(program: string): Promise<string | null> {
  // The engine may be another machine's: what it names is only run here under the name that is expected.
  if (!path.isAbsolute(program) || path.basename(program) !== 'runsc') return null;
  try {
    const { stdout } = await promisify(execFile)(program, ['--version'], {
      timeout: versionTimeoutMs,
      env: {},
    });
    return /\d{8}/.exec(stdout)?.[0] ?? null;
  } catch {
    return null;
  }
}

/** Compares dotted numbers. */
export function isLower(left: string, right: string): boolean {
  const a = left.split('.').map(Number);
  const b = right.split('.').map(Number);
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}
