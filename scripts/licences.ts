/** Licences of the packages that run in production, by the lock file and their own manifests. Exit code 1 for others. */
import { readFileSync } from 'node:fs';

const allowed = new Set(['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', 'MIT', 'Unlicense']);

interface LockEntry {
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly license?: string;
}

const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
  packages: Record<string, LockEntry>;
};
const shipped = Object.entries(lock.packages).filter(
  ([folder, { dev, devOptional }]) => folder !== '' && dev !== true && devOptional !== true,
);
const refused = shipped
  .map(([folder, entry]) => ({ folder, licence: entry.license ?? licenceOf(folder) }))
  .filter(({ licence }) => !allowed.has(licence));
for (const { folder, licence } of refused) process.stdout.write(`${folder}: ${licence}\n`);
process.stdout.write(
  `${shipped.length} packages, ${refused.length} with a licence that is not on the list\n`,
);
if (refused.length > 0) process.exitCode = 1;

/** Old packages say it as a list of objects. */
function licenceOf(folder: string): string {
  const manifest = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8')) as {
    licenses?: { type: string }[];
  };
  return manifest.licenses?.map(({ type }) => type).join(' AND ') ?? 'none';
}
