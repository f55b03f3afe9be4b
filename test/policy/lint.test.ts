import { expect, test } from 'vitest';
import { compile } from '../../src/policy/compile/compile.ts';
import {
  compileFiles,
  exampleTool,
  knownDetectors,
  withPolicyDirectory,
} from '../support/policy-directory.ts';

/** Warnings of policies `{name: spec}` over the example tool and one more, each as `policy pointer: message`. */
async function warningsOf(
  policies: Readonly<Record<string, object>>,
  tools = `${exampleTool}---${exampleTool.replace('name: example', 'name: other')}`,
): Promise<readonly string[]> {
  const files = Object.fromEntries(
    Object.entries(policies).map(([name, spec]) => {
      const document = { apiVersion: 'sallyport/v1', kind: 'Policy', metadata: { name }, spec };
      return [`${name}.yaml`, JSON.stringify(document)];
    }),
  );
  return withPolicyDirectory({ ...files, 'tools.yaml': tools }, async (directory) => {
    const result = await compile({ directories: [directory], knownDetectors, isLinting: true });
    expect(result.ok ? [] : result.problems).toEqual([]);
    return result.warnings
      .filter(({ file }) => !file.endsWith('tools.yaml'))
      .map(({ file, path, message, line }) => {
        expect(line).toBe(1);
        const place = `${file.slice(directory.length + 1).replace('.yaml', '')} ${path}`;
        return `${place}: ${message.replaceAll(`${directory}/`, '').replaceAll(/:1:[0-9]+/g, '')}`;
      });
  });
}

const boundedTool = exampleTool
  .replace('    properties:', '    $defs: {x: {type: integer, minimum: 1}}\n    properties:')
  .replace(
    'ratio: {type: number}',
    `ratio: {type: number, exclusiveMinimum: 0, exclusiveMaximum: 1}
      mode: {enum: [fast, slow]}
      fixed: {type: integer, const: 7}
      deep: {type: object, additionalProperties: false, properties: {x: {$ref: '#/$defs/x'}}}`,
  );

const all = { name: 'all', effect: 'allow', tools: ['*'] };
const everyone = [{}];
const analysts = [{ roles: ['analyst'] }];

test('a grant that is denied whenever it could match is unreachable', async () => {
  const none = { name: 'none', effect: 'deny', tools: ['other'] };
  const other = { name: 'other', effect: 'allow', tools: ['other'] };
  expect(
    await warningsOf({
      a: { subjects: everyone, rules: [all, none] },
      b: {
        subjects: analysts,
        rules: [other, { ...other, name: 'asks', effect: 'require_approval', approval: { approvers: [{}] } }],
      },
      c: {
        subjects: analysts,
        rules: [{ ...other, name: 'both', tools: ['other', 'example'], limits: { timeout: '1s' } }],
      },
    }),
  ).toEqual([
    'b /spec/rules/0: this allow rule is unreachable: a/none (a.yaml) denies every call that it could match',
    'b /spec/rules/1: this require_approval rule is unreachable: a/none (a.yaml) denies every call that it could match',
    'c /spec/rules/0: this allow rule is shadowed: a/all (a.yaml) says the same or more',
  ]);
});

test('a denial with a condition, for some only, or with an exception shadows nothing else', async () => {
  const none = { name: 'none', effect: 'deny', tools: ['*'] };
  expect(
    await warningsOf({
      a: { subjects: [{}], rules: [all] },
      b: { subjects: analysts, rules: [none] },
      c: { subjects: [{ except: [{ roles: ['lead'] }] }], rules: [none] },
      d: { subjects: [{ tenants: ['t'] }], rules: [{ ...none, when: 'args.limit > 5' }] },
    }),
  ).toEqual([]);
});

