/** What operators see of the confinement of isolates, and what policy demands of it. Needs Linux, bubblewrap, root. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { repository, startServer } from '../support/server.ts';

const noEngine = { DOCKER_HOST: 'unix:///nonexistent/docker.sock' };
const withoutBubblewrap = 'mount --bind /dev/null /usr/bin/bwrap && exec "$@"';
let policyDir: string;

beforeAll(() => {
  policyDir = mkdtempSync(join(tmpdir(), 'policy-'));
  const tool = (name: string, runtime: string): string => `
apiVersion: sallyport/v1
kind: Tool
metadata: {name: ${name}}
spec:
  input: {type: object, additionalProperties: false, required: [code], properties: {code: {type: string}}}
  runtime: {kind: isolate${runtime}}
`;
  const rules = `
apiVersion: sallyport/v1
kind: Policy
metadata: {name: p}
spec:
  subjects: [{}]
  rules: [{name: all, effect: allow, tools: ["*"]}]
`;
  writeFileSync(
    join(policyDir, 'policy.yaml'),
    [tool('easy', ''), tool('careful', ', minConfinement: bwrap'), rules].join('---'),
  );
});
afterAll(() => rmSync(policyDir, { recursive: true }));

/** The server on a host without bubblewrap: it ends by itself, or the test's time does. */
function startWithoutBubblewrap(environment: NodeJS.ProcessEnv): { code: number | null; stderr: string } {
  const dataDir = mkdtempSync(join(tmpdir(), 'data-'));
  const main = join(repository, 'src/main.ts');
  const inside = ['--mount', 'sh', '-c', withoutBubblewrap, 'sh', process.execPath, main, 'serve'];
  const { status, stderr } = spawnSync('unshare', inside, {
    cwd: repository,
    encoding: 'utf8',
    timeout: 20_000,
    env: {
      PATH: process.env['PATH'],
      SALLYPORT_PORT: '0',
      SALLYPORT_DATA_DIR: dataDir,
      SALLYPORT_LOG_LEVEL: 'silent',
      ...noEngine,
      ...environment,
    },
  });
  rmSync(dataDir, { recursive: true });
  return { code: status, stderr };
}

describe('/ready', () => {
  test('shows which confinement isolates have, what was proved of it and what is missing', async () => {
    await using server = await startServer({ environment: noEngine });
    const { body } = await server.request('GET', '/ready');
    const isolates = body.dependencies.find(({ name }: { name: string }) => name === 'isolate');
    expect(isolates).toMatchObject({
      state: 'ok',
      reason: null,
      details: { confinement: 'bwrap', missing: [] },
    });
    expect(isolates.details.protections).toEqual(
      expect.arrayContaining(['seccomp', 'memory cgroup', 'no capabilities', 'host user 65534']),
    );
    const line = await server.logged(({ msg }) => msg === 'isolate workers are confined');
    expect(line).toMatchObject({ confinement: 'bwrap', protections: isolates.details.protections });
  });
});

describe('a tool that demands bwrap', () => {
  test('runs under bwrap, and its call says so', async () => {
    await using server = await startServer({ policyDir, environment: noEngine });
    const { body } = await server.call('careful', { code: 'return 1' });
    expect(body).toMatchObject({ result: 1, runtime: { kind: 'isolate', confinement: 'bwrap' } });
  });

  test('keeps the server from starting where bwrap is not had, and says what to do', () => {
    const { code, stderr } = startWithoutBubblewrap({ SALLYPORT_POLICY_DIR: policyDir });
    expect(code).toBe(1);
    expect(stderr).toContain(
      'these tools demand a stronger confinement than process, which isolates of this host have: careful (bwrap)',
    );
    expect(stderr).toContain('sallyport doctor');
  });
});

test('a confinement that was named and cannot be had keeps the server from starting', () => {
  const { code, stderr } = startWithoutBubblewrap({
    SALLYPORT_POLICY_DIR: join(repository, 'policies'),
    SALLYPORT_ISOLATE_CONFINEMENT: 'bwrap',
  });
  expect(code).toBe(1);
  expect(stderr).toContain('isolate confinement bwrap cannot be had');
});
