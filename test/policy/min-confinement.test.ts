import { expect, test } from 'vitest';
import { fulfils } from '../../src/model/confinement.ts';
import { demandsConfinement, findUnmetConfinement } from '../../src/policy/unmet-confinement.ts';
import { compileText, problemsOf } from '../support/policy-directory.ts';

function policyOf(runtime: string): string {
  return `
apiVersion: sallyport/v1
kind: Tool
metadata: {name: careful}
spec:
  input: {type: object, required: [code], properties: {code: {type: string}}}
  runtime: ${runtime}
---
apiVersion: sallyport/v1
kind: Policy
metadata: {name: p}
spec:
  subjects: [{}]
  rules: [{name: all, effect: allow, tools: [careful]}]
`;
}

test('a tool says which confinement it demands; without a word any will do', async () => {
  const demanding = await compileText(policyOf('{kind: isolate, minConfinement: container}'));
  expect(demanding.tools.get('careful')?.runtime).toMatchObject({ minConfinement: 'container' });
  const plain = await compileText(policyOf('{kind: isolate}'));
  expect(plain.tools.get('careful')?.runtime).toMatchObject({ minConfinement: 'process' });
  expect([demandsConfinement(demanding), demandsConfinement(plain)]).toEqual([true, false]);
});

test('a confinement that does not exist is a mistake at its place', async () => {
  expect(await problemsOf(policyOf('{kind: isolate, minConfinement: bwarp}'))).toEqual([
    '7:44 /spec/runtime/minConfinement must be one of process, container, bwrap (did you mean "bwrap"?)',
  ]);
});

test('tools in containers have no say in it', async () => {
  const problems = await problemsOf(policyOf('{kind: container, image: x, minConfinement: bwrap}'));
  expect(problems).toContainEqual(expect.stringContaining('unknown field "minConfinement"'));
});

test.each([
  ['process', 'container', false],
  ['process', 'bwrap', false],
  ['container', 'bwrap', false],
  ['container', 'container', true],
  ['bwrap', 'container', true],
  ['bwrap', 'process', true],
  ['none', 'process', false],
  ['unknown', 'process', false],
] as const)('%s fulfils %s: %s', (has, demanded, expected) => {
  expect(fulfils(has, demanded)).toBe(expected);
});

test('names the tools that demand more than there is', async () => {
  const revision = await compileText(policyOf('{kind: isolate, minConfinement: container}'));
  expect(findUnmetConfinement(revision, 'bwrap')).toBe(null);
  expect(findUnmetConfinement(revision, 'process')).toBe(
    'these tools demand a stronger confinement than process, which isolates of this host have: careful (container)',
  );
});
