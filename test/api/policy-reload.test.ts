/** Policy changes on the real server: watched files, links that are swapped, signals, requests; roll-backs and pins. */
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { startRunnerService } from '../support/runner-service.ts';
import { repository, runCli, startServer } from '../support/server.ts';
import type { LogLine, ServerOptions, TestServer } from '../support/server.ts';

const home = mkdtempSync(join(tmpdir(), 'policy-reload-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));

const add = { code: 'return input.a + input.b', input: { a: 20, b: 22 } };

/** Denies js_run to whoever asks, with a message that tells the states of the files apart. */
function denial(message: string): string {
  return `apiVersion: sallyport/v1
kind: Policy
metadata: {name: later}
spec:
  subjects: [{}]
  rules: [{name: none, effect: deny, tools: [js_run], message: ${message}}]
`;
}

let directories = 0;
function policies(): string {
  const directory = join(home, `policies-${(directories += 1)}`);
  cpSync(join(repository, 'policies'), directory, { recursive: true });
  return directory;
}

/** As tools that deploy do it: nobody ever sees a half. */
function put(directory: string, text: string): void {
  writeFileSync(join(directory, '.later.yaml'), text);
  renameSync(join(directory, '.later.yaml'), join(directory, 'later.yaml'));
}

const start = (policyDir: string, options: ServerOptions = {}): Promise<TestServer> =>
  startServer({
    policyDir,
    ...options,
    environment: { DOCKER_HOST: 'unix:///nonexistent/docker.sock', ...options.environment },
  });

/** Resolves with the next line of its kind that is logged after `act`. */
async function after(server: TestServer, message: string, act: () => unknown): Promise<LogLine> {
  const seen = server.log.filter(({ msg }) => msg === message).length;
  await act();
  await server.logged(() => server.log.filter(({ msg }) => msg === message).length > seen);
  const line = server.log.findLast(({ msg }) => msg === message);
  if (line === undefined) throw new Error('a line that was logged');
  return line;
}

const isActivated = ({ msg }: LogLine): boolean => msg === 'policy activated';

/** Resolves when a name in a directory changes. */
function changed(directory: string): Promise<void> {
  return new Promise((resolve) => {
    const watcher = watch(directory, () => {
      watcher.close();
      resolve();
    });
  });
}

async function ready(
  server: TestServer,
): Promise<{ status: string; revision: string; policy: { state: string; reason: string | null } }> {
  const { body } = await server.request('GET', '/ready');
  const policy = (body.dependencies as { name: string; state: string; reason: string | null }[]).find(
    ({ name }) => name === 'policy',
  );
  return { status: body.status, revision: body.revision, policy: policy ?? { state: 'none', reason: null } };
}

async function events(
  server: TestServer,
  type: string,
): Promise<{ principal: string | null; details: Record<string, unknown>; content: unknown }[]> {
  return (await server.request('GET', `/v1/audit/events?type=${type}&order=asc`)).body.items;
}

describe('the files', () => {
  test('a change is taken up by itself, by name, under load, and no call is lost or decided by halves', async () => {
    const directory = policies();
    await using server = await start(directory);
    const first = (await ready(server)).revision;
    const load = { isOver: false };
    const client = async () => {
      const answers: { status: number; revision: string; text: string }[] = [];
      while (!load.isOver) {
        const { status, body } = await server.call('csv_profile', { text: 'a\n1\n' });
        const { body: denied } = await server.call('js_run', add);
        const text = denied.detail ?? String(denied.result);
        answers.push({ status, revision: body.decision?.revision, text });
      }
      return answers;
    };
    const clients = [client(), client(), client(), client()];
    const seen = [first];
    for (const name of ['one', 'two', 'three']) {
      const line = await after(server, 'policy activated', () => put(directory, denial(name)));
      expect(line).toMatchObject({ previous: seen.at(-1), trigger: 'watch' });
      seen.push(String(line['revision']));
      expect((await server.call('js_run', add)).body).toMatchObject({ code: 'policy_denied', detail: name });
    }
    load.isOver = true;
    for (const answers of await Promise.all(clients)) {
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
      // Never an unknown one, and never an older one again.
      const order = answers.map(({ revision }) => seen.indexOf(revision));
      expect(order).not.toContain(-1);
      expect(order).toEqual(order.toSorted((a, b) => a - b));
      expect(new Set(answers.map(({ text }) => text))).toEqual(new Set(['42', 'one', 'two', 'three']));
    }
    expect(await ready(server)).toMatchObject({
      revision: seen.at(-1),
      policy: { state: 'ok', reason: null },
    });
    const activated = await events(server, 'policy_activated');
    expect(
      activated.map(({ details }) => [details['previous'], details['revision'], details['trigger']]),
    ).toEqual([
      [null, seen[0], 'start'],
      [seen[0], seen[1], 'watch'],
      [seen[1], seen[2], 'watch'],
      [seen[2], seen[3], 'watch'],
    ]);
  }, 60_000);

  test('files with mistakes change nothing, and everybody can see it, until they are mended', async () => {
    const directory = policies();
    await using server = await start(directory);
    const { revision } = await ready(server);
    await after(server, 'policy rejected', () => put(directory, denial('no').replace('deny', 'dney')));
    expect((await server.call('js_run', add)).body.result).toBe(42);
    const place = `${directory}/later.yaml:6:32`;
    expect(await ready(server)).toMatchObject({
      status: 'degraded',
      revision,
      policy: { state: 'degraded', reason: expect.stringContaining(`have a mistake, the first at ${place}`) },
    });
    expect(await events(server, 'policy_rejected')).toMatchObject([
      {
        details: { trigger: 'watch', problemCount: 1, revision },
        content: { problems: [expect.stringContaining(`${place} /spec/rules/0/effect must be one of`)] },
      },
    ]);
    const { body } = await server.request('GET', '/v1/policy');
    expect(body).toMatchObject({
      revision,
      files: { state: 'rejected', problemCount: 1, problems: [{ line: 6 }] },
    });
    const metrics = await server.request('GET', '/metrics', { key: null });
    expect(metrics.body).toContain('sallyport_policy_stale 1');
    const asked = await server.request('POST', '/v1/policy/reload');
    expect([asked.status, asked.body.code, asked.body.problems.length]).toEqual([422, 'policy_invalid', 1]);
    await after(server, 'policy activated', () => put(directory, denial('mended')));
    expect((await ready(server)).policy).toMatchObject({ state: 'ok', reason: null });
  }, 60_000);

  test('code that no isolate could load does not come into force', async () => {
    const directory = policies();
    await using server = await start(directory);
    const code = join(directory, 'tools/code/csv-profile.js');
    writeFileSync(code, 'export default profile text;');
    const { status, body } = await server.request('POST', '/v1/policy/reload');
    expect(status).toBe(422);
    expect(body.problems).toMatchObject([
      { file: code, line: 1, message: expect.stringContaining('as JavaScript') },
    ]);
    expect((await server.call('csv_profile', { text: 'a,b\n1,2' })).body.status).toBe('succeeded');
  }, 60_000);

  test('a ConfigMap: the link ..data is swapped, and all of its files change at once', async () => {
    const directory = join(home, 'config-map');
    mkdirSync(directory);
    const version = (name: string, message: string): void => {
      mkdirSync(join(directory, name));
      writeFileSync(join(directory, name, 'later.yaml'), denial(message));
      symlinkSync(name, join(directory, '..next'));
      renameSync(join(directory, '..next'), join(directory, '..data'));
    };
    version('..2026_1', 'one');
    symlinkSync('..data/later.yaml', join(directory, 'later.yaml'));
    const base = policies();
    await using server = await start(`${base}:${directory}`);
    expect((await server.call('js_run', add)).body.detail).toBe('one');
    await after(server, 'policy activated', () => version('..2026_2', 'two'));
    expect((await server.call('js_run', add)).body.detail).toBe('two');
  }, 60_000);

  test('a policy directory that is itself a link, swapped to the next release', async () => {
    const [first, second] = [policies(), policies()];
    put(second, denial('second'));
    const current = join(home, 'current');
    symlinkSync(first, current);
    await using server = await start(current);
    await after(server, 'policy activated', () => {
      symlinkSync(second, `${current}.next`);
      renameSync(`${current}.next`, current);
    });
    expect((await server.call('js_run', add)).body.detail).toBe('second');
  }, 60_000);

  test('SIGHUP and a request take them up at once; REVISION.json is on the record as a claim', async () => {
    const directory = policies();
    await using server = await start(directory);
    await after(server, 'policy activated', () => {
      put(directory, denial('signalled'));
      server.child.kill('SIGHUP');
    });
    writeFileSync(
      join(directory, 'REVISION.json'),
      JSON.stringify({ commit: '1f2e3d', author: 'ana', more: 1 }),
    );
    put(directory, denial('asked'));
    const { body } = await server.request('POST', '/v1/policy/reload');
    const last = (await events(server, 'policy_activated')).at(-1);
    // The watch may have come first; either way it is active when the request is answered.
    expect(['activated', 'unchanged']).toContain(body.outcome);
    expect((await server.call('js_run', add)).body.detail).toBe('asked');
    expect(last?.details).toMatchObject({
      revision: body.revision,
      claimed: { commit: '1f2e3d', author: 'ana' },
    });
    expect((await server.request('POST', '/v1/policy/reload')).body).toEqual({
      outcome: 'unchanged',
      revision: body.revision,
    });
  }, 60_000);
});

describe('revisions', () => {
  test('a roll-back is pinned over changes and restarts until unpinned; the command line does it all', async () => {
    const directory = policies();
    const dataDir = mkdtempSync(join(home, 'data-'));
    let first = '';
    let second = '';
    {
      await using server = await start(directory, { dataDir });
      const cli = (...args: string[]) =>
        runCli(['policy', ...args], { SALLYPORT_URL: server.url, SALLYPORT_API_KEY: server.key });
      first = (await ready(server)).revision;
      second = String(
        (await after(server, 'policy activated', () => put(directory, denial('bad'))))['revision'],
      );
      const back = await cli('rollback', first.slice(7, 19), '--reason', 'INC-7');
      expect(JSON.parse(back.stdout)).toEqual({ outcome: 'activated', revision: first, previous: second });
      expect((await server.call('js_run', add)).body).toMatchObject({
        result: 42,
        decision: { revision: first },
      });
      expect(await ready(server)).toMatchObject({
        status: 'degraded',
        revision: first,
        policy: {
          reason: expect.stringMatching(
            new RegExp(`^pinned by bootstrap since .*; the policy files hold ${second}$`),
          ),
        },
      });
      const reload = await cli('reload');
      expect([reload.code, JSON.parse(reload.stdout).outcome]).toEqual([1, 'pinned']);
      const history = JSON.parse((await cli('history')).stdout).items;
      expect(history).toMatchObject([
        {
          revision: first,
          isActive: true,
          isPinned: true,
          trigger: 'rollback',
          principal: 'bootstrap',
          reason: 'INC-7',
        },
        { revision: second, isActive: false, isPinned: false, trigger: 'watch', principal: null },
      ]);
      const shown = JSON.parse((await cli('show', second.slice(7, 19))).stdout);
      expect(shown.documents).toContainEqual(expect.objectContaining({ metadata: { name: 'later' } }));
      expect(Object.keys(shown.code)).toContain('csv_profile');
      expect((await cli('show', 'sha256:000000000000')).stderr).toContain(
        'No revision sha256:000000000000 was active',
      );
    }
    {
      await using server = await start(directory, { dataDir });
      expect((await server.call('js_run', add)).body).toMatchObject({
        result: 42,
        decision: { revision: first },
      });
      expect((await ready(server)).policy.reason).toContain('pinned by bootstrap');
      const unknown = { revision: `sha256:${'0'.repeat(64)}`, reason: 'x' };
      expect((await server.request('POST', '/v1/policy/activate', { body: unknown })).status).toBe(404);
      const free = await server.request('POST', '/v1/policy/unpin', { body: { reason: 'mended' } });
      expect(free.body).toEqual({ outcome: 'activated', revision: second, previous: first });
      expect((await server.call('js_run', add)).body.detail).toBe('bad');
      const again = await server.request('POST', '/v1/policy/unpin', { body: { reason: 'again' } });
      expect([again.status, again.body.code]).toEqual([409, 'conflict']);
      const activated = await events(server, 'policy_activated');
      expect(activated.slice(-3).map(({ details, principal }) => ({ ...details, principal }))).toMatchObject([
        {
          trigger: 'rollback',
          revision: first,
          previous: second,
          reason: 'INC-7',
          pinned: true,
          principal: 'bootstrap',
        },
        { trigger: 'start', revision: first, previous: first, pinned: true },
        {
          trigger: 'unpin',
          revision: second,
          previous: first,
          reason: 'mended',
          pinned: false,
          principal: 'bootstrap',
        },
      ]);
      expect((await server.request('GET', '/v1/audit/verify')).body.valid).toBe(true);
    }
  }, 60_000);

  test('a start on broken files uses what decided last, says so, and runs calls', async () => {
    const directory = policies();
    const dataDir = mkdtempSync(join(home, 'data-'));
    let revision = '';
    {
      await using server = await start(directory, { dataDir });
      revision = (await ready(server)).revision;
    }
    put(directory, 'kind: [');
    await using server = await start(directory, { dataDir });
    expect((await server.call('js_run', add)).body).toMatchObject({ result: 42, decision: { revision } });
    expect(await ready(server)).toMatchObject({
      status: 'degraded',
      revision,
      policy: { state: 'degraded' },
    });
    expect(await events(server, 'policy_rejected')).toMatchObject([{ details: { trigger: 'start' } }]);
    expect(server.log.some(({ msg, level }) => msg === 'policy rejected' && level === 'error')).toBe(true);
    await after(server, 'policy activated', () => put(directory, denial('mended')));
    expect((await server.call('js_run', add)).body.detail).toBe('mended');
  }, 60_000);

  test('a first start on broken files is refused with every mistake', async () => {
    const directory = policies();
    put(directory, 'kind: [');
    await expect(start(directory)).rejects.toThrow(/The policy cannot be used:\n.*later\.yaml:1:/);
  });

  test.each([
    ['before anything is compiled', async () => {}],
    [
      'while the runner takes it up',
      (server: TestServer) => changed(join(server.dataDir, 'runner', 'revisions')),
    ],
    ['once it is active', async (server: TestServer) => void (await server.logged(isActivated))],
  ])(
    'kill -9 %s: the next start has it, and the record holds',
    async (_when, moment) => {
      const directory = policies();
      const dataDir = mkdtempSync(join(home, 'data-'));
      await using server = await start(directory, { dataDir });
      const before = (await ready(server)).revision;
      put(directory, denial('later'));
      const reached = moment(server);
      const asked = server.request('POST', '/v1/policy/reload').catch(() => null);
      await reached;
      await server.stop('SIGKILL');
      const answer = await asked;
      await using again = await start(directory, { dataDir });
      const { revision } = await ready(again);
      if (answer !== null) expect(answer.body.revision).toBe(revision);
      expect(revision).not.toBe(before);
      expect((await again.call('js_run', add)).body.detail).toBe('later');
      const activated = await events(again, 'policy_activated');
      expect(activated.at(-1)?.details).toMatchObject({ trigger: 'start', revision });
      expect((await again.request('GET', '/v1/audit/verify')).body.valid).toBe(true);
    },
    60_000,
  );

  test('it takes the scope policy', async () => {
    await using server = await start(policies());
    const key = await server.keyFor('caller', ['developer'], ['call', 'audit']);
    const body = { revision: `sha256:${'0'.repeat(64)}`, reason: 'x' };
    for (const [method, path, more] of [
      ['GET', '/v1/policy', {}],
      ['GET', '/v1/policy/revisions', {}],
      ['GET', `/v1/policy/revisions/${body.revision}`, {}],
      ['POST', '/v1/policy/reload', {}],
      ['POST', '/v1/policy/activate', { body }],
      ['POST', '/v1/policy/unpin', { body: { reason: 'x' } }],
    ] as const) {
      const answer = await server.request(method, path, { key, ...more });
      expect([path, answer.status, answer.body.scope]).toEqual([path, 403, 'policy']);
    }
  });
});

describe('several processes', () => {
  test('two servers over one runner service converge, say so, and roll back; the runner takes nothing from them', async () => {
    const directory = policies();
    const environment = {
      SALLYPORT_POLICY_DIR: directory,
      SALLYPORT_DATA_DIR: join(home, 'runner-data'),
    };
    const address = `unix:${join(home, 'two.sock')}`;
    const runner = await startRunnerService(address, environment);
    await using first = await start(directory, { environment: { SALLYPORT_RUNNER: address } });
    await using second = await start(directory, { environment: { SALLYPORT_RUNNER: address } });
    const servers = [first, second];
    const before = (await ready(first)).revision;
    for (const server of servers) await server.logged(({ msg }) => msg === 'runner connected');
    for (const server of servers) expect((await server.call('js_run', add)).body.result).toBe(42);
    await Promise.all(
      servers.map((server) => after(server, 'policy activated', () => put(directory, denial('both')))),
    );
    const [one, two] = await Promise.all(servers.map(ready));
    expect(one?.revision).toBe(two?.revision);
    expect(one?.revision).not.toBe(before);
    const back = await first.request('POST', '/v1/policy/activate', {
      body: { revision: before, reason: 'x' },
    });
    expect(back.body.outcome).toBe('activated');
    expect((await first.call('js_run', add)).body.result).toBe(42);
    expect((await second.call('js_run', add)).body.detail).toBe('both');

    // A runner that starts anew on broken files holds what it once compiled itself.
    await runner.stop('SIGKILL');
    put(directory, 'kind: [');
    const connected = after(first, 'runner connected', () => {});
    await using _again = await startRunnerService(address, environment);
    await connected;
    expect((await first.call('js_run', add)).body.result).toBe(42);
  }, 90_000);

  test('what the runner does not have does not decide, until it has it', async () => {
    const [ours, theirs] = [policies(), policies()];
    const address = `unix:${join(home, 'late.sock')}`;
    await using _runner = await startRunnerService(address, {
      SALLYPORT_POLICY_DIR: theirs,
      SALLYPORT_DATA_DIR: join(home, 'late-data'),
    });
    await using server = await start(ours, { environment: { SALLYPORT_RUNNER: address } });
    await server.logged(({ msg }) => msg === 'runner connected');
    const { revision } = await ready(server);
    await after(server, 'policy waits', () => put(ours, denial('late')));
    expect((await server.call('js_run', add)).body).toMatchObject({ result: 42, decision: { revision } });
    expect(await ready(server)).toMatchObject({
      status: 'degraded',
      policy: { reason: expect.stringContaining(`waits: the runner holds ${revision}`) },
    });
    await after(server, 'policy activated', () => put(theirs, denial('late')));
    expect((await server.call('js_run', add)).body.detail).toBe('late');
  }, 90_000);
});
