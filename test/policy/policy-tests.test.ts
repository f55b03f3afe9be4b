import { expect, test } from 'vitest';
import { compile } from '../../src/policy/compile/compile.ts';
import { measureCoverage } from '../../src/policy/tests/coverage.ts';
import { describeTests } from '../../src/policy/tests/describe-tests.ts';
import { junitReport } from '../../src/policy/tests/junit.ts';
import { runTests } from '../../src/policy/tests/run-tests.ts';
import type { TestedCall } from '../../src/policy/tests/run-tests.ts';
import type { Coverage } from '../../src/policy/tests/coverage.ts';
import { compileText, knownDetectors, policyText, withPolicyDirectory } from '../support/policy-directory.ts';

const rules = policyText(
  `    - {name: small, effect: allow, tools: [example], when: args.limit <= 100, limits: {timeout: 2s}}
    - {name: asks, effect: require_approval, tools: [example], when: args.limit == 7, approval: {approvers: [{roles: [lead]}], expires: 1h}}`,
  '  quotas: [{name: q, key: principal.id, unit: calls, limit: 5, window: 1m}]\n',
);

async function run(
  cases: string,
): Promise<{ calls: readonly TestedCall[]; coverage: Coverage; text: string }> {
  const tests = `apiVersion: sallyport/v1\nkind: PolicyTest\nspec:\n  principals: {ana: {tenant: acme}}\n  cases:\n${cases}\n`;
  return withPolicyDirectory({ 'rules.yaml': rules, 'tests.yaml': tests }, async (directory) => {
    const compiled = await compile({ directories: [directory], knownDetectors });
    if (!compiled.ok) throw new Error(JSON.stringify(compiled.problems));
    const calls = runTests(compiled.revision, compiled.tests);
    const coverage = measureCoverage(compiled.revision, calls);
    return { calls, coverage, text: describeTests(calls, coverage).replaceAll(`${directory}/`, '') };
  });
}

test('every field of an expectation is held against the decision', async () => {
  const { calls, coverage } = await run(`
    - name: small
      principal: ana
      tool: example
      each:
        - args: {code: x, limit: 5}
          expect: {effect: allow, policy: p, rule: small, matched: [p/small], limits: {timeout: 2s, pids: 64}, boundary: [standard], quota: [{name: q, key: ana, amount: 1}], reasons: [], nearest: null}
        - args: {code: x, limit: 500}
          expect: {effect: deny, rule: null, reasons: [limit must be at most 100.], nearest: {code: x, limit: 100}, quota: []}
        - args: {code: x, limit: 7}
          expect: {effect: require_approval, rule: asks, quota: [q], approval: {approvers: [{roles: [lead]}], expires: 1h}}
        - args: {limit: 7}
          expect: {effect: invalid}
    - {name: written out, principal: {roles: [other]}, tool: example, args: {code: x, limit: 5}, now: '2030-01-01T03:00:00Z', ip: 192.0.2.1, expect: {effect: allow, quota: [{name: q, key: someone}]}}`);
  expect(calls.map(({ name, failures }) => [name, failures])).toEqual([
    ['small (1)', []],
    ['small (2)', []],
    ['small (3)', []],
    ['small (4)', []],
    ['written out', []],
  ]);
  expect(coverage).toEqual({ total: 5, covered: 5, percent: 100, uncovered: [] });
});

test.each([
  ['effect: deny', 'effect: expected deny, decided allow'],
  ['effect: invalid', 'effect: expected invalid, decided allow'],
  ['policy: q', 'policy: expected q, decided p'],
  ['rule: other', 'rule: expected other, decided small'],
  ['matched: []', 'matched: expected [], decided ["p/small"]'],
  ['limits: {timeout: 3s}', 'limits: expected {"timeoutMs":3000}, decided {"timeoutMs":2000}'],
  ['boundary: [strict]', 'boundary: expected ["strict"], decided ["standard"]'],
  ['quota: []', 'quota: expected [], decided [{"name":"q"}]'],
  [
    'quota: [{name: q, amount: 2}]',
    'quota: expected [{"name":"q","amount":2}], decided [{"name":"q","amount":1}]',
  ],
  [
    'quota: [{name: q, key: bob}]',
    'quota: expected [{"name":"q","key":"bob"}], decided [{"name":"q","key":"ana"}]',
  ],
  ['approval: {expires: 1h}', 'approval: expected approval, decided no approval'],
  ['reasons: [no]', 'reasons: expected ["no"], decided []'],
  ['nearest: {}', 'nearest: expected {}, decided null'],
])('a decision that is not as expected fails the test at its line: %s', async (expectation, failure) => {
  const { calls, text } = await run(
    `    - {name: a, principal: ana, tool: example, args: {code: x, limit: 5}, expect: {${expectation}}}`,
  );
  expect(calls[0]?.failures).toHaveLength(1);
  expect(text).toMatch(/^FAILED tests\.yaml:6:[0-9]+ a\n/);
  expect(text).toContain(`  tests.yaml:6:`);
  expect(text).toContain(failure);
});

test('arguments that do not fit fail a test that expects a decision, and say why', async () => {
  const { text } = await run(
    '    - {name: a, principal: ana, tool: example, args: {}, expect: {effect: deny, rule: null}}',
  );
  expect(text).toContain('effect: expected deny, decided invalid: /code missing argument');
});

test('coverage names what no test has shown, at its place', async () => {
  const { coverage } = await run(
    '    - {name: a, principal: ana, tool: example, args: {code: x, limit: 500}, expect: {effect: deny}}',
  );
  expect(coverage).toMatchObject({ total: 5, covered: 2, percent: 40 });
  expect(coverage.uncovered.map(({ id, missing, place }) => [id, missing, place.split(':')[1]])).toEqual([
    ['p/small', 'no test makes this rule match', '27'],
    ['p/asks', 'no test makes this rule match', '28'],
    ['p/q', 'no test draws on this quota', '25'],
  ]);
});

test('the JUnit report holds names and failures as XML, whatever they are made of', async () => {
  const { calls } = await run(
    `    - {name: "a <b> & \\"c\\" \\u0001", principal: ana, tool: example, args: {code: x, limit: 5}, expect: {rule: "<&>"}}
    - {name: fine, principal: ana, tool: example, args: {code: x}, expect: {effect: allow}}`,
  );
  const report = junitReport(calls).replaceAll(/"[^"]*tests\.yaml/g, '"tests.yaml');
  expect(report.split('\n').map((line) => line.trim())).toEqual([
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<testsuites name="sallyport policy test" tests="2" failures="1">',
    '<testsuite name="tests.yaml" tests="2" failures="1">',
    expect.stringMatching(
      /^<testcase name="a &lt;b&gt; &amp; &quot;c&quot; \ufffd" classname="tests.yaml" file="tests.yaml" line="6">$/,
    ),
    expect.stringContaining('rule: expected &lt;&amp;&gt;, decided small</failure>'),
    '</testcase>',
    expect.stringMatching(/^<testcase name="fine" .*\/>$/),
    '</testsuite>',
    '</testsuites>',
    '',
  ]);
});

test('tests are no part of the revision', async () => {
  const tests =
    'apiVersion: sallyport/v1\nkind: PolicyTest\nspec:\n  cases: [{name: a, principal: {}, tool: example, expect: {effect: deny}}]\n';
  expect((await compileText(rules, { 'tests.yaml': tests })).id).toBe((await compileText(rules)).id);
});
