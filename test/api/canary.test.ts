/**
 * One secret of this deployment, put into every door that takes text, and looked for in everything that comes out:
 * answers with their headers, events, the record and its exports, metrics, the log, and the bytes of the data directory.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TestServer } from '../support/server.ts';
import { eras, sendMcp } from '../support/mcp.ts';
import { startServer } from '../support/server.ts';

const canary = 'kX9warehouseAdmin2f81Qz';
/** What code of a tool makes it of, so that its arguments do not hold it. */
const made = '["kX9warehouse", "Admin2f81Qz"].join("")';
const forms = [
  canary,
  Buffer.from(canary).toString('base64').slice(0, 28),
  Buffer.from(canary).toString('hex'),
];

const policyDir = mkdtempSync(join(tmpdir(), 'canary-policy-'));
writeFileSync(
  join(policyDir, 'policy.yaml'),
  `apiVersion: sallyport/v1
kind: Tool
metadata: {name: js_run}
spec:
  input: {type: object, required: [code], properties: {code: {type: string}}}
  runtime: {kind: isolate}
---
apiVersion: sallyport/v1
kind: Tool
metadata: {name: asked}
spec:
  input: {type: object, required: [code], properties: {code: {type: string}}}
  runtime: {kind: isolate}
---
apiVersion: sallyport/v1
kind: Credential
metadata: {name: warehouse}
spec: {from: {env: WAREHOUSE}, inject: {header: Authorization}, allow: {hosts: [db.example.com]}}
---
apiVersion: sallyport/v1
kind: Boundary
metadata: {name: live}
spec: {stream: live}
---
apiVersion: sallyport/v1
kind: Policy
metadata: {name: all}
spec:
  subjects: [{}]
  rules:
    - {name: all, effect: allow, tools: [js_run], when: "!has(args.no)"}
    - {name: live, effect: allow, tools: [js_run], when: has(args.live), boundary: live}
    - {name: ask, effect: require_approval, tools: [asked], approval: {approvers: [{ids: [approver]}]}}
`,
);

let server: TestServer;
/** All that was answered, heads included. */
const answers: string[] = [];
beforeAll(async () => {
  server = await startServer({
    policyDir,
    environment: {
      DOCKER_HOST: 'unix:///nonexistent/docker.sock',
      WAREHOUSE: canary,
      SALLYPORT_LOG_LEVEL: 'debug',
    },
  });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(policyDir, { recursive: true });
});

async function send(method: string, path: string, options: Parameters<TestServer['request']>[2] = {}) {
  const answer = await server.request(method, path, options);
  answers.push(JSON.stringify([answer.status, [...answer.headers], answer.body]));
  return answer;
}
const call = (args: object, more: object = {}, headers = {}) =>
  send('POST', '/v1/calls', { body: { tool: 'js_run', args, ...more }, headers });

function leaksIn(text: string): readonly string[] {
  return forms.flatMap((form) => {
    const at = text.indexOf(form);
    return at === -1 ? [] : [text.slice(Math.max(0, at - 80), at + form.length + 20)];
  });
}

test('a tool that makes it up leaks it through nothing that it yields', async () => {
  const yields = [
    `return ${made}`,
    `return {[${made}]: [${made}, {deep: "x" + ${made}}]}`,
    `return btoa(${made})`,
    `console.log(${made}); console.error("e", ${made}); return 1`,
    `throw new Error("no " + ${made})`,
    `const error = new Error("x"); error.name = ${made}; error.stack = ${made}; throw error`,
    `throw ${made}`,
    `return [...${made}].toReversed().join("")`,
    `return [${made}.slice(0, 11), ${made}.slice(11)]`,
  ];
  for (const code of yields) {
    const { body } = await call({ code });
    expect(body.boundary.verdict).toBe('redacted');
    for (const path of ['', '?view=model', '/events']) await send('GET', `/v1/calls/${body.id}${path}`);
    await send('GET', `/v1/audit/events?callId=${body.id}`);
  }
  const live = { tool: 'js_run', args: { code: `console.log(${made}); return ${made}`, live: true } };
  const streamed = await send('POST', '/v1/calls', { body: live, headers: { Accept: 'text/event-stream' } });
  expect(JSON.stringify(streamed.body)).toContain('[REDACTED:warehouse');
  expect(answers.flatMap(leaksIn)).toEqual([]);
});

