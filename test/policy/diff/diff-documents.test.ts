import { expect, test } from 'vitest';
import { diffDocuments } from '../../../src/policy/diff/diff-documents.ts';
import { compileText, policyText } from '../../support/policy-directory.ts';

const revision = (rules: string, more = '') => compileText(policyText(rules, more));
const one = '    - {name: one, effect: allow, tools: [example], when: args.limit <= 10}';
const two = '    - {name: two, effect: deny, tools: [example], when: args.limit == 7}';

test('the same documents differ in nothing, however they are written', async () => {
  const spaced = one.replace('{name: one, effect: allow', '{effect: allow,    name: one');
  expect(diffDocuments(await revision(one), await revision(spaced))).toEqual([]);
});

test('a condition is found by the name of its rule, wherever the rule stands', async () => {
  const changed = one.replace('<= 10', '<= 20');
  expect(diffDocuments(await revision(`${one}\n${two}`), await revision(`${two}\n${changed}`))).toEqual([
    {
      kind: 'changed',
      document: 'Policy/p',
      places: [
        { place: 'spec.rules (order)', before: '["one","two"]', after: '["two","one"]' },
        { place: 'spec.rules[one].when', before: '"args.limit <= 10"', after: '"args.limit <= 20"' },
      ],
    },
  ]);
});

test('documents and places that came and went are named', async () => {
  const boundary = `---
apiVersion: sallyport/v1
kind: Boundary
metadata: {name: own}
spec: {artifacts: none}
`;
  const before = await revision(one);
  const after = await compileText(policyText(`${one}\n${two}`, '  mode: shadow\n') + boundary);
  expect(diffDocuments(before, after)).toEqual([
    { kind: 'added', document: 'Boundary/own' },
    {
      kind: 'changed',
      document: 'Policy/p',
      places: [
        { place: 'spec.rules (order)', before: '["one"]', after: '["one","two"]' },
        { place: 'spec.mode', before: null, after: '"shadow"' },
        { place: 'spec.rules[two].effect', before: null, after: '"deny"' },
        { place: 'spec.rules[two].name', before: null, after: '"two"' },
        { place: 'spec.rules[two].tools', before: null, after: '["example"]' },
        { place: 'spec.rules[two].when', before: null, after: '"args.limit == 7"' },
      ],
    },
  ]);
  expect(diffDocuments(after, before)).toContainEqual({ kind: 'removed', document: 'Boundary/own' });
});
