/**
 * For the image: leaves of node_modules what runs on this platform. Usage: `trim-packages.ts <node_modules>`.
 * Goes: types, maps, sources of addons, builds of addons for other platforms. Stays: licences.
 */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const { arch, versions } = process;
const idle =
  /\.(ts|mts|cts|map|md|markdown|flow|tgz|tar\.gz|c|cc|cpp|h|hpp|gyp|gypi|o|a|sh|patch|inl)$|\/(\.github|\.package-lock\.json|binding\.gyp)/i;
const tests = /^\/(@[^/]+\/)?[^/]+\/(tests?|benchmarks?|examples?)\//;
const licence = /\/(licen[cs]e|copying|notice|authors)[^/]*$/i;

/** Whether a file, by its path below node_modules, is of no use to the program. */
export function isIdle(path: string): boolean {
  if (licence.test(path)) return false;
  if (path.endsWith('.node')) return !isBuiltForHere(path);
  return idle.test(path) || tests.test(path);
}

/** Names as `prebuilds/linux-x64.node` and `prebuilds/linux-x64/addon.abi147.glibc.node`. */
function isBuiltForHere(path: string): boolean {
  const abi = /\.abi(\d+)\./.exec(path)?.[1] ?? versions.modules;
  return (
    path.includes(`/prebuilds/linux-${arch}`) && !/\.musl\.|linuxmusl/.test(path) && abi === versions.modules
  );
}

function trim(root: string): void {
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isSymbolicLink() || (entry.isFile() && isIdle(path.slice(root.length)))) rmSync(path);
  }
}

if (import.meta.main) {
  const [, , root] = process.argv;
  if (root === undefined) throw new Error('usage: trim-packages.ts <node_modules>');
  trim(root);
}