test('of two rules that say the same the later one is named', async () => {
  const small = { name: 'small', effect: 'allow', tools: ['example', 'other'], when: 'args.limit < 5' };
  expect(
    await warningsOf({
      a: { subjects: analysts, rules: [small, { ...small, name: 'again' }] },
      b: { subjects: analysts, rules: [{ ...small, boundary: 'standard', limits: { timeout: '1s' } }] },
    }),
  ).toEqual(['a /spec/rules/1: this allow rule is shadowed: a/small (a.yaml) says the same or more']);
});

test('a grant with less beside one with more is shadowed; one with more of anything is not', async () => {
  const grant = (name: string, limits: object): object => ({ ...all, name, limits });
  expect(
    await warningsOf({
      a: {
        subjects: analysts,
        rules: [
          grant('wide', { timeout: '5s', pids: 8 }),
          grant('narrow', { timeout: '2s', pids: 8 }),
          grant('other', { timeout: '1s', pids: 9 }),
        ],
      },
    }),
  ).toEqual(['a /spec/rules/1: this allow rule is shadowed: a/wide (a.yaml) says the same or more']);
});

test('a cap that another cap undercuts, and limits that no tool reaches, change nothing', async () => {
  const cap = (name: string, limits: object, tools = ['example']): object => ({
    name,
    effect: 'limit',
    tools,
    limits,
  });
  expect(
    await warningsOf({
      a: {
        subjects: everyone,
        rules: [
          all,
          cap('tight', { timeout: '1s' }),
          cap('loose', { timeout: '2s' }),
          cap('huge', { timeout: '60s', pids: 4 }, ['other']),
        ],
      },
    }),
  ).toEqual([
    'a /spec/rules/2: this limit rule is shadowed: a/tight (a.yaml) says the same or more',
    'a /spec/rules/3/limits: timeoutMs 60000 changes nothing: no tool of this rule has more',
  ]);
});

test('a condition that is constant is named', async () => {
  expect(
    await warningsOf({
      a: {
        subjects: everyone,
        rules: [
          { ...all, when: 'true' },
          { ...all, name: 'never', when: 'false' },
        ],
      },
    }),
  ).toEqual([
    'a /spec/rules/0/when: this condition always holds',
    'a /spec/rules/1/when: this condition never holds: the rule is unreachable',
  ]);
});

test('a quota that another one always reaches first never binds', async () => {
  const quota = (name: string, limit: number, window: string, more: object = {}): object => ({
    name,
    key: 'principal.id',
    unit: 'calls',
    limit,
    window,
    ...more,
  });
  expect(
    await warningsOf({
      a: { subjects: everyone, rules: [all], quotas: [quota('minute', 10, '1m'), quota('hour', 300, '1h')] },
      b: {
        subjects: analysts,
        quotas: [
          quota('loose', 10, '30s', { tools: ['example'] }),
          quota('tight', 5, '30s'),
          quota('tenant', 50, '1m', { key: 'tenant' }),
        ],
      },
    }),
  ).toEqual(['b /spec/quotas/0: this quota never binds: a/minute (10, a.yaml) is reached first']);
});

test('a quota whose unit nothing uses never binds, and one that a single call exceeds is named', async () => {
  const quota = (unit: string, limit: number, more: object = {}): object => {
    return { name: unit, key: 'tenant', unit, limit, window: '1h', ...more };
  };
  expect(
    await warningsOf({
      a: {
        subjects: everyone,
        rules: [all],
        quotas: [
          quota('egress_bytes', 1),
          quota('tokens', 1),
          quota('cost_usd', 1),
          quota('cpu_ms', 9_999),
          quota('wall_ms', 10_000),
          quota('output_bytes', 2 * 1_048_576),
          { name: 'sum', key: 'tenant', amount: 'args.limit', limit: 10, window: '1h' },
          { name: 'square', key: 'tenant', amount: 'args.limit * args.limit', limit: 10, window: '1h' },
          { name: 'same', key: 'tenant', amount: 'args.limit', limit: 10, window: '30m' },
        ],
      },
    }),
  ).toEqual([
    'a /spec/quotas/0: this quota never binds: no tool uses any egress_bytes in this version',
    'a /spec/quotas/1: this quota never binds: no tool uses any tokens in this version',
    'a /spec/quotas/2: this quota never binds: none of its tools says what a call costs',
    "a /spec/quotas/3: a call of example within the tool's own limits leases 10000 cpu_ms, more than this quota gives",
    'a /spec/quotas/8: this quota never binds: a/sum (10, a.yaml) is reached first',
  ]);
});

