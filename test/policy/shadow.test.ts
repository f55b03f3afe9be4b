/** Shadow policies: what would be, which changes nothing of what is. */
import { expect, test } from 'vitest';
import { decide } from '../../src/policy/decide.ts';
import { decideShadow } from '../../src/policy/decide-shadow.ts';
import type { Revision } from '../../src/policy/revision.ts';
import { measureCoverage } from '../../src/policy/tests/coverage.ts';
import { isVisible } from '../../src/policy/visibility.ts';
import { noSession } from '../../src/model/taint.ts';
import { compileFiles, compileText, exampleTool } from '../support/policy-directory.ts';

const ana = { id: 'ana', tenant: 'acme', roles: ['analyst'], attributes: {} };

const shadow = `---
apiVersion: sallyport/v1
kind: Policy
metadata: {name: a-planned}
spec:
  mode: shadow
  subjects: [{}]
  rules:
    - {name: less, effect: deny, tools: [example], when: args.limit > 50, message: Secret plans.}
    - {name: short, effect: limit, tools: [example], when: args.limit == 7, limits: {timeout: 1s}}
`;

const text = `${exampleTool}
---
apiVersion: sallyport/v1
kind: Policy
metadata: {name: today}
spec:
  subjects: [{roles: [analyst]}]
  rules: [{name: all, effect: allow, tools: [example], when: args.limit != 1}]
`;

const call = (limit: number) => ({
  principal: ana,
  tool: 'example',
  args: { code: 'x', limit },
  session: noSession,
  request: { ip: '127.0.0.1', timeMs: 0 },
});

const beside = (revision: Revision, limit: number) =>
  decideShadow(revision, call(limit), decide(revision, call(limit)));

test('what is decided is the same with a shadow policy as without it', async () => {
  const [without, withOne] = [await compileText(text), await compileText(text + shadow)];
  for (const limit of [1, 7, 50, 51]) {
    const { revision: _, ...expected } = decide(without, call(limit));
    expect(decide(withOne, call(limit))).toMatchObject(expected);
  }
});

test('what would be is told, with the shadow rules that matched and no others', async () => {
  const revision = await compileText(text + shadow);
  expect(beside(revision, 51)).toMatchObject({
    effect: 'deny',
    policy: 'a-planned',
    rule: 'less',
    matched: ['a-planned/less'],
  });
  expect(beside(revision, 7)).toMatchObject({
    effect: 'allow',
    policy: 'today',
    rule: 'all',
    matched: ['a-planned/short'],
    limits: { timeoutMs: 1000 },
  });
  expect(beside(revision, 50)).toBeNull();
  expect(beside(await compileText(text), 51)).toBeNull();
});

test('a grant in the shadow makes no tool visible', async () => {
  const grant = shadow.replace('effect: deny', 'effect: allow');
  const revision = await compileText(exampleTool + grant);
  expect(isVisible(revision, ana, 'example')).toBe(false);
  expect(decide(revision, call(51)).effect).toBe('deny');
  expect(beside(revision, 51)).toMatchObject({ effect: 'allow', rule: 'less' });
});

test('mistakes in it are mistakes, its quotas are warned of, and no test has to cover it', async () => {
  const wrong = await compileFiles({ 'a.yaml': text + shadow.replace('args.limit > 50', 'args.limt > 50') });
  expect(wrong.ok ? [] : wrong.problems.map(({ path }) => path)).toEqual(['/spec/rules/0/when']);
  const quota = `  quotas: [{name: some, key: principal.id, unit: calls, limit: 5, window: 1m}]\n`;
  const warned = await compileFiles({ 'a.yaml': text + shadow + quota });
  expect(warned.warnings.map(({ message }) => message)).toContain(
    'a quota of a shadow policy counts nothing',
  );
  if (!warned.ok) throw new Error('it compiles');
  expect(warned.revision.quotaWindowMsMax).toBe(0);
  expect(measureCoverage(warned.revision, []).uncovered.map(({ id }) => id)).toEqual([
    'today/all',
    'today/all',
  ]);
});
