/**
 * For the image: completes npm's CycloneDX document by what else is inside, Node and the libraries that it needs.
 * Usage: `image-sbom.ts <npm's document> <file with the libraries' paths>`; prints the document.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

interface Component {
  readonly type: string;
  readonly 'bom-ref': string;
  readonly name: string;
  readonly version: string;
  readonly purl: string;
}

const [, , packagesPath = '', librariesPath = ''] = process.argv;
const document = JSON.parse(readFileSync(packagesPath, 'utf8')) as { components?: Component[] };
const libraries = readFileSync(librariesPath, 'utf8').trim().split('\n');
const components = [...(document.components ?? []), node(), ...debianPackages(libraries)];
process.stdout.write(`${JSON.stringify({ ...document, components }, null, 2)}\n`);

function node(): Component {
  const version = process.version.slice(1);
  const purl = `pkg:generic/node@${version}`;
  return { type: 'platform', 'bom-ref': purl, name: 'node', version, purl };
}

/** The packages that the files belong to. Throws when a file is nobody's. */
function debianPackages(paths: readonly string[]): Component[] {
  const names = new Set(paths.map(ownerOf));
  return [...names].toSorted().map((name) => {
    const version = query('--show', '--showformat=${Version}', name);
    const purl = `pkg:deb/debian/${name}@${encodeURIComponent(version)}`;
    return { type: 'library', 'bom-ref': purl, name, version, purl };
  });
}

/** dpkg knows a library by its path before or after /lib became a link to /usr/lib. */
function ownerOf(path: string): string {
  for (const candidate of [path, `/usr${path}`, path.replace(/^\/usr/, '')]) {
    try {
      return query('--search', candidate).split(':')[0] ?? '';
    } catch {
      continue;
    }
  }
  throw new Error(`no Debian package holds ${path}`);
}

function query(...args: readonly string[]): string {
  return execFileSync('dpkg-query', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
}
