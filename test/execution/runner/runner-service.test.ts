/** The runner as a service of its own: its door, and the connection that an api keeps to it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { SandboxExecutor } from '../../../src/execution/executor.ts';
import { remoteRunner } from '../../../src/execution/runner/dial-runner.ts';
import { listenForApis } from '../../../src/execution/runner/listen-runner.ts';
import { parseRunnerAddress } from '../../../src/execution/runner/runner-address.ts';
import type { RunnerAddress } from '../../../src/execution/runner/runner-address.ts';
import type { TlsIdentity } from '../../../src/model/tls-identity.ts';
import { RunnerConnection } from '../../../src/execution/runner/runner-connection.ts';
import { RunnerGroup } from '../../../src/execution/runner/runner-group.ts';
import { RunnerServer } from '../../../src/execution/runner/runner-server.ts';
import { SeenCalls } from '../../../src/execution/runner/seen-calls.ts';
import { limits, quiet } from '../isolate/support.ts';
import { freePort } from '../../support/free-port.ts';
import { createAuthority, issue } from '../../support/certificates.ts';

const home = mkdtempSync(join(tmpdir(), 'runner-service-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));

const revision = 'sha256:a';
let lastCall = 0;

function requestFor(tool = 'echo') {
  lastCall += 1;
  const callId = `call_${String(lastCall).padStart(26, '0')}`;
  return { callId, tenant: 'acme', principal: 'ana', revision, tool, limits, args: Buffer.from('{}') };
}

/** A runner whose one tool answers with its name. */
class TestRunner implements AsyncDisposable {
  readonly #door: AsyncDisposable;
  readonly sockets: readonly Socket[];
  readonly refused: readonly string[];

  private constructor(door: AsyncDisposable, sockets: readonly Socket[], refused: readonly string[]) {
    this.#door = door;
    this.sockets = sockets;
    this.refused = refused;
  }

