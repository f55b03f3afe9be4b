import { expect, test } from 'vitest';
import { detectorIds } from '../../../src/boundary/detectors.ts';
import { compileContent } from '../../../src/policy/compile/compile-content.ts';
import { revisionId } from '../../../src/policy/compile/compile.ts';
import { loadRevision } from '../../../src/policy/load-revision.ts';
import { argumentRange } from '../../../src/policy/suggest/argument-range.ts';
import { narrowPolicies } from '../../../src/policy/suggest/narrow-policies.ts';
import type { RuleUse } from '../../../src/policy/suggest/narrow-policies.ts';
import type { JsonObject } from '../../../src/model/json.ts';
import { compileText, policyText } from '../../support/policy-directory.ts';

const times = (count: number, args: (at: number) => JsonObject): JsonObject[] =>
  Array.from({ length: count }, (_none, at) => args(at));

const input: JsonObject = {
  type: 'object',
  properties: {
    limit: { type: 'integer', minimum: 0, maximum: 100 },
    mode: { type: 'string' },
    note: { type: 'string' },
    dry: { type: 'boolean' },
  },
};

test('arguments of enough calls are a range, of optional ones only where they are given', () => {
  const calls = times(20, (at) => ({
    limit: at,
    mode: at % 2 === 0 ? 'fast' : 'slow',
    note: `n${at}`,
    dry: true,
  }));
  expect(argumentRange(input, calls)).toEqual([
    'args.limit <= 19',
    'args.mode in ["fast", "slow"]',
    'args.dry == true',
  ]);
  const [first, ...others] = calls;
  const without: JsonObject = { ...first };
  delete without['mode'];
  expect(argumentRange(input, [...others, without, ...others])).toContain(
    '(!has(args.mode) || args.mode in ["slow", "fast"])',
  );
});

test('few calls, and all that the schema gives, say nothing', () => {
  expect(
    argumentRange(
      input,
      times(19, () => ({ limit: 1 })),
    ),
  ).toEqual([]);
  expect(
    argumentRange(
      input,
      times(30, (at) => ({ limit: at === 0 ? 0 : 100 })),
    ),
  ).toEqual([]);
});

test('rules that grant are narrowed to their tools and ranges, those that were not used go, others stay', async () => {
  const revision = await compileText(
    policyText(`    - {name: wide, effect: allow, tools: ["*"], when: "args.limit < 900 || args.limit > 990"}
    - {name: unused, effect: allow, tools: [example], when: args.limit == 950}
    - {name: never, effect: deny, tools: [example], when: args.limit == 7}`),
  );
  const use: RuleUse = {
    tools: new Map([['example', times(20, (at) => ({ code: `c${at}`, limit: 10 + at }))]]),
  };
  const { content, documents, rules } = narrowPolicies(revision, new Map([['p/wide', use]]));
  expect(rules).toEqual([
    { rule: 'p/wide', calls: 20, tools: ['example'] },
    { rule: 'p/unused', calls: 0, tools: [] },
  ]);
  expect(documents).toMatchObject([
    {
      metadata: { name: 'p' },
      spec: {
        subjects: [{}],
        rules: [
          {
            name: 'wide-example',
            effect: 'allow',
            tools: ['example'],
            when: '(args.limit < 900 || args.limit > 990) && args.limit >= 10 && args.limit <= 29',
          },
          { name: 'never', effect: 'deny' },
        ],
      },
    },
  ]);
  expect(JSON.parse(content).documents).toContainEqual(documents[0]);
  const unknown: RuleUse = { tools: new Map([['example', [null, ...times(20, () => ({ limit: 1 }))]]]) };
  expect(narrowPolicies(revision, new Map([['p/wide', unknown]])).documents).toMatchObject([
    {
      spec: {
        rules: [
          { name: 'wide', tools: ['example'], when: 'args.limit < 900 || args.limit > 990' },
          { name: 'never' },
        ],
      },
    },
  ]);
});

test('what is left of the shipped policies compiles, also where nothing but quotas is', async () => {
  const shipped = await loadRevision({ directories: ['policies'], knownDetectors: detectorIds });
  const use: RuleUse = { tools: new Map([['js_run', times(20, () => ({ code: '1' }))]]) };
  const { content, documents } = narrowPolicies(shipped, new Map([['analysts/small-programs', use]]));
  const fairUse = documents.find(({ metadata }) => (metadata as JsonObject)['name'] === 'fair-use');
  expect(fairUse?.['spec']).not.toHaveProperty('rules');
  const compiled = await compileContent(revisionId(content), content, { knownDetectors: detectorIds });
  expect(compiled.ok ? [] : compiled.problems).toEqual([]);
});
