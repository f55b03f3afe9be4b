import ivm from 'isolated-vm';
import { expect, test } from 'vitest';
import { compileContent } from '../../src/policy/compile/compile-content.ts';
import { compile, revisionId } from '../../src/policy/compile/compile.ts';
import { formatProblem } from '../../src/policy/lint.ts';
import {
  compileText,
  exampleTool,
  knownDetectors,
  withPolicyDirectory,
} from '../support/policy-directory.ts';

/** What is wrong with the code of an isolate tool, each as `file:line:column message (hint)`. */
async function mistakesOf(source: string, file = 'code/tool.js'): Promise<readonly string[]> {
  const tool = exampleTool.replace('{kind: isolate}', `{kind: isolate, code: ./${file}}`);
  return withPolicyDirectory({ 'tool.yaml': tool, [file]: source }, async (directory) => {
    const result = await compile({ directories: [directory], knownDetectors });
    return (result.ok ? [] : result.problems).map((problem) =>
      formatProblem(problem).replace(`${directory}/`, ''),
    );
  });
}

const unreadable = [
  ['export defaut x', '1:1', "Unexpected token 'export'"],
  ['const a = 1;\n\n  let a = 2;\nexport default a;', '3:7', "Identifier 'a' has already been declared"],
  ['export default () => {\n  return {a: 1, b: };\n}', '2:20', "Unexpected token '}'"],
  ['export const b = 1;\r\n\tfoo bar', '2:6', "Unexpected identifier 'bar'"],
  ['const a = 1;\nexport default function f( {', '2:29', 'Unexpected end of input'],
  ['export default ({\n', '2:1', 'Unexpected end of input'],
  ['export default 1; try {}', '1:24', 'Missing catch or finally after try'],
  ['const a = 1;\nexport {\n  a };\nexport default f g;', '4:18', "Unexpected identifier 'g'"],
  ['export default /[/;', '1:16', 'Invalid regular expression: missing /'],
] as const;

test.each(unreadable)(
  'code that does not parse is a mistake at its place: %j',
  async (source, place, message) => {
    expect(await mistakesOf(source)).toEqual([
      `code/tool.js:${place} cannot be read as JavaScript: ${message}`,
    ]);
  },
);

test('an isolate says the same of it, at the same place', () => {
  using isolate = new DisposableIsolate();
  for (const [source, place, message] of unreadable)
    expect(() => isolate.compile(source)).toThrow(`${message} [tool.js:${place}]`);
});

test.each([
  ["Export 'nope' is not defined in module", 'export default 1;\nexport { nope };'],
  ['Illegal return statement', 'export default 1;\nreturn 1'],
])('what the engine says of modules alone is told at the start of the file: %s', async (message, source) => {
  expect(await mistakesOf(source)).toEqual([`code/tool.js:1:1 cannot be read as JavaScript: ${message}`]);
});

test('so is code that exports nothing by default, or imports', async () => {
  expect(await mistakesOf('export const tool = () => 1;')).toEqual([
    'code/tool.js:1:1 no default export (write export default (input, host) => value)',
  ]);
  expect(
    await mistakesOf(
      '// by hand\nimport fs from "node:fs";\nexport * from \'./more.js\';\nexport default fs;',
    ),
  ).toEqual([
    'code/tool.js:2:11 import of "node:fs" is not available (a tool is one module without imports)',
    'code/tool.js:3:10 import of "./more.js" is not available (a tool is one module without imports)',
  ]);
});

test('TypeScript is held to the same, at the lines and columns that its author wrote', async () => {
  const source = 'const a: number = 1;\nconst a: string = "";\nexport default a;';
  expect(await mistakesOf(source, 'tool.ts')).toEqual([
    "tool.ts:2:7 cannot be read as JavaScript: Identifier 'a' has already been declared",
  ]);
  expect(await mistakesOf('export const a: number = 1;', 'tool.ts')).toHaveLength(1);
});

const readable = [
  'export default ({ code }) => code.length;',
  'const tool = async () => import("node:fs");\nexport { tool as default };',
  'export default await Promise.resolve(() => 1);',
  'export default class { static #a = 1; static { this.#a; } }',
  'export default () => { using it = null; return /(?<y>a)|(?<y>b)|(?i:c)/v; }',
  '#!/usr/bin/env node\nexport default import.meta;',
];

test.each(readable)('what an isolate accepts passes, and none of it runs: %s', async (code) => {
  const source = `${code}\nthrow new Error('it ran'); process.exit(1);`;
  using isolate = new DisposableIsolate();
  expect(() => isolate.compile(source)).not.toThrow();
  expect(await mistakesOf(source)).toEqual([]);
});

test('what is too much for this stack alone is left to the isolate', async () => {
  expect(await mistakesOf(`export default ${'['.repeat(100_000)}${']'.repeat(100_000)};`)).toEqual([]);
});

test('a revision that is stored with such code can still be read', async () => {
  const tool = exampleTool.replace('{kind: isolate}', '{kind: isolate, code: ./tool.js}');
  const revision = await compileText(tool, { 'tool.js': 'export default 1' });
  const content = revision.content.replace('export default 1', 'export defaut x');
  const stored = await compileContent(revisionId(content), content, { knownDetectors });
  expect(stored.ok && stored.revision.tools.get('example')?.runtime.code).toMatchObject({
    source: 'export defaut x',
  });
});

class DisposableIsolate implements Disposable {
  readonly #isolate = new ivm.Isolate({ memoryLimit: 32 });

  compile(source: string): void {
    this.#isolate.compileModuleSync(source, { filename: 'tool.js' });
  }

  [Symbol.dispose](): void {
    this.#isolate.dispose();
  }
}
