/** docker-compose.yml, brought up for real: what it serves, what its walls are, and what it survives. */
import { randomUUID } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

import { callOf, expectNothingLost } from '../support/acknowledged.ts';
import { buildWorkerImage, someoneLoops, workerPidsOf } from '../support/contained-isolates.ts';
import { buildImages } from '../support/container-calls.ts';
import { ComposeStack } from '../support/compose-stack.ts';
import type { Dependency, Service } from '../support/compose-stack.ts';
import { command, docker, dockerLines } from '../support/docker.ts';
import { repository } from '../support/server.ts';
import type { Answer } from '../support/server.ts';

const image = `sallyport-test:${randomUUID()}`;
const waitMs = { timeout: 45_000, interval: 100 };
const looping = { code: 'for (;;);' };
let stack: ComposeStack;

beforeAll(async () => {
  await buildWorkerImage();
  await buildImages('shell');
  await command('./scripts/image', ['--tag', image], { cwd: repository });
  stack = await ComposeStack.create(image);
  await stack.up();
  await untilAllIsWell();
}, 600_000);
afterAll(async () => {
  await stack[Symbol.asyncDispose]();
  await docker('image', 'rm', '--force', image);
}, 120_000);

/** Resolves when the server says so of all that it depends on. */
async function untilAllIsWell(): Promise<void> {
  await vi.waitFor(async () => {
    const { status, dependencies } = (await stack.ready()) ?? {};
    const ailing = (dependencies ?? []).filter(({ state }) => state !== 'ok');
    expect([status, ailing]).toEqual(['ok', []]);
  }, waitMs);
}

async function dependency(name: string): Promise<Dependency | undefined> {
  return (await stack.ready())?.dependencies.find((candidate) => candidate.name === name);
}

async function expectServed(): Promise<void> {
  const [isolate, container] = await Promise.all([
    stack.call('js_run', { code: 'return input * 7', input: 6 }),
    stack.call('shell_run', { script: 'echo served' }),
  ]);
  expect(callOf(isolate)).toMatchObject({
    status: 'succeeded',
    result: 42,
    runtime: { kind: 'isolate', confinement: 'container' },
  });
  expect(callOf(container)).toMatchObject({ status: 'succeeded', output: { stdout: 'served\n' } });
}

test('calls in isolates and containers are served, by a runner that is a service of its own', async () => {
  await expectServed();
  expect((await dependency('runner'))?.details).toMatchObject({ identity: 'service' });
  expect((await dependency('quotas'))?.details).toMatchObject({ store: 'redis' });
});

describe('the walls between the services', () => {
  test('the api has no capability, nothing to write but its data, and no engine', async () => {
    const look = (expression: string): Promise<string> => stack.evaluate('api', expression);
    const status = await look('fs.readFileSync("/proc/1/status", "utf8")');
    expect(status).toMatch(/^Uid:\t10001\t/m);
    expect(status).toMatch(/^CapEff:\t0+$/m);
    expect(status).toMatch(/^CapBnd:\t0+$/m);
    expect(status).toMatch(/^NoNewPrivs:\t1$/m);
    expect(await look('fs.existsSync("/var/run/docker.sock")')).toBe('false');
    await expect(look('fs.writeFileSync("/opt/x", "")')).rejects.toThrow('EROFS');
    await expect(look('fs.writeFileSync("/run/secrets/redis-url", "")')).rejects.toThrow(/EACCES|EROFS/);
    await expect(look('fs.writeFileSync("/etc/sallyport/policies/x.yaml", "")')).rejects.toThrow('EROFS');
  });

  test('metrics are for the network of those who scrape, not for callers', async () => {
    expect((await stack.request('GET', '/metrics')).status).toBe(404);
    const scrape = 'fetch("http://127.0.0.1:9464/metrics").then((page) => page.text()).then(console.log)';
    const page = await docker('exec', await stack.container('api'), 'node', '-e', scrape);
    expect(page).toContain('sallyport_dependency_up{dependency="runner"} 1');
  });

  test('the runner has the socket, no network and no capability, and no secret of the api', async () => {
    const look = (expression: string): Promise<string> => stack.evaluate('runner', expression);
    expect(await look('fs.existsSync("/var/run/docker.sock")')).toBe('true');
    expect(await look('Object.keys(os.networkInterfaces()).join()')).toBe('lo');
    expect(await look('fs.readFileSync("/proc/1/status", "utf8")')).toMatch(/^CapEff:\t0+$/m);
    expect(await look('fs.existsSync("/run/secrets")')).toBe('false');
    await expect(look('fs.writeFileSync("/opt/x", "")')).rejects.toThrow('EROFS');
  });

  test('no environment holds a secret, and redis refuses whom the password is missing', async () => {
    const containers = await Promise.all(
      (['api', 'runner', 'redis', 'postgres'] as const).map((service) => stack.container(service)),
    );
    const environments = await docker('inspect', '--format', '{{json .Config.Env}}', ...containers);
    for (const name of ['redis-url', 'database-url']) {
      const url = await stack.evaluate('api', `fs.readFileSync("/run/secrets/${name}", "utf8").trim()`);
      const { password } = new URL(url);
      expect(password).toMatch(/^[0-9a-f]{64}$/);
      expect(environments).not.toContain(password);
    }
    expect(await docker('exec', await stack.container('redis'), 'redis-cli', 'get', 'x')).toContain('NOAUTH');
  });
});

