/** Where isolated-vm's native addon is. The worker gets this one file and nothing else of node_modules. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

export interface IsolateAddon {
  readonly version: string;
  /** The `.node` file for this platform and Node version. */
  readonly path: string;
}

/** Below it a guest can corrupt the host's memory (GHSA-864f-rcv7-6rh4). */
export const addonVersionMin = '7.0.1';

/** Throws when isolated-vm is not installed or has no build for this platform. */
export function locateAddon(): IsolateAddon {
  const manifestPath = createRequire(import.meta.url).resolve('isolated-vm/package.json');
  const { version } = JSON.parse(readFileSync(manifestPath, 'utf8')) as { version: string };
  const builds = createRequire(manifestPath)('node-gyp-build') as { path(folder: string): string };
  return { version, path: builds.path(dirname(manifestPath)) };
}

/**
 * The addon for the worker's image: Linux with glibc, whatever this host is. `architecture` as Node names it.
 * Throws when isolated-vm has no build for it.
 */
export function prebuiltAddon(architecture: string): string {
  const folder = dirname(createRequire(import.meta.url).resolve('isolated-vm/package.json'));
  const file = `isolated-vm.abi${process.versions.modules}.glibc.node`;
  const path = join(folder, 'prebuilds', `linux-${architecture}`, file);
  if (!existsSync(path)) throw new Error(`isolated-vm has no build for linux-${architecture}: ${path}`);
  return path;
}

/** Why this addon must not be used; null when it may. */
export function addonObjection(addon: IsolateAddon): string | null {
  const [version, floor] = [addon.version, addonVersionMin].map((text) => text.split('.').map(Number));
  const difference =
    (floor ?? []).map((part, at) => (version?.[at] ?? 0) - part).find((delta) => delta !== 0) ?? 0;
  if (difference >= 0) return null;
  return `isolated-vm ${addon.version} is unsafe (GHSA-864f-rcv7-6rh4); install ${addonVersionMin} or later`;
}
