/** The runner as a service of its own, behind the real server; and runners that stop answering. */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { createAuthority, environmentFor, issue } from '../support/certificates.ts';
import { gone, untilBusy } from '../support/processes.ts';
import { startRunnerService } from '../support/runner-service.ts';
import { repository, runCli, startServer } from '../support/server.ts';
import type { TestServer } from '../support/server.ts';

const home = mkdtempSync(join(tmpdir(), 'runner-e2e-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));

const add = { code: 'return input.a + input.b', input: { a: 20, b: 22 } };

async function runnerOf(server: TestServer): Promise<unknown> {
  const { body } = await server.request('GET', '/ready');
  return (body.dependencies as { name: string }[]).find(({ name }) => name === 'runner');
}

test('over a Unix socket: the server starts without its runner, serves with it, and finds it again', async () => {
  const address = `unix:${join(home, 'runner.sock')}`;
  await using server = await startServer({ environment: { SALLYPORT_RUNNER: address } });
  const early = await server.call('js_run', add);
  expect([early.status, early.body.code]).toEqual([503, 'runtime_unavailable']);
  expect((await server.request('GET', '/ready')).status).toBe(503);
  {
    await using runner = await startRunnerService(address);
    await server.logged(({ msg }) => msg === 'runner connected');
    expect((await server.call('js_run', add)).body).toMatchObject({ status: 'succeeded', result: 42 });
    expect(await runnerOf(server)).toMatchObject({
      state: 'ok',
      reason: null,
      details: { identity: 'service', runner: address },
    });
    const running = server.call('js_run', { code: 'for (;;);' });
    await untilBusy(runner.child.pid ?? 0);
    await runner.stop('SIGKILL');
    expect(await running).toMatchObject({ status: 200, body: { status: 'unknown', result: null } });
  }
  const connections = server.log.filter(({ msg }) => msg === 'runner connected').length;
  await using _again = await startRunnerService(address);
  await server.logged(
    ({ msg }) =>
      msg === 'runner connected' && server.log.filter((line) => line.msg === msg).length > connections,
  );
  expect((await server.call('js_run', add)).body.result).toBe(42);
});

test('over TLS', async () => {
  const authority = createAuthority('sallyport test');
  const address = `tls://127.0.0.1:${await freePort()}`;
  await using _runner = await startRunnerService(address, environmentFor(issue(authority)));
  await using server = await startServer({
    environment: { SALLYPORT_RUNNER: address, ...environmentFor(issue(authority)) },
  });
  await server.logged(({ msg }) => msg === 'runner connected');
  expect((await server.call('js_run', add)).body.result).toBe(42);
});

test('a runner takes up policy files that changed since its start, when an api comes with them', async () => {
  const policyDir = join(home, 'policies');
  cpSync(join(repository, 'policies'), policyDir, { recursive: true });
  const address = `unix:${join(home, 'policy.sock')}`;
  await using _runner = await startRunnerService(address, { SALLYPORT_POLICY_DIR: policyDir });
  writeFileSync(
    join(policyDir, 'later.yaml'),
    'apiVersion: sallyport/v1\nkind: Policy\nmetadata: {name: later}\nspec:\n  subjects: [{roles: [nobody]}]\n  rules: [{name: none, effect: deny, tools: [js_run]}]\n',
  );
  await using server = await startServer({ policyDir, environment: { SALLYPORT_RUNNER: address } });
  await server.logged(({ msg }) => msg === 'runner connected');
  expect((await server.call('js_run', add)).body.result).toBe(42);
});

test('a runner that stops answering is ended, its calls end as unknown, and another one serves', async () => {
  await using server = await startServer();
  const stopped = server.runnerPid;
  const lost = server.call('js_run', { code: 'for (;;);' });
  await untilBusy(stopped);
  process.kill(stopped, 'SIGSTOP');
  expect(await lost).toMatchObject({ status: 200, body: { status: 'unknown', result: null } });
  await gone(stopped);
  await server.logged(({ msg, ...fields }) => msg === 'runner connected' && fields['runnerPid'] !== stopped);
  const { body } = await server.request('GET', '/v1/audit/events?type=runner_lost');
  expect(body.items[0].details.reason).toMatch(/^it has not answered for \d+ s$/);
  expect((await server.call('js_run', add)).body.result).toBe(42);
}, 60_000);

test.each([
  [{ SALLYPORT_RUNNER: 'tcp://runner:1' }, 'SALLYPORT_RUNNER must be unix:/path or tls://host:port'],
  [{ SALLYPORT_RUNNER: 'tls://runner:0' }, 'SALLYPORT_RUNNER must be unix:/path or tls://host:port'],
  [{ SALLYPORT_RUNNER_TLS_CERT: '/none/cert.pem' }, 'SALLYPORT_RUNNER_TLS_KEY is missing'],
])('%j stops the start', async (environment, message) => {
  const started = startServer({ environment: { SALLYPORT_RUNNER: 'unix:/none', ...environment } });
  await expect(started).rejects.toThrow(message);
});

test('sallyport runner says what it needs', async () => {
  const without = await runCli(['runner']);
  expect([without.code, without.stderr]).toEqual([2, expect.stringContaining('--listen')]);
  const nowhere = await runCli(['runner', '--listen', 'tls://127.0.0.1:1'], {
    SALLYPORT_POLICY_DIR: join(repository, 'policies'),
  });
  expect([nowhere.code, nowhere.stderr]).toEqual([1, expect.stringContaining('needs a certificate')]);
});
