import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { compile } from '../../src/policy/compile/compile.ts';
import { formatProblems } from '../../src/policy/lint.ts';

const directories = ['test/fixtures/policy/planted', 'test/fixtures/policy/planted-other'];

test('every planted mistake is reported at once, each at its line and column with what to do', async () => {
  const result = await compile({ directories, knownDetectors: ['known-secret'] });
  const expected = await readFile('test/fixtures/policy/planted.problems.txt', 'utf8');
  expect(result.ok).toBe(false);
  expect(`${formatProblems(result.ok ? [] : result.problems)}\n`).toBe(expected);
});

test('the same directory gives the same list in the same order', async () => {
  const [first, second] = await Promise.all([
    compile({ directories, knownDetectors: ['known-secret'] }),
    compile({ directories, knownDetectors: ['known-secret'] }),
  ]);
  expect(second).toEqual(first);
});
