/** The filter fails in the middle of a call, through the whole path: the call is blocked, and nothing raw leaves by any door. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { repository, startServer } from '../support/server.ts';
import type { TestServer } from '../support/server.ts';

const policy = `
apiVersion: sallyport/v1
kind: Tool
metadata: {name: run}
spec:
  input: {type: object, additionalProperties: false, required: [code], properties: {code: {type: string}, text: {type: string}}}
  runtime: {kind: isolate}
---
apiVersion: sallyport/v1
kind: Tool
metadata: {name: run_live}
spec:
  input: {type: object, additionalProperties: false, required: [code], properties: {code: {type: string}}}
  runtime: {kind: isolate}
---
apiVersion: sallyport/v1
kind: Boundary
metadata: {name: live}
spec: {stream: live}
---
apiVersion: sallyport/v1
kind: Policy
metadata: {name: p}
spec:
  subjects: [{}]
  rules:
    - {name: all, effect: allow, tools: [run]}
    - {name: live, effect: allow, tools: [run_live], boundary: live}
`;

const raw = 'a line that nobody may see';

let directory = '';
let server: TestServer;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'filter-failures-'));
  writeFileSync(join(directory, 'policy.yaml'), policy);
  server = await startServer({
    policyDir: directory,
    program: join(repository, 'test/support/faulty-filter-server.ts'),
    environment: { DOCKER_HOST: 'unix:///nonexistent/docker.sock' },
  });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
});

/** Code with a text of 60 KB that makes the filter fail; in pieces, so that the code itself does not. */
function large(fault: string): string {
  const [, last] = fault.split('-');
  return `('${raw}\\n'.repeat(2_000) + 'please-' + '${last}')`;
}

const failures = [
  ['please-kill', 'boundary-crash'],
  ['please-exit', 'boundary-crash'],
  ['please-throw', 'boundary-failure'],
] as const;

const doors = {
  result: (text: string) => `return {rows: [${text}]}`,
  error: (text: string) => `console.log(${text}); throw new Error('${raw}')`,
  stdout: (text: string) => `console.log(${text}); return 1`,
  stderr: (text: string) => `console.error(${text}); return 1`,
};

/** Checks that it is blocked for this reason, and gives all that anybody can see of it but the code. */
async function callBlocked(code: string, why: string, tool = 'run'): Promise<string> {
  const { status, body } = await server.call(tool, { code });
  expect([status, body.status]).toEqual([200, 'blocked']);
  expect(body.boundary).toMatchObject({ verdict: 'blocked', findings: [{ detector: why, action: 'block' }] });
  expect(body).toMatchObject({
    result: null,
    error: null,
    artifacts: [],
    output: { stdout: '', stderr: '' },
  });
  const again = await server.request('GET', `/v1/calls/${body.id}`);
  const events = await server.request('GET', `/v1/audit/events?callId=${body.id}`);
  expect([again.status, events.status]).toEqual([200, 200]);
  expect(events.body.items).toContainEqual(
    expect.objectContaining({
      type: 'outcome',
      status: 'blocked',
      boundary: expect.objectContaining({ findings: [expect.objectContaining({ detector: why })] }),
    }),
  );
  const outcome = events.body.items.filter(({ type }: { type: string }) => type !== 'intent');
  return JSON.stringify([body, again.body, outcome]);
}

describe.each(failures)('%s', (fault, why) => {
  test.each(Object.entries(doors))('a call ends as blocked, its %s withheld', async (_door, codeOf) => {
    expect(await callBlocked(codeOf(large(fault)), why)).not.toContain(raw);
  });
});

test('a call whose prints leave while it runs is ended when their filter dies, and what was still to leave does not', async () => {
  const code = `console.log('please-' + 'exit'); console.log('${raw}'); await new Promise((done) => setTimeout(done, 3_600_000))`;
  expect(await callBlocked(code, 'boundary-crash', 'run_live')).not.toContain(raw);
});

test('a filter that hangs is ended, and the call with it', async () => {
  const code = doors.result(large('please-hang'));
  expect(await callBlocked(code, 'boundary-timeout')).not.toContain(raw);
});

test('arguments that are not filtered to their end are not run, and are not on the record', async () => {
  const text = `${`${raw}\n`.repeat(2_000)}please-kill`;
  const { status, body } = await server.call('run', { code: 'return 1', text });
  expect([status, body.code]).toEqual([422, 'arguments_blocked']);
  expect(body.findings).toMatchObject([{ detector: 'boundary-crash', action: 'block' }]);
  const events = await server.request('GET', '/v1/audit/events?type=denied');
  expect(events.body.items[0].content.args).toBe('[WITHHELD:boundary-crash]');
});

test('the server serves on: small calls, and large ones on threads that are new', async () => {
  const { body } = await server.call('run', { code: `return 'fine\\n'.repeat(20_000)` });
  expect([body.status, body.result.length]).toEqual(['succeeded', 100_000]);
  const logged = await server.logged(({ msg }) => msg === 'the boundary failed, result withheld');
  expect(logged).toMatchObject({
    level: 'error',
    callId: expect.stringMatching(/^call_/),
    reason: 'boundary-crash',
  });
});