test.each([
  ['args.host == "x"', true],
  ['has(args.host) && args.host == "x"', false],
  ['args.host == "x" && has(args.host)', false],
  ['!has(args.host) || args.host == "x"', false],
  ['has(args.host) || args.host == "x"', true],
  ['has(args.ratio) && args.host == "x"', true],
  ['has(args.host) ? args.host == "x" : false', false],
  ['has(args.host) ? true : args.host == "x"', true],
  ['(has(args.host) && args.limit > 1) && args.host == "x"', false],
  ['(has(args.host) || args.limit > 1) && args.host == "x"', true],
  ['!(has(args.host) && args.limit > 1) || args.host == "x"', false],
  ['!(!has(args.host) || args.limit > 1) && args.host == "x"', false],
])('an optional argument read without a guard is named: %s: %s', async (when, isNamed) => {
  const warnings = await warningsOf({ a: { subjects: everyone, rules: [{ ...all, when }] } });
  expect(warnings).toEqual(
    isNamed
      ? ['a /spec/rules/0/when: args.host is optional and read without has() (for tools example, other)']
      : [],
  );
});

test.each([
  ['{type: object}', 'args.more == "x"', 'args.more'],
  ['{type: object}', 'has(args.more) && args.more == "x"', null],
  ['{type: object, required: [more]}', 'args.more == "x"', null],
  ['{type: object, properties: {any: {}}}', 'has(args.any) && args.any.more == "x"', 'args.any.more'],
  ['{type: object, properties: {any: true}, required: [any]}', 'args.any == "x"', null],
  ['{type: object, anyOf: [{required: [more]}]}', 'args.more == "x"', null],
  ['{type: object}', 'principal.attributes.team == "x"', 'principal.attributes.team'],
  ['{type: object}', 'has(principal.attributes.team) && principal.attributes.team == "x"', null],
  [
    '{type: object}',
    'principal.id == "x" && session.callCount > 1 && url("https://a.b").host == "a.b"',
    null,
  ],
])('so is what a schema leaves open, and an attribute: %s: %s', async (input, when, named) => {
  const result = await compileFiles({
    'open.js': 'export default () => 1;',
    'a.yaml': `
apiVersion: sallyport/v1
kind: Tool
metadata: {name: open}
spec:
  input: ${input}
  runtime: {kind: isolate, code: ./open.js}
---
apiVersion: sallyport/v1
kind: Policy
metadata: {name: all}
spec:
  subjects: [{}]
  rules: [{name: all, effect: allow, tools: [open], when: '${when}'}]
`,
  });
  expect(result.ok ? [] : result.problems).toEqual([]);
  const expected = named === null ? [] : [`${named} is optional and read without has() (for tool open)`];
  expect(result.warnings.map(({ message }) => message)).toEqual(expected);
});

