/** `sallyport policy diff` against a real server and what it recorded. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeAdderPolicy } from '../support/adder-policy.ts';
import { runCli, startServer } from '../support/server.ts';
import type { Answer, TestServer } from '../support/server.ts';

const home = mkdtempSync(join(tmpdir(), 'policy-diff-'));
const active = mkdtempSync(join(home, 'active-'));
const candidate = mkdtempSync(join(home, 'candidate-'));
const strict = mkdtempSync(join(home, 'strict-'));

const approval = 'approval: {approvers: [{roles: [lead]}], expires: 1h}';
let server: TestServer;
let key = '';
let large = '';
let revision = '';

beforeAll(async () => {
  writeAdderPolicy(
    active,
    `  rules:
    - {name: upto-ten, effect: allow, tools: [add], when: args.n <= 10}
    - {name: ask, effect: require_approval, tools: [add], when: args.n == 50, ${approval}}`,
  );
  writeAdderPolicy(
    candidate,
    `  rules:
    - {name: upto-five, effect: allow, tools: [add], when: args.n <= 5}
    - {name: upto-twenty, effect: require_approval, tools: [add], when: args.n > 5 && args.n <= 20, ${approval}}
  quotas:
    - {name: three, key: principal.id, unit: calls, limit: 3, window: 1h}`,
  );
  writeAdderPolicy(strict, '  rules:\n    - {name: none, effect: deny, tools: [add]}');
  server = await startServer({
    policyDir: active,
    environment: { DOCKER_HOST: 'unix:///nonexistent/docker.sock' },
  });
  key = await server.keyFor('ana', ['adder'], ['call']);
  for (const n of [1, 2, 3, 4]) await call({ n });
  large = (await call({ n: 10 })).body.id;
  await call({ n: 11 });
  await call({ n: 50 });
  revision = (await server.request('GET', '/v1/policy')).body.revision;
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(home, { recursive: true });
});

function call(args: object): Promise<Answer> {
  return server.request('POST', '/v1/calls', { key, body: { tool: 'add', args } });
}

async function diff(...args: string[]) {
  const environment = { SALLYPORT_URL: server.url, SALLYPORT_API_KEY: server.key };
  return runCli(['policy', 'diff', ...args], environment);
}
const shown = async (...args: string[]) => JSON.parse((await diff(...args, '--json')).stdout) as object;

describe('a candidate', () => {
  test('says which recorded calls would be denied, asked for, and over a quota', async () => {
    expect(await shown('--candidate', candidate, '--since', '1h')).toMatchObject({
      before: { name: 'active on the server', revision },
      decisions: {
        calls: 7,
        changed: 4,
        changes: [
          {
            tool: 'add',
            before: { outcome: 'allowed', by: 'adders/upto-ten' },
            after: { outcome: 'over quota', by: 'adders/three' },
            calls: 1,
          },
          {
            before: { outcome: 'allowed', by: 'adders/upto-ten' },
            after: { outcome: 'needs approval', by: 'adders/upto-twenty' },
            calls: 1,
            principals: 1,
            example: large,
          },
          { before: { outcome: 'denied' }, after: { outcome: 'needs approval', by: 'adders/upto-twenty' } },
          { before: { outcome: 'needs approval', by: 'adders/ask' }, after: { outcome: 'denied', by: null } },
        ],
        caveats: {},
      },
      skipped: {},
      isCut: false,
    });
  });

  test('is shown in Markdown, also where nobody sees it, and ends with 1', async () => {
    const { code, stderr, stdout } = await diff('--candidate', candidate, '--since', '1h');
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    const lines = stdout.split('\n');
    expect(lines[0]).toBe('# Policy diff');
    expect(lines).toContain('4 of 7 recorded calls would end otherwise.');
    expect(lines).toContain(
      `| 1 | 1 | \`add\` | allowed (\`adders/upto-ten\`) | needs approval (\`adders/upto-twenty\`) | ${large} |`,
    );
    expect(lines).toContain(
      '- changed `Policy/adders`: `spec.rules[upto-ten].when` is gone, it was `"args.n <= 10"`',
    );
  });

  test('of which the newest calls are looked at, as many as one wants', async () => {
    expect(await shown('--candidate', strict, '--since', '1h', '--limit', '2')).toMatchObject({
      decisions: { calls: 2, changed: 1, changes: [{ before: { outcome: 'needs approval' } }] },
      isCut: true,
    });
  });
});

test('two directories, or a revision of the server, are compared without a call', async () => {
  const same = await runCli(['policy', 'diff', active, active]);
  expect(same).toMatchObject({ code: 0, stderr: '' });
  expect(same.stdout).toContain('Nothing is written otherwise.');
  const other = await runCli(['policy', 'diff', active, strict]);
  expect(other).toMatchObject({ code: 1, stderr: '' });
  const digits = revision.slice('sha256:'.length, 'sha256:'.length + 12);
  expect(await shown(digits, active)).toMatchObject({ documents: [], decisions: null });
  expect(await shown(digits, strict)).toMatchObject({
    documents: [{ kind: 'changed', document: 'Policy/adders' }],
  });
});

test('what was used is suggested as a policy that decides it as before, and is less', async () => {
  const environment = { SALLYPORT_URL: server.url, SALLYPORT_API_KEY: server.key };
  for (let n = 0; n < 20; n += 1) await call({ n: n % 5 });
  const { code, stderr, stdout } = await runCli(['policy', 'suggest', '--from', 'audit'], environment);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toContain('# What 26 calls since');
  const suggested = mkdtempSync(join(home, 'suggested-'));
  writeAdderPolicy(suggested, '  rules: []');
  const policy = join(suggested, 'policy.yaml');
  writeFileSync(policy, readFileSync(policy, 'utf8').split('---\n')[0] ?? '');
  writeFileSync(join(suggested, 'narrow.yaml'), stdout);
  const shownDiff = await shown('--candidate', suggested, '--since', '1h');
  expect(shownDiff).toMatchObject({ decisions: { calls: 27, changed: 0 } });
  expect(stdout).toContain('(args.n <= 10) && args.n >= 0 && args.n <= 10');
  const nothing = await runCli(['policy', 'suggest', '--since', '1s', '--limit', '1'], {
    ...environment,
    SALLYPORT_API_KEY: await server.keyFor('aud', [], ['audit', 'policy'], 'elsewhere'),
  });
  expect(nothing).toMatchObject({ code: 1, stderr: expect.stringContaining('nothing can be suggested') });
});

test('what was recorded is compared with what decides now', async () => {
  expect(await shown('--since', '1h')).toMatchObject({
    before: null,
    decisions: { calls: 27, changed: 0 },
  });
  writeAdderPolicy(
    active,
    '  rules:\n    - {name: upto-ten, effect: allow, tools: [add], when: args.n <= 3}',
  );
  await server.request('POST', '/v1/policy/reload');
  expect(await shown('--since', '1h')).toMatchObject({
    decisions: {
      changed: 7,
      changes: [
        { calls: 6, before: { outcome: 'allowed' }, after: { outcome: 'denied', by: null } },
        { calls: 1, before: { outcome: 'needs approval' }, after: { outcome: 'denied' } },
      ],
    },
  });
});

test('what it is called wrongly with is said', async () => {
  for (const [args, message] of [
    [[], 'Name two policies'],
    [['--since', 'long'], '--since must be a time such as'],
    [['--since', '1h', '--limit', '0'], 'whole number'],
    [[active, strict, '--candidate', candidate], '--candidate is what comes after'],
  ] as const)
    expect(await diff(...args)).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining(message),
    });
  for (const name of ['0123456789ab', 'nope'])
    expect(await diff(name, active)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`${name} is no directory here, and no revision that the server keeps`),
    });
});
