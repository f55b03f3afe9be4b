/** A tool that comes to demand more than this host has, while the server runs: refused and shown, and nothing else is. */
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { startServer } from '../support/server.ts';
import type { TestServer } from '../support/server.ts';

const policyDir = mkdtempSync(join(tmpdir(), 'confinement-reload-'));
afterAll(() => rmSync(policyDir, { recursive: true }));

function tool(name: string, minConfinement: string): string {
  return `apiVersion: sallyport/v1
kind: Tool
metadata: {name: ${name}}
spec:
  input: {type: object, additionalProperties: false, required: [code], properties: {code: {type: string}}}
  runtime: {kind: isolate, minConfinement: ${minConfinement}}
`;
}

const rules = `apiVersion: sallyport/v1
kind: Policy
metadata: {name: p}
spec:
  subjects: [{}]
  rules: [{name: all, effect: allow, tools: ["*"]}]
`;

/** As tools that deploy do it: nobody ever sees a half. */
function put(careful: string): void {
  writeFileSync(
    join(policyDir, '.next'),
    [tool('plain', 'process'), tool('careful', careful), rules].join('---\n'),
  );
  renameSync(join(policyDir, '.next'), join(policyDir, 'policy.yaml'));
}

/** Resolves once the calls are decided under what the files say now. */
async function reload(server: TestServer): Promise<void> {
  const { status, body } = await server.request('POST', '/v1/policy/reload', { body: {} });
  expect([status, body]).toEqual([200, expect.objectContaining({ revision: expect.any(String) })]);
}

async function isolates(
  server: TestServer,
): Promise<{ status: string; state: string; reason: string | null }> {
  const { body } = await server.request('GET', '/ready');
  const { state, reason } = body.dependencies.find(({ name }: { name: string }) => name === 'isolate');
  return { status: body.status, state, reason };
}

test('a reload that demands more than the host has refuses that tool’s calls, and /ready says why', async () => {
  put('process');
  await using server = await startServer({
    policyDir,
    environment: {
      SALLYPORT_ISOLATE_CONFINEMENT: 'process',
      DOCKER_HOST: 'unix:///nonexistent/docker.sock',
    },
  });
  const call = (name: string): ReturnType<TestServer['call']> => server.call(name, { code: 'return 1' });
  expect((await call('careful')).body).toMatchObject({ status: 'succeeded', result: 1 });

  put('bwrap');
  await reload(server);
  const refused = await call('careful');
  expect([refused.status, refused.body]).toEqual([
    503,
    expect.objectContaining({
      code: 'runtime_unavailable',
      detail: expect.stringContaining('careful demands the confinement bwrap or stronger'),
    }),
  ]);
  expect((await call('plain')).body).toMatchObject({ status: 'succeeded', result: 1 });
  expect(await isolates(server)).toMatchObject({
    status: 'degraded',
    state: 'degraded',
    reason: expect.stringContaining('careful (bwrap)'),
  });
  const { body: story } = await server.request('GET', `/v1/audit/calls/${refused.body.callId}`);
  expect(story.events.map(({ type }: { type: string }) => type)).toEqual(['intent', 'not_started']);

  put('process');
  await reload(server);
  expect((await call('careful')).body).toMatchObject({ status: 'succeeded', result: 1 });
  expect(await isolates(server)).toMatchObject({ state: 'ok' });
});