test('a taint that nothing sets is named at its place, with the one that was meant', async () => {
  const tainting = (name: string, taint: string): string =>
    exampleTool
      .replace('name: example', `name: ${name}`)
      .replace('spec:', `spec:\n  returns: {taints: [${taint}]}`);
  const result = await compileFiles({
    'a.yaml': `${tainting('example', 'private')}---
apiVersion: sallyport/v1
kind: Boundary
metadata: {name: strict}
spec: {taints: {github-pat: [leaked]}}
---
apiVersion: sallyport/v1
kind: Policy
metadata: {name: all}
spec:
  subjects: [{}]
  conditions:
    clean: "!('untrusted' in session.taints) && !('privat' in session.taints)"
  rules:
    - {name: all, effect: allow, tools: [example], when: "clean && !('leaked' in session.taints)"}
    - {name: none, effect: deny, tools: [example], when: "clean && 'secret' in session.taints"}
    - {name: more, effect: deny, tools: [example], when: "'x' in principal.roles || 'y' in args.items"}
`,
  });
  expect(result.ok ? [] : result.problems).toEqual([]);
  const warnings = result.warnings.filter(({ message }) => message.includes('taint'));
  expect(
    warnings.map(({ line, column, path, message, hint }) => ({ at: [line, column], path, message, hint })),
  ).toEqual([
    {
      at: [32, 51],
      path: '/spec/conditions/clean',
      message: 'nothing sets the taint "privat"',
      hint: 'did you mean "private"?',
    },
    {
      at: [35, 68],
      path: '/spec/rules/1/when',
      message: 'nothing sets the taint "secret"',
      hint: 'tools and boundary profiles set: untrusted, private, leaked',
    },
  ]);
});

const unreachable = (bound: string): readonly string[] => [
  `a /spec/rules/0/when: this rule is unreachable: args.${bound}`,
];

test.each([
  ['args.limit < 0', unreachable('limit of example is never less than 0')],
  ['args.limit <= 0', []],
  ['session.callCount > 1 && args.limit >= 1001', unreachable('limit of example is never at least 1001')],
  ['1000 < args.limit', unreachable('limit of example is never more than 1000')],
  ['args.limit in [-1, 2000]', unreachable('limit of example is never one of -1, 2000')],
  ['args.limit in [-1, 1000]', []],
  ['args.limit == 1001 || args.limit == 5', []],
  ['has(args.mode) && args.mode == "fsat"', unreachable('mode of example is never exactly "fsat"')],
  ['has(args.mode) && args.mode == "fast"', []],
  ['!has(args.mode) || args.mode == "fsat"', []],
  [
    'has(args.deep) && has(args.deep.x) && args.deep.x < 1',
    unreachable('deep.x of example is never less than 1'),
  ],
  ['has(args.deep) && has(args.deep.x) && args.deep.x < 2', []],
  ['has(args.ratio) && args.ratio >= 1.0', unreachable('ratio of example is never at least 1')],
  ['has(args.ratio) && args.ratio <= 0.0', unreachable('ratio of example is never at most 0')],
  ['has(args.ratio) && args.ratio < 1.0', []],
  ['has(args.fixed) && args.fixed > 7', unreachable('fixed of example is never more than 7')],
  ['has(args.fixed) && args.fixed > 6', []],
  ['size(args.code) < 0', []],
])('a grant that wants what no arguments have is unreachable: %s', async (when, expected) => {
  expect(await warningsOf({ a: { subjects: everyone, rules: [{ ...all, when }] } }, boundedTool)).toEqual(
    expected,
  );
});

test('a denial that wants it is one where a missing argument does not make it apply', async () => {
  const none = { name: 'none', effect: 'deny', tools: ['*'] };
  const rules = [
    { ...none, name: 'a', when: 'args.limit < 0' },
    { ...none, name: 'b', when: 'args.mode == "fsat"' },
  ];
  const warnings = await warningsOf({ a: { subjects: everyone, rules: [all, ...rules] } }, boundedTool);
  expect(warnings.filter((warning) => warning.includes('unreachable'))).toEqual([
    'a /spec/rules/1/when: this rule is unreachable: args.limit of example is never less than 0',
  ]);
});

test('a rule that some of its tools can reach is none', async () => {
  const tools = `${boundedTool}---${boundedTool.replace('name: example', 'name: other').replace('maximum: 1000', 'maximum: 2000')}`;
  const rules = [{ ...all, when: 'args.limit > 1000' }];
  expect(await warningsOf({ a: { subjects: everyone, rules } }, tools)).toEqual([]);
});
