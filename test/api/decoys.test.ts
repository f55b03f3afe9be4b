import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TestServer } from '../support/server.ts';
import { repository, startServer } from '../support/server.ts';

const decoy = 'kX9-warehouse-admin-2f81';
/** Makes the decoy without naming it in one piece. */
const finder = 'return "kX9-warehouse" + "-admin-2f81"';
const noEngine = { DOCKER_HOST: 'unix:///nonexistent/docker.sock' };

const trapDirectory = mkdtempSync(join(tmpdir(), 'decoy-'));
const policyDir = `${join(repository, 'policies')}:${trapDirectory}`;
writeFileSync(
  join(trapDirectory, 'decoy.yaml'),
  `apiVersion: sallyport/v1
kind: Credential
metadata: {name: warehouse_admin}
spec: {from: {env: WAREHOUSE_DECOY}, decoy: true}
`,
);

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ policyDir, environment: { ...noEngine, WAREHOUSE_DECOY: `${decoy}\n` } });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(trapDirectory, { recursive: true });
});

const alerts = async () => (await server.request('GET', '/v1/audit/events?type=decoy_tripped')).body.items;

test('a result with a decoy in it is withheld, and the alert stands on the record beside the outcome', async () => {
  const { status, body } = await server.call('js_run', { code: finder });

  expect(status).toBe(200);
  expect(body).toMatchObject({ status: 'blocked', result: null, boundary: { verdict: 'blocked' } });
  expect(await alerts()).toMatchObject([
    {
      callId: body.id,
      principal: 'bootstrap',
      tool: 'js_run',
      details: { severity: 'critical', decoy: 'decoy:warehouse-admin', where: '/result', count: 1 },
    },
  ]);
  await server.logged(
    ({ msg, ...line }) => msg === 'decoy credential seen' && line['severity'] === 'critical',
  );
});

test('arguments with a decoy in them run nothing and raise the alert, also where policy refuses the call', async () => {
  const before = (await alerts()).length;

  const blocked = await server.call('js_run', { code: `return 1 // ${decoy}` });
  const unknown = await server.call('no_such_tool', { password: decoy });

  expect(blocked).toMatchObject({
    status: 422,
    body: { code: 'arguments_blocked', findings: [{ detector: 'decoy:warehouse-admin', where: '/code' }] },
  });
  expect(unknown.status).toBe(404);
  const places = (await alerts()).map(({ details }: { details: { where: string } }) => details.where);
  expect(places).toHaveLength(before + 2);
  expect(places).toEqual(expect.arrayContaining(['/code', '/password']));
  const found = await server.request(
    'GET',
    '/v1/audit/events?type=denied&finding=decoy:warehouse-admin&address=127.0.0.1',
  );
  expect(found.body.items.at(-1)).toMatchObject({
    tool: 'js_run',
    toolDigest: expect.stringMatching(/^sha256:/),
    status: 'arguments_blocked',
    boundary: { verdict: 'blocked', findings: [{ detector: 'decoy:warehouse-admin', where: '/code' }] },
  });
});

test('neither the log nor the record holds the decoy', async () => {
  const { body } = await server.request('GET', '/v1/audit/events?limit=100');

  expect(JSON.stringify(body)).not.toContain(decoy);
  expect(JSON.stringify(server.log)).not.toContain(decoy);
});

test('a credential whose secret is not there stops the start and is named', async () => {
  await expect(startServer({ policyDir, environment: noEngine })).rejects.toThrow(
    'warehouse_admin: the environment variable WAREHOUSE_DECOY is missing or empty',
  );
});