test('a caller who hands it in finds it in no answer, wherever it is put', async () => {
  const code = 'return 1';
  const text = `a ${canary}`;
  await call({ code: `return 1 // ${canary}` });
  await call({ code, [canary]: canary });
  await call({ code: `return ${JSON.stringify(text)}`, input: [text] });
  await call({ code }, { labels: { note: canary } });
  await call({ code }, { labels: { [canary]: 'note' } });
  await call({ code, no: canary });
  await call({ code: 1, [canary]: 1 });
  await call({ code }, { limits: { [canary]: 1 } });
  await call({ code }, { session: canary });
  await call({ code }, { [canary]: 1 });
  await send('POST', '/v1/calls', { body: { tool: canary, args: {} } });
  await send('POST', '/v1/calls', { body: `{"tool": "${canary}` });
  for (const key of [canary, `order-${canary}`]) {
    await call({ code }, {}, { 'Idempotency-Key': key });
    await call({ code }, {}, { 'Idempotency-Key': key });
    await call({ code: 'return 2' }, {}, { 'Idempotency-Key': key });
  }
  const inHeaders = { 'X-Request-Id': canary, traceparent: canary, 'User-Agent': canary, Cookie: canary };
  await call({ code }, {}, inHeaders);
  await call({ code }, {}, { Prefer: canary, 'Last-Event-ID': canary, tracestate: `a=${canary}` });
  await send('GET', '/v1/tools', { key: `spk_${canary}_${canary}` });
  await send('POST', '/v1/decisions', { body: { tool: 'js_run', args: { code, note: canary } } });
  await send('POST', '/v1/decisions', { body: { tool: canary, args: { code } } });
  const { body: waiting } = await send('POST', '/v1/calls', {
    body: { tool: 'asked', args: { code, note: canary }, labels: { note: canary } },
  });
  const approver = readFileSync(join(server.dataDir, 'approver.key'), 'utf8').trim();
  await send('GET', '/v1/approvals', { key: approver });
  const decision = { decision: 'reject', reason: `because ${canary}` };
  await send('POST', `/v1/approvals/${waiting.approval.id}`, { key: approver, body: decision });
  await send('GET', `/v1/approvals/${waiting.approval.id}`, { key: approver });
  await send('POST', '/v1/blocks', { body: { tool: 'asked', reason: canary, expiresInMs: 60_000 } });
  await send('GET', '/v1/blocks');
  await send('GET', '/ready');
  await send('POST', '/v1/policy/activate', { body: { revision: 'sha256:0', reason: canary } });
  await send('POST', '/v1/policy/activate', { body: { revision: canary, reason: 'x' } });
  await send('POST', '/v1/sessions', { body: { image: canary, labels: { note: canary } } });
  for (const path of ['calls', 'calls', 'artifacts', 'sessions', 'approvals', 'nowhere'])
    await send('GET', `/v1/${path}/${canary}`);
  await send('GET', `/v1/sessions/ses_1/files/${canary}`);
  await send('GET', `/v1/audit/events?tool=${canary}`);
  await send('GET', `/v1/audit/events?${canary}=1`);
  await send('GET', `/v1/audit/events?cursor=${canary}`);
  await send('GET', `/${canary}?${canary}=${canary}`);
  expect(answers.flatMap(leaksIn)).toEqual([]);
});

test('an MCP client of either revision finds it in nothing that it is told', async () => {
  for (const era of eras) {
    const ask = async (method: string, params: Record<string, unknown>) => {
      const { status, headers, body } = await sendMcp(server, server.key, era, { method, params });
      answers.push(JSON.stringify([status, [...headers], body]));
      return body;
    };
    const yielded = await ask('tools/call', { name: 'js_run', arguments: { code: `return ${made}` } });
    expect(JSON.stringify(yielded)).toContain('[REDACTED:warehouse');
    await ask('tools/call', {
      name: 'js_run',
      arguments: { code: `return 1 // ${canary}`, [canary]: canary },
    });
    await ask('tools/call', { name: 'js_run', arguments: { [canary]: canary } });
    await ask('tools/call', { name: canary, arguments: {} });
    await ask('tasks/get', { taskId: canary });
    await ask(canary, {});
  }
  expect(answers.flatMap(leaksIn)).toEqual([]);
});

test('the record, its exports, metrics and the log are without it', async () => {
  const texts: [string, string][] = [];
  for (const path of [
    '/v1/audit/events?limit=1000',
    '/v1/audit/export',
    '/v1/audit/export?format=csv',
    '/metrics',
  ])
    texts.push([path, JSON.stringify((await server.request('GET', path)).body)]);
  texts.push(['log', JSON.stringify(server.log)]);
  expect(texts.flatMap(([name, text]) => leaksIn(text).map((leak) => `${name}: ${leak}`))).toEqual([]);
});

test('no byte of the data directory has it, the write-ahead log and what was deleted included', async () => {
  const files = readdirSync(server.dataDir, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  expect(files.some(({ name }) => name.endsWith('.db'))).toBe(true);
  const leaks = files.flatMap(({ name, parentPath }) =>
    leaksIn(readFileSync(join(parentPath, name)).toString('latin1')).map((leak) => `${name}: ${leak}`),
  );
  expect(leaks).toEqual([]);
});
