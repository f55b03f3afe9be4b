import { cp, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { detectorIds } from '../../src/boundary/detectors.ts';
import { compile } from '../../src/policy/compile/compile.ts';
import { decide } from '../../src/policy/decide.ts';
import { formatProblem } from '../../src/policy/lint.ts';
import { didYouMean, isVisible, visibleTools } from '../../src/policy/visibility.ts';
import { noSession } from '../../src/model/taint.ts';
import {
  compileText,
  exampleTool,
  knownDetectors,
  policyText,
  withPolicyDirectory,
} from '../support/policy-directory.ts';

async function idOf(directory: string): Promise<string> {
  const result = await compile({ directories: [directory], knownDetectors: detectorIds });
  if (!result.ok) throw new Error(result.problems.map(({ message }) => message).join('\n'));
  return result.revision.id;
}

test('the id follows the content and not where it lies or how it is laid out', async () => {
  await withPolicyDirectory({}, async (directory) => {
    const [a, b] = [path.join(directory, 'a'), path.join(directory, 'b')];
    await cp('policies', a, { recursive: true });
    await cp('policies', b, { recursive: true });
    const rules = await readFile(path.join(b, 'rules/analysts.yaml'), 'utf8');
    await writeFile(path.join(b, 'rules/analysts.yaml'), `# another comment\n${rules}`);
    await rename(path.join(b, 'rules/analysts.yaml'), path.join(b, 'people.yaml'));
    expect(await idOf(b)).toBe(await idOf(a));
    await writeFile(path.join(b, 'people.yaml'), rules.replace('4000', '4001'));
    expect(await idOf(b)).not.toBe(await idOf(a));
  });
});

test('the id covers the code files, and so does the digest of the tool', async () => {
  const tool = exampleTool.replace('{kind: isolate}', '{kind: isolate, code: ./c.js}');
  const one = await compileText(tool, { 'c.js': 'export default () => 1' });
  const two = await compileText(tool, { 'c.js': 'export default () => 2' });
  expect(one.id).toMatch(/^sha256:[0-9a-f]{64}$/);
  expect(one.id).not.toBe(two.id);
  expect(one.tools.get('example')?.digest).not.toBe(two.tools.get('example')?.digest);
  expect(one.tools.get('example')?.runtime).toEqual({
    kind: 'isolate',
    code: { from: 'file', name: 'c.js', source: 'export default () => 1' },
    reuse: 'tenant',
    minConfinement: 'process',
    webAssembly: false,
  });
});

test('the types of a code file in TypeScript are left out, and the id covers both texts', async () => {
  const tool = exampleTool.replace('{kind: isolate}', '{kind: isolate, code: ./c.ts, webAssembly: true}');
  const one = await compileText(tool, { 'c.ts': 'export default (a: number): number => a;' });
  const two = await compileText(tool, { 'c.ts': 'export default (a: string): string => a;' });
  expect(one.tools.get('example')?.runtime).toEqual({
    kind: 'isolate',
    code: {
      from: 'file',
      name: 'c.ts',
      source: 'export default (a: number): number => a;',
      javascript: 'export default (a        )         => a;',
    },
    reuse: 'tenant',
    minConfinement: 'process',
    webAssembly: true,
  });
  expect(one.id).not.toBe(two.id);
});

test.each([
  ['export default 1;\nenum A {}', 'line 2: TypeScript enum is not supported in strip-only mode'],
  ['export default 1;\n\nconst a: number = ;', 'line 3: Expression expected'],
])('TypeScript that cannot be used is a mistake at its line: %j', async (source, message) => {
  const tool = exampleTool.replace('{kind: isolate}', '{kind: isolate, code: ./c.ts}');
  await withPolicyDirectory({ 'policy.yaml': tool, 'c.ts': source }, async (directory) => {
    const result = await compile({ directories: [directory], knownDetectors });
    const problems = result.ok ? [] : result.problems.map(formatProblem);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(`/spec/runtime/code "./c.ts": cannot be read as TypeScript: ${message}`);
  });
});

test('a tool that says nothing of limits gets the defaults', async () => {
  const revision = await compileText(exampleTool);
  expect(revision.tools.get('example')?.limits).toEqual({
    timeoutMs: 10_000,
    memoryMiB: 128,
    cpus: 1,
    pids: 64,
    outputBytes: 1_048_576,
    logBytes: 1_048_576,
    artifactBytes: 16_777_216,
    hostCalls: 10_000,
  });
  expect(revision.boundaries.get('standard')).toEqual({
    name: 'standard',
    inbound: { detectors: {} },
    outbound: { detectors: {} },
    artifacts: 'any',
    taints: {},
    detectors: [],
    allow: { hosts: [], texts: [] },
    stream: 'buffered',
  });
});

test('a revision cannot be changed', async () => {
  const revision = await compileText(
    policyText('    - {name: r, effect: allow, tools: [example], when: args.limit <= 1}'),
  );
  const tool = revision.tools.get('example');
  expect(() => Object.assign(revision, { id: 'x' })).toThrow(TypeError);
  expect(() => Object.assign(tool?.limits ?? {}, { timeoutMs: 1 })).toThrow(TypeError);
  expect(() => Object.assign(tool?.labels ?? [], ['x'])).toThrow(TypeError);
  expect(() => Object.assign(tool?.input['properties'] ?? {}, { x: {} })).toThrow(TypeError);
  expect(() => Map.prototype.set.call(revision.tools, 'x', tool)).toThrow(TypeError);
  const [rule] =
    revision.index.get('example')?.rules.matching({ id: 'a', tenant: 't', roles: [], attributes: {} }) ?? [];
  expect(() => Object.assign(rule ?? {}, { effect: 'deny' })).toThrow(TypeError);
  expect(() => Object.assign(rule?.when ?? {}, { evaluate: () => true })).toThrow(TypeError);
});

test('the same call gives the same decision', async () => {
  const revision = await compileText(
    policyText('    - {name: r, effect: allow, tools: [example], when: args.limit <= 1}'),
  );
  const call = {
    principal: { id: 'a', tenant: 't', roles: [], attributes: {} },
    tool: 'example',
    args: { code: 'x', limit: 2 },
    session: noSession,
    request: { ip: '192.0.2.1', timeMs: 0 },
  };
  const before = structuredClone(call);
  expect(decide(revision, call)).toEqual(decide(revision, call));
  expect(call).toEqual(before);
});

test('visibility leaves conditions aside, and suggestions come from visible tools alone', async () => {
  const revision = await compileText(
    `${exampleTool.replace('name: example', 'name: exampel')}---${policyText(
      `    - {name: r, effect: allow, tools: [example], when: "false"}
    - {name: d, effect: deny, tools: [exampel]}
    - {name: l, effect: limit, tools: [exampel], limits: {timeout: 1s}}`,
    )}`,
  );
  const ana = { id: 'a', tenant: 't', roles: [], attributes: {} };
  expect(visibleTools(revision, ana).map(({ name }) => name)).toEqual(['example']);
  expect(isVisible(revision, ana, 'exampel')).toBe(false);
  expect(isVisible(revision, ana, 'none')).toBe(false);
  expect(didYouMean(revision, ana, 'exampel')).toBe('example');
  expect(didYouMean(revision, ana, 'x'.repeat(10_000))).toBe(null);
});

test('a lint line is one line, whatever the file holds', () => {
  const problem = {
    file: 'a.yaml',
    line: 3,
    column: 7,
    path: '/spec',
    message: 'unknown field "\u001b[31m\n"',
    hint: 'x',
  };
  expect(formatProblem(problem)).toBe('a.yaml:3:7 /spec unknown field "\\u001b[31m\\u000a" (x)');
});

test('warnings: a tool that nobody may call, an unused condition, an optional argument read without has()', async () => {
  const text = policyText(
    '    - {name: r, effect: deny, tools: [example], when: args.host == "x"}',
    '  conditions: {unused: "true"}\n',
  );
  await withPolicyDirectory({ 'a.yaml': text }, async (directory) => {
    const result = await compile({ directories: [directory], knownDetectors });
    expect(result.warnings.map(({ line, column, message }) => `${line}:${column} ${message}`)).toEqual([
      '4:18 no rule allows "example": nobody can call it',
      '25:24 the condition "unused" is used nowhere',
      '27:55 args.host is optional and read without has() (for tool example)',
    ]);
  });
});
