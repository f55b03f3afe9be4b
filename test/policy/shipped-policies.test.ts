import { expect, test } from 'vitest';
import { detectorIds } from '../../src/boundary/detectors.ts';
import { compile } from '../../src/policy/compile/compile.ts';
import { decide } from '../../src/policy/decide.ts';
import type { Revision } from '../../src/policy/revision.ts';
import { validateArgs } from '../../src/policy/validate.ts';
import { visibleTools } from '../../src/policy/visibility.ts';
import { noSession } from '../../src/model/taint.ts';

async function shipped(): Promise<Revision> {
  const result = await compile({ directories: ['policies'], knownDetectors: detectorIds });
  expect(result.warnings).toEqual([]);
  if (!result.ok) throw new Error('the shipped policies do not compile');
  return result.revision;
}

function caller(...roles: string[]) {
  return { id: 'ana', tenant: 'acme', roles, attributes: {} };
}
const request = { ip: '127.0.0.1', timeMs: 0 };

test('the shipped policies compile without a warning and offer the contract tools', async () => {
  const revision = await shipped();
  expect([...revision.tools.keys()]).toEqual([
    'csv_profile',
    'js_run',
    'node_run',
    'python_data_run',
    'python_run',
    'shell_run',
  ]);
  expect([...revision.images.keys()]).toEqual(['python', 'node', 'shell', 'python-data']);
  expect(revision.images.get('shell')?.entry).toBe('script');
  expect([...revision.boundaries.keys()]).toEqual(['standard', 'strict', 'observe']);
});

test.each([
  ['developer', ['csv_profile', 'js_run', 'node_run', 'python_data_run', 'python_run', 'shell_run']],
  ['analyst', ['csv_profile', 'js_run']],
  ['operator', ['js_run']],
  ['auditor', ['csv_profile']],
  ['nobody', []],
])('a principal with the role %s sees only its tools', async (role, tools) => {
  const revision = await shipped();
  expect(visibleTools(revision, caller(role)).map(({ name }) => name)).toEqual(tools);
});

test('an analyst with a strange delimiter is denied and told what would be allowed', async () => {
  const revision = await shipped();
  const decision = decide(revision, {
    principal: caller('analyst'),
    tool: 'csv_profile',
    args: { text: 'a,b', delimiter: 'x' },
    session: noSession,
    request,
  });
  expect(decision.effect).toBe('deny');
  expect(decision.reasons).toEqual(['delimiter must be one of ",", ";", "\\t", "|".']);
  expect(decision.nearest).toEqual({
    args: { text: 'a,b', delimiter: ',' },
    changes: [{ pointer: '/delimiter', allowed: 'one of ",", ";", "\\t", "|"', suggested: ',' }],
    text: 'delimiter "x" → one of ",", ";", "\\t", "|"',
  });
});

test('an analyst may run a small program, briefly and under the strict boundary', async () => {
  const revision = await shipped();
  const call = { principal: caller('analyst'), tool: 'js_run', session: noSession, request };
  const small = decide(revision, { ...call, args: { code: 'return 1+1' } });
  expect(small).toMatchObject({
    effect: 'allow',
    policy: 'analysts',
    rule: 'small-programs',
    boundary: ['strict'],
  });
  expect(small.limits).toMatchObject({ timeoutMs: 2_000, outputBytes: 262_144, memoryMiB: 128 });
  const large = decide(revision, { ...call, args: { code: 'x'.repeat(4_001) } });
  expect(large).toMatchObject({
    effect: 'deny',
    reasons: ['code must be at most 4000 long.'],
    nearest: null,
  });
});

test('roles add up: a developer who is also an analyst keeps the full limits', async () => {
  const revision = await shipped();
  const principal = caller('analyst', 'developer');
  const decision = decide(revision, {
    principal,
    tool: 'js_run',
    args: { code: '1' },
    session: noSession,
    request,
  });
  expect(decision.limits.timeoutMs).toBe(10_000);
});

test.each([
  [{ code: '1', files: [{ path: 'data/a.csv', text: 'x' }] }, true],
  [{ code: '1', files: [{ path: '.env', base64: 'eA==' }] }, true],
  [{ code: '1', files: [{ path: '../a', text: 'x' }] }, false],
  [{ code: '1', files: [{ path: 'a/../../b', text: 'x' }] }, false],
  [{ code: '1', files: [{ path: '/etc/passwd', text: 'x' }] }, false],
  [{ code: '1', files: [{ path: 'a', text: 'x', base64: 'eA==' }] }, false],
  [{ code: '1', files: [{ path: 'a' }] }, false],
  [{ code: 1 }, false],
  [{}, false],
])('python_run takes %j: %s', async (args, ok) => {
  const revision = await shipped();
  expect(validateArgs(revision, { name: 'python_run' }, args).ok).toBe(ok);
});
