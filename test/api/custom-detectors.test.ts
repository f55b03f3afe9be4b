/** Detectors that ops add in policy files, on the real server and over a reload. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TestServer } from '../support/server.ts';
import { runCli, startServer } from '../support/server.ts';

const token = ['acme_', '0a1b2c3d'].join('');
/** Makes the token without naming it in one piece. */
const maker = `console.log("see acme_" + "0a1b2c3d"); return {["acme_" + "0a1b2c3d"]: "acme_" + "0a1b2c3d"}`;

const policyDir = mkdtempSync(join(tmpdir(), 'custom-policy-'));
const policy = (spec: string) => `apiVersion: sallyport/v1
kind: Tool
metadata: {name: js_run}
spec:
  input: {type: object, additionalProperties: false, required: [code], properties: {code: {type: string}}}
  runtime: {kind: isolate}
---
apiVersion: sallyport/v1
kind: Boundary
metadata: {name: standard}
spec: ${spec}
---
apiVersion: sallyport/v1
kind: Policy
metadata: {name: all}
spec:
  subjects: [{}]
  rules: [{name: all, effect: allow, tools: ["*"]}]
`;
const put = (spec: string) => writeFileSync(join(policyDir, 'policy.yaml'), policy(spec));
const detector = (more = '', pattern = 'acme_[a-z0-9]{8}') =>
  `{detectors: [{id: acme-ticket, title: Ticket, keywords: [acme_], pattern: '${pattern}', examples: {hit: [acme_11112222], miss: [acme_]}${more}}]}`;

let server: TestServer;
beforeAll(async () => {
  put('{}');
  server = await startServer({ policyDir, environment: { DOCKER_HOST: 'unix:///nonexistent/docker.sock' } });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(policyDir, { recursive: true });
});

const reload = () => server.request('POST', '/v1/policy/reload');
const run = () => server.call('js_run', { code: maker });

test('what is added is taken out from the reload on, wherever it leaves and in what the database holds', async () => {
  const before = await run();
  expect(before.body).toMatchObject({ boundary: { verdict: 'clean' } });
  put(detector());
  expect((await reload()).status).toBe(200);

  const { body } = await run();
  expect(JSON.stringify(body)).not.toContain(token);
  expect(body.result).toEqual({
    [String(Object.keys(body.result)[0])]: expect.stringMatching(/^\[REDACTED:acme-ticket:\w{4}\]$/),
  });
  expect(body.boundary.findings).toContainEqual(
    expect.objectContaining({ detector: 'acme-ticket', action: 'redact', where: 'stdout@4' }),
  );
  await server.call('js_run', { code: `return 1 // ${token}` });
  await server.call('no_such_tool', { note: token });
  const { body: record } = await server.request('GET', '/v1/audit/events?limit=1000&order=asc');
  const later = record.items.slice(
    record.items.findIndex(({ callId }: { callId: string }) => callId === body.id),
  );
  expect(JSON.stringify(later)).not.toContain(token);
});

test('a detector with mistakes never comes into force, and the lint names them at their places', async () => {
  put(detector('', 'acme_(?=[a-z0-9]{8})'));
  expect((await reload()).status).not.toBe(200);
  expect(JSON.stringify((await run()).body)).not.toContain(token);

  const { code, stdout } = await runCli(['policy', 'lint', policyDir]);
  expect(code).toBe(1);
  expect(JSON.parse(stdout).errors).toMatchObject([
    { line: 11, path: '/spec/detectors/0/pattern', hint: 'no look-around, no back-references' },
  ]);
});

test('one that blocks withholds the call; taken away, it does nothing any more', async () => {
  put(detector(', outbound: block'));
  await reload();
  expect((await run()).body).toMatchObject({ status: 'blocked', result: null });
  put('{}');
  await reload();
  expect((await run()).body).toMatchObject({ status: 'succeeded', result: { [token]: token } });
});

test('the command line tries them on a file and explains them', async () => {
  put(detector());
  const file = join(policyDir, 'note.txt');
  writeFileSync(file, `see ${token}\n`);
  const scanned = await runCli(['boundary', 'scan', file, '--dir', policyDir, '--print']);
  expect(scanned).toMatchObject({
    code: 1,
    stdout: expect.stringMatching(/^see \[REDACTED:acme-ticket:\w+\]\n$/),
  });
  const explained = await runCli(['boundary', 'explain', 'acme-ticket', '--dir', policyDir]);
  expect(JSON.parse(explained.stdout)).toMatchObject({
    title: 'Ticket',
    inbound: 'flag',
    outbound: 'redact',
    examples: { hit: ['acme_11112222'], miss: ['acme_'] },
  });
});