test('a changed policy is taken up, a broken one is not, and taken away it is forgotten', async () => {
  const file = path.join(stack.policies, 'rules/no-shell.yaml');
  writeFileSync(
    file,
    `apiVersion: sallyport/v1
kind: Policy
metadata: {name: no-shell}
spec:
  subjects: [{roles: [developer]}]
  rules: [{name: none, effect: deny, tools: [shell_run]}]
`,
  );
  await vi.waitFor(async () => {
    const { status, body } = await stack.call('shell_run', { script: 'echo 2' });
    expect([status, body.rule]).toEqual([403, 'none']);
  }, waitMs);

  writeFileSync(file, 'apiVersion: sallyport/v1\nkind: Policy\nmetadata: {na');
  await vi.waitFor(async () => {
    expect(await dependency('policy')).toMatchObject({ state: 'degraded' });
  }, waitMs);
  expect((await stack.call('shell_run', { script: 'echo 3' })).status).toBe(403);

  rmSync(file);
  await untilAllIsWell();
  await expectServed();
}, 60_000);

describe('kill -9', () => {
  const crashed = async (service: Service): Promise<void> => {
    const container = await stack.container(service);
    const before = await docker('inspect', '--format', '{{.State.StartedAt}}', container);
    await stack.crash(service);
    await vi.waitFor(async () => {
      const state = await docker('inspect', '--format', '{{.State.Running}} {{.State.StartedAt}}', container);
      expect(state).toMatch(/^true /);
      expect(state).not.toContain(before);
    }, waitMs);
  };

  test('of redis: calls go on once it is back, without anybody doing anything', async () => {
    await crashed('redis');
    await untilAllIsWell();
    await expectServed();
    expect(await dependency('quotas')).toMatchObject({ state: 'ok', details: { store: 'redis' } });
  }, 60_000);

  test('of postgres: what was answered is there, and calls go on once it is back', async () => {
    const kept = await stack.call('js_run', { code: 'return "kept"' });
    await crashed('postgres');
    await untilAllIsWell();
    expect(await dependency('record')).toMatchObject({ state: 'ok' });
    await expectServed();
    await expectNothingLost(stack, [kept]);
  }, 60_000);

  test('of the runner in mid-call: that call is unknown, the next ones are served, nothing stays behind', async () => {
    const lost = stack.call('js_run', looping);
    await someoneLoops(() => workerPidsOf(stack.project));
    await crashed('runner');
    expect(callOf(await lost)).toMatchObject({ status: 'unknown', result: null });
    await untilAllIsWell();
    await expectServed();
    await expectNothingLost(stack, []);
  }, 60_000);

  test('of the api in mid-call: what it answered is there, what it did not is ended', async () => {
    const kept = await stack.call('js_run', { code: 'return "kept"' });
    const lost = stack.call('js_run', looping).catch(() => null);
    await someoneLoops(() => workerPidsOf(stack.project));
    await crashed('api');
    expect(await lost).toBeNull();
    await untilAllIsWell();
    await expectServed();
    await expectNothingLost(stack, [kept]);
  }, 60_000);
});

test('an upgrade in place under load: every acknowledged call is there afterwards', async () => {
  const oldId = await docker('image', 'inspect', '--format', '{{.Id}}', image);
  await command('sh', [
    '-c',
    'echo "FROM $1\nLABEL next=1" | DOCKER_BUILDKIT=0 docker build -q -t "$1" -',
    '',
    image,
  ]);
  const newId = await docker('image', 'inspect', '--format', '{{.Id}}', image);
  expect(newId).not.toBe(oldId);
  const acknowledged: Answer[] = [];
  const over = new AbortController();
  const client = async (): Promise<void> => {
    while (!over.signal.aborted) {
      const answer = await stack
        .call('js_run', { code: 'return input', input: acknowledged.length })
        .catch(() => null);
      if (answer?.status === 200) acknowledged.push(answer);
    }
  };
  const clients = [1, 2, 3, 4].map(client);
  await vi.waitFor(() => expect(acknowledged.length).toBeGreaterThan(10), waitMs);

  await stack.up();
  await untilAllIsWell();
  const before = acknowledged.length;
  await vi.waitFor(() => expect(acknowledged.length).toBeGreaterThan(before + 10), waitMs);
  over.abort();
  await Promise.all(clients);

  for (const service of ['api', 'runner'] as const)
    expect(await docker('inspect', '--format', '{{.Image}}', await stack.container(service))).toBe(newId);
  for (const answer of acknowledged) {
    const { body } = await stack.request('GET', `/v1/calls/${answer.body.id}`);
    expect(body).toEqual(answer.body);
  }
  expect((await stack.request('GET', '/v1/audit/verify')).body).toMatchObject({ valid: true, problems: [] });
}, 120_000);

test('taken down, it leaves nothing', async () => {
  const found = await stack.left();
  expect(found.length).toBeGreaterThan(5);
  await stack.down();
  expect(await stack.left()).toEqual([]);
  const volumes = await dockerLines('volume', 'ls', '--quiet');
  expect(volumes.filter((name) => found.includes(name))).toEqual([]);
});
