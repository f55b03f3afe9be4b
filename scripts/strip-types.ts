/**
 * Builds `dist/` for the package: Node refuses TypeScript under node_modules, so types are stripped by Node's own
 * `stripTypeScriptTypes`, which keeps every line and column. Files of other kinds are copied as they are.
 *
 * Convention that makes this sound: a path to a TypeScript file stands in the code as one whole string literal in
 * single quotes that begins with `./` or `../` (`import … from './x.ts'`, `new URL('./x.ts', import.meta.url)`).
 * A string that ends in `.ts` in any other way stops the build.
 */
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const source = fileURLToPath(new URL('../src/', import.meta.url));
const target = fileURLToPath(new URL('../dist/', import.meta.url));
const program = 'main.ts';
const shebang = '#!/usr/bin/env node';

/** TypeScript without its types, its specifiers pointing at JavaScript. Throws where a specifier would be left over. */
export function toJavaScript(code: string, name: string): string {
  const stripped = stripTypeScriptTypes(code, { mode: 'strip' });
  const rewritten = stripped.replaceAll(/'(\.\.?\/[\w./-]+)\.ts'/g, "'$1.js'");
  const leftover = rewritten
    .split('\n')
    .findIndex((line) => /(?<!endsWith\(')\.[cm]?ts['"`]/.test(line) && !/^\s*(\/?\*|\/\/)/.test(line));
  if (leftover !== -1) {
    throw new Error(
      `${name}:${leftover + 1}: a string ends in .ts and is no relative path in single quotes; see scripts/strip-types.ts`,
    );
  }
  return rewritten;
}

function build(): void {
  rmSync(target, { recursive: true, force: true });
  for (const entry of readdirSync(source, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const from = join(entry.parentPath, entry.name);
    const name = from.slice(source.length);
    const to = join(target, name);
    mkdirSync(dirname(to), { recursive: true });
    if (name.endsWith('.ts')) {
      writeFileSync(to.replace(/\.ts$/, '.js'), toJavaScript(readFileSync(from, 'utf8'), `src/${name}`));
    } else {
      copyFileSync(from, to);
    }
  }
  const main = join(target, program.replace(/\.ts$/, '.js'));
  const code = readFileSync(main, 'utf8');
  if (!code.startsWith(`${shebang}\n`)) writeFileSync(main, `${shebang}\n${code}`);
  chmodSync(main, 0o755);
}

if (import.meta.main) build();
