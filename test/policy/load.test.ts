import { mkdir, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { compile } from '../../src/policy/compile/compile.ts';
import { CODE_BYTES_MAX, FILE_BYTES_MAX } from '../../src/policy/load/read-directory.ts';
import {
  compileFiles,
  exampleTool,
  policyText,
  problemsOf,
  withPolicyDirectory,
} from '../support/policy-directory.ts';

const image = 'apiVersion: sallyport/v1\nkind: Image\nmetadata: {name: python}\nspec: {build: python}\n';

async function messages(directories: readonly string[]): Promise<readonly string[]> {
  const result = await compile({ directories, knownDetectors: [] });
  return (result.ok ? [] : result.problems).map(({ message }) => message);
}

test('files are found in sub-directories, under both endings, and nothing else is read', async () => {
  const result = await compileFiles({
    'a/b/tool.yml': exampleTool,
    'image.yaml': image,
    'notes.txt': 'a: [',
    '.hidden.yaml': 'a: [',
    '..data/copy.yaml': image,
  });
  expect(result.ok && [...result.revision.images.keys()]).toEqual(['python']);
});

test('a missing directory and an empty one are mistakes', async () => {
  expect(await messages(['/nonexistent/policies'])).toEqual(['the directory cannot be read (ENOENT)']);
  await withPolicyDirectory({ 'readme.md': '' }, async (directory) => {
    expect(await messages([directory])).toEqual(['no policy documents found']);
  });
});

test('a link that leaves the directory is refused, for files and for directories', async () => {
  await withPolicyDirectory(
    { 'outside/image.yaml': image, 'inside/image.yaml': image },
    async (directory) => {
      await symlink('../outside/image.yaml', path.join(directory, 'inside/link.yaml'));
      await symlink('../outside', path.join(directory, 'inside/folder'));
      const inside = path.join(directory, 'inside');
      const result = await compile({ directories: [inside], knownDetectors: [] });
      const message = `leads out of the policy directory ${inside}`;
      expect(result.ok ? [] : result.problems).toMatchObject([
        { file: path.join(inside, 'folder'), message },
        { file: path.join(inside, 'link.yaml'), message },
      ]);
    },
  );
});

test('a link inside the directory is followed, as in a mounted ConfigMap, and a cycle ends', async () => {
  await withPolicyDirectory({ '..2024/image.yaml': image }, async (directory) => {
    await symlink('..2024', path.join(directory, '..data'));
    await symlink('..data/image.yaml', path.join(directory, 'image.yaml'));
    await mkdir(path.join(directory, 'sub'));
    await symlink('..', path.join(directory, 'sub/up'));
    const result = await compile({ directories: [directory], knownDetectors: [] });
    expect(result.ok && [...result.revision.images.keys()]).toEqual(['python']);
  });
});

test('code may not be reached through a link that leaves the directory', async () => {
  const tool = exampleTool.replace('{kind: isolate}', '{kind: isolate, code: ./code.js}');
  await withPolicyDirectory(
    { 'inside/tool.yaml': tool, 'secret.js': 'export default 1' },
    async (directory) => {
      await symlink('../secret.js', path.join(directory, 'inside/code.js'));
      const inside = path.join(directory, 'inside');
      const message = `leads out of the policy directory ${inside}`;
      expect(await messages([inside])).toEqual([message, `"./code.js": ${message}`]);
    },
  );
});

test('code may not be hidden, for nobody would see it change', async () => {
  const tool = exampleTool.replace('{kind: isolate}', '{kind: isolate, code: ./.lib/code.js}');
  await withPolicyDirectory(
    { 'tool.yaml': tool, '.lib/code.js': 'export default () => 1' },
    async (directory) => {
      expect(await messages([directory])).toEqual(['"./.lib/code.js" is hidden']);
    },
  );
});

test('a later directory adds and may not redefine: the mistake names both places', async () => {
  await withPolicyDirectory(
    { 'base/a.yaml': image, 'prod/b.yaml': `# prod\n${image}` },
    async (directory) => {
      const [base, prod] = [path.join(directory, 'base'), path.join(directory, 'prod')];
      const result = await compile({ directories: [base, prod], knownDetectors: [] });
      expect(result.ok ? [] : result.problems).toEqual([
        {
          file: path.join(prod, 'b.yaml'),
          line: 4,
          column: 18,
          path: '/metadata/name',
          message: `Image "python" is already defined at ${path.join(base, 'a.yaml')}:3:18`,
          hint: 'later documents add and never redefine: rename or remove one',
        },
      ]);
    },
  );
});

test('expanding aliases (billion laughs) are refused before they expand', async () => {
  const levels = Array.from({ length: 30 }, (_, at) => `l${at + 1}: &l${at + 1} [*l${at}, *l${at}, *l${at}]`);
  const problems = await problemsOf(['l0: &l0 [lol]', ...levels].join('\n'));
  expect(problems).toHaveLength(31 + 30 * 3);
  expect(problems[0]).toBe('1:9 /l0 anchors are not allowed (write the value out where it is needed)');
});

test('nesting without end is refused', async () => {
  expect(await problemsOf(`a: ${'['.repeat(70)}${']'.repeat(70)}`)).toEqual([
    `1:68 /a${'/0'.repeat(64)} nested deeper than 64 levels`,
  ]);
  expect((await problemsOf(`a: ${'['.repeat(50_000)}`)).length).toBeGreaterThan(0);
});

test('directives and tags are refused', async () => {
  expect(await problemsOf(`%YAML 1.1\n---\n${image}`)).toEqual([
    '2:1 YAML directives are not allowed (remove the line starting with %)',
  ]);
  expect(await problemsOf('a: !!str 1')).toEqual([
    '1:10 /a the tag tag:yaml.org,2002:str is not allowed (put the value in quotes)',
  ]);
});

test('words that other YAML versions read as booleans or dates stay text', async () => {
  const result = await compileFiles({ 'a.yaml': image.replace('name: python', 'name: yes') });
  expect(result.ok && [...result.revision.images.keys()]).toEqual(['yes']);
});

test('a tab in the indentation is told alone, whatever the parser makes of the lines around it', async () => {
  const policy = 'kind: Policy\nspec:\n  rules:\n\t- name: a\n\t  effect: allow\n  quotas: [1\n';
  expect(await problemsOf(`${policy}---\na: [1\n`)).toEqual([
    '4:1 Tabs are not allowed as indentation (indent with spaces, here and in the lines below)',
    expect.stringContaining('Flow sequence'),
  ]);
});

test('a boundary that nobody defines is told with those that there are', async () => {
  const rule = '    - {name: a, effect: allow, tools: [example], boundary: nope}';
  const strict = 'apiVersion: sallyport/v1\nkind: Boundary\nmetadata: {name: strict}\nspec: {}';
  expect(await problemsOf(policyText(rule), { 'strict.yaml': strict })).toEqual([
    expect.stringContaining('unknown boundary "nope" (known: standard, strict)'),
  ]);
});

test('files beyond their limits, not UTF-8 or not files are refused by name', async () => {
  await withPolicyDirectory({ 'large.yaml': `#${' '.repeat(FILE_BYTES_MAX)}` }, async (directory) => {
    await writeFile(path.join(directory, 'latin1.yaml'), Uint8Array.from([0x61, 0xe9]));
    await mkdir(path.join(directory, 'folder.yaml'));
    expect(await messages([directory])).toEqual([`larger than 4194304 bytes`, 'not UTF-8']);
  });
  const code = 'x'.repeat(CODE_BYTES_MAX + 1);
  const tool = exampleTool.replace('{kind: isolate}', '{kind: isolate, code: ./code.js}');
  expect(await problemsOf(tool, { 'code.js': code })).toEqual([
    '18:34 /spec/runtime/code "./code.js": larger than 1048576 bytes',
  ]);
});
