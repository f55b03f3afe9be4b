import path from 'node:path';
import { expect, test } from 'vitest';
import { compile } from '../../src/policy/compile/compile.ts';
import { decide } from '../../src/policy/decide.ts';
import { formatProblems } from '../../src/policy/lint.ts';
import type { Revision } from '../../src/policy/revision.ts';
import { noSession } from '../../src/model/taint.ts';
import {
  compileText,
  exampleTool,
  knownDetectors,
  policyText,
  problemsOf,
  withPolicyDirectory,
} from '../support/policy-directory.ts';

const rules = policyText(
  `    - {name: small, effect: allow, tools: [example], when: 'args.limit <= const.env.rows && (!has(args.host) || args.host in const.env.hosts)', limits: {timeout: {$const: env.timeout}}}`,
);

function constants(spec: string, name = 'env'): string {
  return `apiVersion: sallyport/v1\nkind: Constants\nmetadata: {name: ${name}}\nspec: ${spec}\n`;
}

const call = {
  principal: { id: 'ana', tenant: 'acme', roles: [], attributes: {} },
  tool: 'example',
  session: noSession,
  request: { ip: '192.0.2.7', timeMs: 0 },
};

test('an overlay gives the base its constants, and another environment others', async () => {
  const files = {
    'base/rules.yaml': rules,
    'prod/env.yaml': constants('{rows: 100, hosts: [db.example.com], timeout: 2s}'),
    'test/env.yaml': constants('{rows: 5, hosts: [localhost], timeout: 1s}'),
  };
  await withPolicyDirectory(files, async (directory) => {
    const revisionOf = async (overlay: string): Promise<Revision> => {
      const directories = ['base', overlay].map((name) => path.join(directory, name));
      const result = await compile({ directories, knownDetectors });
      if (!result.ok) throw new Error(formatProblems(result.problems));
      expect(result.warnings).toEqual([]);
      return result.revision;
    };
    const [prod, testing] = [await revisionOf('prod'), await revisionOf('test')];
    expect(prod.id).not.toBe(testing.id);
    const args = { code: 'x', limit: 50, host: 'db.example.com' };
    expect(decide(prod, { ...call, args })).toMatchObject({ effect: 'allow', limits: { timeoutMs: 2_000 } });
    expect(decide(testing, { ...call, args })).toMatchObject({
      effect: 'deny',
      nearest: { args: { code: 'x', limit: 5, host: 'localhost' } },
    });
    const alone = await compile({ directories: [path.join(directory, 'base')], knownDetectors });
    expect(alone.ok ? [] : alone.problems.map(({ message }) => message)).toEqual([
      'unknown constant: no Constants document is named "env" (for tool example)',
      'unknown constant: no Constants document is named "env" (for tool example)',
      'unknown constant env.timeout: no Constants document is named "env"',
    ]);
  });
});

test('documents of one name add to each other and never redefine', async () => {
  const split = `${constants('{rows: 100, hosts: [a], nested: {one: 1}}')}---\n${constants('{timeout: 2s, nested: {two: 2}}')}---\n`;
  expect((await compileText(split + rules)).index.size).toBe(1);
  expect(await problemsOf(`${constants('{rows: 1}')}---\n${constants('{rows: 1}')}`)).toEqual([
    expect.stringContaining('9:8 /spec/rows the constant env.rows is already set at'),
  ]);
});

test.each([
  ['"const.env.text" == args.code', true],
  ["r'const.env.text' == args.code", true],
  ['args.code != const.env.text // const.nothing', true],
  ['const.env.text.startsWith("quo") && const.env.text.size() == 6', true],
  ['const.env.list.exists(i, i == 2) && const.env.list[0] == 1', true],
  ['const.env.deep.er.number == -1 && const.env.half < 0.6', true],
  ['const . env . deep\n.er.number == -1', true],
  ['cidr(const.env.range).contains(request.ip)', true],
  ['args.code.matches(const.env.pattern)', true],
  ['const.env.text == "quo\\"te"', false],
])('an expression reads constants: %s', async (when, expected) => {
  const env = constants(
    `{text: 'q"uote', list: [1, 2], half: 0.5, range: 192.0.2.0/24, pattern: ^const, deep: {er: {number: -1}}}`.replace(
      'q"uote',
      'quote"',
    ),
  );
  const rule = `    - {name: r, effect: allow, tools: [example], when: ${JSON.stringify(when)}}`;
  const revision = await compileText(`${env}---${policyText(rule)}`);
  const decision = decide(revision, { ...call, args: { code: 'const.env.text', limit: 1 } });
  expect(decision.effect).toBe(expected ? 'allow' : 'deny');
});

test('a constant is type-checked as if it were written out', async () => {
  const rule = `    - {name: r, effect: allow, tools: [example], when: 'args.limit <= const.env.rows'}`;
  expect(await problemsOf(`${constants('{rows: "100"}')}---${policyText(rule)}`)).toEqual([
    expect.stringContaining('/spec/rules/0/when no such overload: int <= string (for tool example)'),
  ]);
});

test('a constant that nothing uses is named', async () => {
  await withPolicyDirectory(
    { 'a.yaml': `${constants('{rows: 100, other: {a: 1, b: 2}}')}---${exampleTool}` },
    async (directory) => {
      const result = await compile({ directories: [directory], knownDetectors });
      expect(result.warnings.map(({ message }) => message)).toContain('the constant env is used nowhere');
    },
  );
});
