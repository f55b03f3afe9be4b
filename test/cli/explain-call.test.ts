/** `sallyport policy explain --call`: a real server whose policy changes under calls that it recorded. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeAdderPolicy } from '../support/adder-policy.ts';
import { runCli, startServer } from '../support/server.ts';
import type { Answer, TestServer } from '../support/server.ts';

const directory = mkdtempSync(join(tmpdir(), 'explain-call-'));
const candidate = mkdtempSync(join(tmpdir(), 'explain-call-'));

let server: TestServer;
let key = '';
const ids = { small: '', large: '', denied: '' };

beforeAll(async () => {
  writeAdderPolicy(
    directory,
    '  rules:\n    - {name: upto-ten, effect: allow, tools: [add], when: args.n <= 10}',
  );
  writeAdderPolicy(candidate, '  rules:\n    - {name: all, effect: allow, tools: [add]}');
  server = await startServer({
    policyDir: directory,
    environment: {
      DOCKER_HOST: 'unix:///nonexistent/docker.sock',
      SALLYPORT_AUDIT_MIN_RETENTION_DAYS: '0',
    },
  });
  key = await server.keyFor('ana', ['adder'], ['call']);
  ids.small = (await call({ n: 3 })).body.id;
  ids.large = (await call({ n: 10 })).body.id;
  await call({ n: 11 });
  const { items } = (await server.request('GET', '/v1/audit/events?type=denied')).body;
  ids.denied = items[0].id;
  writeAdderPolicy(
    directory,
    '  rules:\n    - {name: upto-five, effect: allow, tools: [add], when: args.n <= 5}',
  );
  await server.request('POST', '/v1/policy/reload');
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  for (const path of [directory, candidate]) rmSync(path, { recursive: true });
});

function call(args: object): Promise<Answer> {
  return server.request('POST', '/v1/calls', { key, body: { tool: 'add', args } });
}

async function explain(id: string, ...more: string[]) {
  const environment = { SALLYPORT_URL: server.url, SALLYPORT_API_KEY: server.key };
  const ended = await runCli(['policy', 'explain', '--call', id, ...more], environment);
  return { ...ended, shown: ended.stdout === '' ? null : (JSON.parse(ended.stdout) as object) };
}

test('a call that was allowed is explained under its own policy and under that of now', async () => {
  expect(await explain(ids.large)).toMatchObject({
    code: 1,
    stderr: '',
    shown: {
      callId: ids.large,
      principal: { id: 'ana', roles: ['adder'] },
      recorded: { effect: 'allow', rule: 'upto-ten' },
      original: { effect: 'allow', rule: 'upto-ten', trace: [{ rule: 'upto-ten', matched: true }] },
      current: {
        effect: 'deny',
        rule: null,
        nearest: { changes: [{ pointer: '/n', allowed: expect.anything() }] },
      },
      isSame: false,
      caveats: [],
    },
  });
  expect(await explain(ids.small)).toMatchObject({
    code: 0,
    shown: { current: { effect: 'allow', rule: 'upto-five' }, isSame: false },
  });
});

test('a refused call by its event, and policy files in the place of the active policy', async () => {
  expect(await explain(ids.denied, '--dir', candidate)).toMatchObject({
    code: 0,
    shown: {
      callId: null,
      event: ids.denied,
      recorded: { effect: 'deny' },
      original: { effect: 'deny' },
      current: { effect: 'allow', rule: 'all' },
    },
  });
});

test('in words: both decisions with every rule, and whether they are one', async () => {
  const { explainCall } = await import('../../src/cli/policy/explain-call.ts');
  const lines: string[] = [];
  const plain = (text: string): string => text;
  const paint = { bold: plain, dim: plain, good: plain, bad: plain };
  Object.assign(process.env, { SALLYPORT_URL: server.url, SALLYPORT_API_KEY: server.key });
  try {
    await explainCall(
      { call: ids.large },
      { show: (_value, human) => lines.push(...human().split('\n')), line: () => {}, paint },
    );
  } finally {
    process.exitCode = undefined;
    delete process.env['SALLYPORT_URL'];
    delete process.env['SALLYPORT_API_KEY'];
  }
  expect(lines[0]).toMatch(/^call_\w+ of \S+Z: allow by adders\/upto-ten, under sha256:/);
  const place = lines.indexOf('== Now ==');
  expect(lines.slice(0, place).join('\n')).toContain('ALLOWED  add for ana (tenant default, roles adder)');
  expect(lines.slice(place).join('\n')).toContain('DENIED  add for ana');
  expect(lines.slice(place).join('\n')).toContain('FALSE  args.n <= 5');
  expect(lines.at(-1)).toBe('Now it is decided otherwise.');
});

test('what was taken out of the arguments is said', async () => {
  const secret = ['AKIA', 'IOSFODNN7', 'EXAMPLQ'].join('');
  const { body } = await call({ n: 1, note: secret });
  expect(await explain(body.id)).toMatchObject({
    shown: { caveats: ['the record holds its arguments with something taken out'] },
  });
});

test('what cannot be decided again says why: erased, blocked by an operator, no decision, not there', async () => {
  const { body } = await call({ n: 2 });
  const why = { reason: 'r', legalBasis: 'l', ticket: 't' };
  const admin = await server.keyFor('dana', [], ['admin']);
  await server.request('POST', '/v1/audit/erasures', { key: admin, body: { ...why, callId: body.id } });
  const erased = await explain(body.id);
  expect(erased).toMatchObject({ code: 1, stdout: '' });
  expect(erased.stderr).toContain('its arguments are erased or past their time. What is recorded: allow by');

  const block = { tool: 'add', reason: 'r', expiresInMs: 60_000 };
  await server.request('POST', '/v1/blocks', { body: block });
  await call({ n: 2 });
  const [denied] = (await server.request('GET', '/v1/audit/events?type=denied&limit=1')).body.items;
  expect((await explain(denied.id)).stderr).toContain('an operator had blocked it (block:blk_');
  const [other] = (await server.request('GET', '/v1/audit/events?type=key_created&limit=1')).body.items;
  expect((await explain(other.id)).stderr).toContain('it is no event of a decision');
  expect((await explain('call_01JD9Z5VQ3M8X0W2N7B4K6T1RA')).stderr).toContain('not_found');
});
