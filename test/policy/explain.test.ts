import { expect, test } from 'vitest';
import type { JsonObject } from '../../src/model/json.ts';
import { decide } from '../../src/policy/decide.ts';
import { explainDecision } from '../../src/policy/explain.ts';
import { noSession } from '../../src/model/taint.ts';
import { compileText, policyText } from '../support/policy-directory.ts';

const text = policyText(
  `    - {name: small, effect: allow, tools: [example], when: 'args.limit <= 10 && tenant == "acme"', limits: {timeout: 2s}}
    - {name: hosts, effect: deny, tools: [example], when: 'has(args.host) && url(args.host).host != "a.test"'}
    - {name: seven, effect: require_approval, tools: [example], when: args.limit == 7, approval: {approvers: [{roles: [lead]}, {ids: [root], tenants: ["*"]}], expires: 90m}}`,
  '  quotas: [{name: q, key: principal.id, unit: calls, limit: 5, window: 1m}]\n',
).replace('subjects: [{}]', 'subjects: [{roles: [analyst], except: [{tenants: [evil]}]}, {ids: [root]}]');

async function explain(args: JsonObject, roles = ['analyst'], tool = 'example'): Promise<readonly string[]> {
  const revision = await compileText(text);
  const principal = { id: 'ana', tenant: 'acme', roles, attributes: {} };
  const call = {
    principal,
    tool,
    args: { code: 'x', ...args },
    session: noSession,
    request: { ip: '192.0.2.1', timeMs: 0 },
  };
  const lines = explainDecision({ revision, call, decision: decide(revision, call) })
    .replaceAll(/\S+\/policy\.yaml/g, 'policy.yaml')
    .split('\n');
  expect(lines.pop()).toBe(`Revision ${revision.id}`);
  return lines;
}

test('an allowed call: by which rule, in how far, against which quotas', async () => {
  expect(await explain({ limit: 5 })).toEqual([
    'ALLOWED  example for ana (tenant acme, roles analyst)',
    'Decided by p/small  policy.yaml:27:7',
    '',
    'Rules for this tool and principal (deny wins, then require_approval, then allow):',
    '  matches  allow  p/small  policy.yaml:27:7',
    '             true   args.limit <= 10',
    '             true   tenant == "acme"',
    '  no       deny   p/hosts  policy.yaml:28:7',
    '             FALSE  has(args.host)',
    '             ERROR  url(args.host).host != "a.test"  (No such key: host)',
    '  no       require_approval  p/seven  policy.yaml:29:7',
    '             FALSE  args.limit == 7',
    '',
    'Limits:',
    "  timeout 2 s (the tool's own: 10 s)",
    '  memory 128 MiB',
    '  cpus 1',
    '  pids 64',
    '  output 1 MiB',
    '  log 1 MiB',
    '  artifact 16 MiB',
    '  hostCalls 10000',
    '',
    'Boundary:',
    '  standard',
    '',
    'Draws on the quotas:',
    '  p/q: 5 calls in 1 min, counted for "ana"',
    '',
  ]);
});

test('a call that no condition lets through: which clause it was, and what would pass', async () => {
  expect((await explain({ limit: 50 })).slice(0, 12)).toEqual([
    'DENIED  example for ana (tenant acme, roles analyst)',
    'Denied by default: no rule that matches allows it. 2 rules could, but none of their conditions holds.',
    '',
    'Nearest call that would be allowed:',
    '  limit 50 → at most 10',
    '',
    'The caller is told:',
    '  limit must be at most 10.',
    '',
    'Rules for this tool and principal (deny wins, then require_approval, then allow):',
    '  no       allow  p/small  policy.yaml:27:7',
    '             FALSE  args.limit <= 10',
  ]);
});

test('a denial by an expression that fails: that it failed, and what it overruled', async () => {
  const lines = await explain({ limit: 5, host: 'no url' });
  expect(lines.slice(0, 3)).toEqual([
    'DENIED  example for ana (tenant acme, roles analyst)',
    'Decided by p/hosts  policy.yaml:28:7',
    'Denying wins over allowing, which p/small would have done.',
  ]);
  expect(lines).toContain(
    '             ERROR  url(args.host).host != "a.test"  (url() needs an absolute URL)',
  );
  expect(lines.join('\n')).toContain(
    'could not be evaluated (url() needs an absolute URL), so this deny rule applies',
  );
});

test('a call that waits for a person: who, and how long', async () => {
  const lines = await explain({ limit: 7 });
  expect(lines.slice(0, 3)).toEqual([
    'NEEDS APPROVAL  example for ana (tenant acme, roles analyst)',
    'Decided by p/seven  policy.yaml:29:7',
    'Asking wins over allowing, which p/small would have done.',
  ]);
  expect(lines.join('\n')).toContain(
    'Has to be approved within 90 min, as each of these says:\n  p/seven: role lead of the same tenant, or root of any tenant',
  );
});

test('a principal whom no rule means: who is meant', async () => {
  expect(await explain({}, ['auditor'])).toEqual([
    'DENIED  example for ana (tenant acme, roles auditor)',
    'Denied by default: no rule lets this principal call this tool.',
    'It is open to:',
    '  role analyst except tenant evil, or root: p/small  policy.yaml:27:7',
    '  role analyst except tenant evil, or root: p/seven  policy.yaml:29:7',
    '',
    'The caller is told:',
    '  No rule allows you to call example.',
    '',
  ]);
});

test('a tool that does not exist', async () => {
  expect((await explain({}, [], 'nope')).slice(0, 2)).toEqual([
    'DENIED  nope for ana (tenant acme, no roles)',
    'There is no tool of that name.',
  ]);
});
