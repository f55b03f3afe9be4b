import { expect, test } from 'vitest';
import { toJavaScript } from '../../scripts/strip-types.ts';

test('types go, and every path to a TypeScript file points at JavaScript', () => {
  const code = [
    "import type { A } from './a.ts';",
    "import { b } from '../b.ts';",
    "const c: string = await import('./deep/c-d.ts');",
    "new Worker(new URL('./worker.ts', import.meta.url));",
  ].join('\n');

  const lines = toJavaScript(code, 'x.ts').split('\n');

  expect(lines.map((line) => line.trim().replaceAll(/ +/g, ' '))).toEqual([
    '',
    "import { b } from '../b.js';",
    "const c = await import('./deep/c-d.js');",
    "new Worker(new URL('./worker.js', import.meta.url));",
  ]);
});

test('lines and columns stay, so that stack traces point into the source', () => {
  expect(toJavaScript('const a: number = 1;\n\nthrow a;', 'x.ts')).toBe('const a         = 1;\n\nthrow a;');
});

test.each([['import b from "./b.ts";'], ['const path = `./${name}.ts`;'], ["const path = name + '.ts';"]])(
  'a path that would be left behind stops the build: %s',
  (code) => {
    expect(() => toJavaScript(`\n${code}`, 'src/x.ts')).toThrow('src/x.ts:2: a string ends in .ts');
  },
);

test('a comment may name a TypeScript file', () => {
  expect(toJavaScript('// see `./x.ts`\n/** and `y.ts` */\n', 'x.ts')).toContain('`y.ts`');
});