  static async listen(
    address: RunnerAddress,
    options: { readonly tls?: TlsIdentity; readonly name?: string; readonly revision?: () => string } = {},
  ): Promise<TestRunner> {
    const sockets: Socket[] = [];
    const refused: string[] = [];
    const held = options.revision ?? (() => revision);
    const executors = Promise.resolve([answering(options.name ?? 'runner')]);
    const seenCalls = new SeenCalls();
    const door = await listenForApis({
      address,
      tls: options.tls ?? null,
      onRefused: (reason) => refused.push(reason),
      onConnection: (stream) => {
        sockets.push(stream);
        void new RunnerServer({
          stream,
          revisions: {
            hold: async () => held(),
            profileOf: () => ({
              kind: 'isolate',
              tool: 'echo',
              limits,
              code: null,
              reuse: 'tenant',
              minConfinement: 'process',
              webAssembly: false,
            }),
          },
          executors,
          seenCalls,
          logger: quiet,
          onClosed: () => {},
        });
      },
    });
    return new TestRunner(door, sockets, refused);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve(this.#door[Symbol.asyncDispose]());
  }
}

function answering(name: string): SandboxExecutor {
  return {
    kind: 'isolate',
    async *run() {
      yield {
        type: 'started',
        runtime: { kind: 'isolate', confinement: 'process', image: null, warm: true },
      };
      yield { type: 'result', data: Buffer.from(JSON.stringify(name)) };
      yield { type: 'usage', wallMs: 1, cpuMs: 1, memoryPeakBytes: 1, outputBytes: 1, truncated: [] };
      yield { type: 'exit', reason: 'completed', error: null };
    },
    health: async () => ({ kind: 'isolate', state: 'ok', confinement: 'process', reason: null }),
    [Symbol.asyncDispose]: async () => {},
  };
}

interface Watched {
  readonly connection: RunnerConnection;
  /** Settles the next time that the log says so. */
  readonly next: (message: string) => Promise<Record<string, unknown>>;
}

function connect(address: RunnerAddress, tls: TlsIdentity | null = null): Watched {
  const waiting = new Map<string, (fields: Record<string, unknown>) => void>();
  const log = (fields: object, message: string): void => {
    waiting.get(message)?.(fields as Record<string, unknown>);
    waiting.delete(message);
  };
  const next = (message: string): Promise<Record<string, unknown>> =>
    new Promise((resolve) => waiting.set(message, resolve));
  const connection = RunnerConnection.startInBackground({
    opener: remoteRunner(address, tls),
    revision: async () => revision,
    logger: { info: log, warn: log },
    onLost: () => {},
  });
  return { connection, next };
}

async function resultOf(executor: Pick<RunnerConnection, 'run'>): Promise<unknown> {
  for await (const frame of executor.run(requestFor(), new AbortController().signal)) {
    if (frame.type === 'result') return JSON.parse(Buffer.from(frame.data).toString());
  }
  return undefined;
}

function socketAt(name: string): Extract<RunnerAddress, { kind: 'unix' }> {
  return { kind: 'unix', path: join(home, name) };
}

describe('over a Unix socket', () => {
  test('several apis share one runner, and none waits for it at its start', async () => {
    const address = socketAt('shared');
    const [first, second] = [connect(address), connect(address)];
    await using _first = first.connection;
    await using _second = second.connection;
    expect(await first.connection.state()).toMatchObject({
      state: 'down',
      identity: 'service',
      health: null,
    });
    expect(() => first.connection.run(requestFor(), new AbortController().signal)).toThrow(
      'The runner is down',
    );
    const both = Promise.all([first.next('runner connected'), second.next('runner connected')]);
    await using _runner = await TestRunner.listen(address);
    await both;
    expect([await resultOf(first.connection), await resultOf(second.connection)]).toEqual([
      'runner',
      'runner',
    ]);
  });

  test('a runner that was replaced is found again', async () => {
    const address = socketAt('replaced');
    const { connection, next } = connect(address);
    await using _connection = connection;
    let connected = next('runner connected');
    {
      await using _before = await TestRunner.listen(address, { name: 'before' });
      await connected;
      expect(await resultOf(connection)).toBe('before');
      connected = next('runner connected');
    }
    await using _after = await TestRunner.listen(address, { name: 'after' });
    await connected;
    expect(await resultOf(connection)).toBe('after');
  });

  test('a runner with another policy is not used, and /ready can say why, until it has the same', async () => {
    const address = socketAt('policy');
    let held = 'sha256:b';
    await using _runner = await TestRunner.listen(address, { revision: () => held });
    const { connection, next } = connect(address);
    await using _connection = connection;
    await next('runner lost');
    expect((await connection.state()).reason).toContain('policy revision sha256:b, this process sha256:a');
    held = revision;
    await next('runner connected');
    expect(await resultOf(connection)).toBe('runner');
  });

  test('the socket that a killed runner left is replaced; one that is in use is not', async () => {
    const address = socketAt('stale');
    const script = `require('node:net').createServer().listen(process.argv[1], () => process.stdout.write('up'))`;
    const child = spawn(process.execPath, ['-e', script, address.path], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    await expect(TestRunner.listen(address)).rejects.toThrow('another runner does');
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(existsSync(address.path)).toBe(true);
    await using _runner = await TestRunner.listen(address);
    const { connection, next } = connect(address);
    await using _connection = connection;
    await next('runner connected');
    expect(await resultOf(connection)).toBe('runner');
  });

  test('a file that is no socket is left alone', async () => {
    const address = socketAt('file');
    writeFileSync(address.path, 'mine');
    await expect(TestRunner.listen(address)).rejects.toThrow('it is there and is no socket');
  });
});

describe('over TLS', async () => {
  const ours = createAuthority('ours');
  const theirs = createAuthority('theirs');
  const address: RunnerAddress = { kind: 'tls', host: '127.0.0.1', port: await freePort() };

  test('both sides show a certificate of the same CA', async () => {
    await using _runner = await TestRunner.listen(address, { tls: issue(ours) });
    const { connection, next } = connect(address, issue(ours));
    await using _connection = connection;
    await next('runner connected');
    expect(await resultOf(connection)).toBe('runner');
  });

  test.each([
    ['of another CA', async () => ({ ...issue(theirs), ca: issue(ours).ca })],
    ['and no certificate', async () => ({ ...issue(ours), cert: '', key: '' })],
  ])('an api with a certificate %s gets nowhere', async (_what, identity) => {
    await using runner = await TestRunner.listen(address, { tls: issue(ours) });
    const { connection, next } = connect(address, await identity());
    await using _connection = connection;
    await next('runner lost');
    expect(runner.sockets).toEqual([]);
    expect(connection.isServing).toBe(false);
  });

  test.each([
    ['of another CA', async () => issue(theirs), 'self-signed certificate|unable to (get|verify)'],
    ['for another host', async () => issue(ours, 'runner.example.com'), 'altnames'],
  ])('a runner with a certificate %s gets no call', async (_what, identity, reason) => {
    const shown = await identity();
    await using _runner = await TestRunner.listen(address, { tls: { ...shown, ca: issue(ours).ca } });
    const { connection, next } = connect(address, issue(ours));
    await using _connection = connection;
    expect((await next('runner lost'))['reason']).toMatch(new RegExp(reason));
    expect(connection.isServing).toBe(false);
  });

  test('without a certificate of its own an api does not even try', async () => {
    await using runner = await TestRunner.listen(address, { tls: issue(ours) });
    const { connection, next } = connect(address, null);
    await using _connection = connection;
    await next('runner cannot be opened');
    expect((await connection.state()).reason).toContain('needs a certificate, a key and a CA');
    expect(runner.sockets).toEqual([]);
  });
});

describe('a group of runners', () => {
  test('uses those that serve', async () => {
    const [there, gone] = [socketAt('there'), socketAt('gone')];
    await using _runner = await TestRunner.listen(there, { name: 'there' });
    const first = connect(gone);
    const second = connect(there);
    await second.next('runner connected');
    await using group = new RunnerGroup([first.connection, second.connection]);
    expect(await resultOf(group)).toBe('there');
    expect((await group.state()).map(({ state, name }) => [name, state])).toEqual([
      [`unix:${gone.path}`, 'down'],
      [`unix:${there.path}`, 'ok'],
    ]);
  });
});

test('an opener that fails at once is tried again', async () => {
  let attempts = 0;
  const reasons: string[] = [];
  const address = socketAt('retried');
  await using _runner = await TestRunner.listen(address);
  const connected = Promise.withResolvers<void>();
  const connection = RunnerConnection.startInBackground({
    opener: {
      identity: 'service',
      name: 'flaky',
      outlivesApi: () => true,
      open() {
        attempts += 1;
        if (attempts < 3) throw new Error('spawn EMFILE');
        return remoteRunner(address, null).open();
      },
    },
    revision: async () => revision,
    logger: {
      info: () => connected.resolve(),
      warn: (fields) => reasons.push((fields as { reason: string }).reason),
    },
    onLost: () => {},
  });
  await using _connection = connection;
  await connected.promise;
  expect(attempts).toBe(3);
  expect(reasons).toEqual(['spawn EMFILE', 'spawn EMFILE']);
});

describe('addresses', () => {
  test.each(['unix:/run/sallyport/runner.sock', 'tls://runner:7000', 'tls://[::1]:7000', 'tls://10.0.0.1:1'])(
    '%s',
    (text) => {
      expect(parseRunnerAddress(text)).toBeTruthy();
    },
  );
  test.each([
    'unix:relative',
    'tcp://runner:1',
    'tls://runner',
    'tls://runner:0',
    'tls://runner:70000',
    'tls://a b:1',
  ])('%s is refused', (text) => {
    expect(() => parseRunnerAddress(text)).toThrow('must be unix:/path or tls://host:port');
  });
  test('a socket path that the kernel would cut is refused', () => {
    expect(() => parseRunnerAddress(`unix:/${'a'.repeat(107)}`)).toThrow('more than 107 bytes');
  });
});
