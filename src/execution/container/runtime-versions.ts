/** Versions of engine runtimes below which holes are known. Distributions patch without a new number: all this can do is warn. */

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
