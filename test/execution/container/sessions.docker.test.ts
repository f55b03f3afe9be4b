/** Sessions in real containers: what is kept between calls, what ends them, and what their files cannot be tricked into. */
import { randomUUID } from 'node:crypto';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';

import { NotStarted } from '../../../src/execution/executor.ts';
import type { ContainerProfile } from '../../../src/execution/executor.ts';
import type { SessionRequest } from '../../../src/execution/sessions.ts';
import { sessionEndReasons } from '../../../src/model/session.ts';
import type { SessionEndReason } from '../../../src/model/session.ts';
import {
  buildImages,
  collect,
  countContainers,
  openExecutor,
  requestOf,
} from '../../support/container-calls.ts';
import type { ShippedImage } from '../../support/container-calls.ts';
import { Subject, owner, sessionProfile } from '../../support/held-session.ts';

let cleanup = new AsyncDisposableStack();
beforeAll(async () => await buildImages('python', 'node', 'shell'), 600_000);
afterEach(async () => {
  await cleanup.disposeAsync();
  cleanup = new AsyncDisposableStack();
});

async function open(image: ShippedImage, changes: Partial<SessionRequest> = {}): Promise<Subject> {
  const instance = `test-${randomUUID()}`;
  const executor = cleanup.use(openExecutor({ instance }));
  cleanup.defer(async () => {
    await executor[Symbol.asyncDispose]();
    expect(await countContainers(instance)).toBe(0);
  });
  return await new Subject(executor, sessionProfile(image)).open(changes);
}

describe('what a session keeps', () => {
  test('Python: variables, functions and imports, and a `result` only from the call that sets it', async () => {
    const session = await open('python');
    expect(
      (await session.run({ code: 'import math\nx = 41\ndef f(): return x + 1\nresult = "first"' })).result,
    ).toBe('first');
    expect((await session.run({ code: 'f()' })).result).toBe(42);
    expect((await session.run({ code: 'result' })).result).toBe('first');
    expect((await session.run({ code: 'math.pi > 3\nresult = "first"' })).result).toBe('first');
    expect(await session.run({ code: '1/0' })).toMatchObject({ exit: { reason: 'threw' } });
    expect((await session.run({ code: 'print("kept", x)' })).stdout).toBe('kept 41\n');
  });

  test('Node: what is global, whether a call is a body or a module; a stray exception costs one call', async () => {
    const session = await open('node');
    expect((await session.run({ code: 'globalThis.n = 1; counter = 5; return n' })).result).toBe(1);
    expect((await session.run({ code: 'export default () => ++globalThis.n' })).result).toBe(2);
    expect((await session.run({ code: 'export default () => ++globalThis.n' })).result).toBe(3);
    const stray = await session.run({
      code: 'setTimeout(() => { throw new Error("stray") }); await new Promise(() => {})',
    });
    expect(stray.exit).toMatchObject({ reason: 'threw', error: { message: 'stray' } });
    const stuck = await session.run({ code: 'await new Promise(() => {})' });
    expect(stuck.exit.error?.message).toContain('can never happen');
    expect((await session.run({ code: 'return counter' })).result).toBe(5);
  });

  test('shell: /work, and nothing that was left running', async () => {
    const session = await open('shell');
    await session.run({ script: 'echo one > note; (while :; do echo no >> loop; done) & exit 3' });
    const second = await session.run({ script: 'cat note; ls /proc | grep -c "^[0-9]"' });
    // Its supervisor, the shell, ls and grep.
    expect(second.stdout).toMatch(/^one\n[34]\n$/);
  });

  test('artifacts are those that a call changed, however soon it comes after the one before', async () => {
    const session = await open('python');
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) {
      const put = await session.run({ code: `open("out/${name}.txt", "w").write("${name}")` });
      expect(put.artifacts).toEqual({ [`${name}.txt`]: name });
      expect((await session.run({ code: `open("out/${name}.txt").read()` })).artifacts).toEqual({});
      await session.file({ kind: 'put', path: `out/${name}.put`, data: Buffer.from('put') });
    }
    expect((await session.run({ code: 'open("out/a.txt", "a").write("!")' })).artifacts).toEqual({
      'a.txt': 'a!',
    });
  });

  test('files of a call replace those of the one before', async () => {
    const session = await open('python');
    const args = { code: 'open("d/in.txt").read()', files: [{ path: 'd/in.txt', text: 'one' }] };
    expect((await session.run(args)).result).toBe('one');
    expect((await session.run({ ...args, files: [{ path: 'd/in.txt', text: 'two' }] })).result).toBe('two');
    const stuck = await session.run({ ...args, files: [{ path: 'd', text: 'x' }] });
    expect(stuck.exit.error).toMatchObject({
      name: 'RequestRefused',
      message: expect.stringContaining('no_file'),
    });
    expect((await session.run({ code: '1' })).result).toBe(1);
  });

  test('usage is that of the call alone', async () => {
    const session = await open('python');
    const busy = await session.run({
      code: 'import time\nend = time.process_time() + 0.5\nwhile time.process_time() < end: pass',
    });
    const idle = await session.run({ code: '1' });
    expect(busy.usage.cpuMs).toBeGreaterThanOrEqual(500);
    expect(idle.usage.cpuMs).toBeLessThan(250);
  });
});

describe('between two calls', () => {
  test('nothing of the code runs: threads and processes stop, and go on with the next call', async () => {
    const session = await open('python');
    const code = [
      'import threading, subprocess, os',
      'ticks = 0',
      'def tick():',
      '    global ticks',
      '    while True: ticks += 1',
      'threading.Thread(target=tick, daemon=True).start()',
      'loop = subprocess.Popen(["sh", "-c", "while :; do :; done"])',
    ].join('\n');
    await session.run({ code });
    // A file operation looks at the processes of a container in which nothing may run.
    const stat = await session.run({ code: 'ticks > 0, open(f"/proc/{loop.pid}/stat").read().split()[2]' });
    expect(stat.result).toEqual([true, expect.stringMatching(/[RS]/)]);
    expect(await session.read('none')).toBe('not_found');
    expect((await session.run({ code: 'loop.kill()' })).exit.reason).toBe('completed');
  });

  test('what will not be stopped ends the session', async () => {
    const session = await open('python');
    const code = [
      'import os, signal',
      'for _ in range(3):',
      '    if os.fork() == 0:',
      '        while True: os.kill(-1, signal.SIGCONT)',
      'os.kill(os.getpid(), 0)',
    ].join('\n');
    const seen = await session.run({ code });
    expect(['completed', 'crashed']).toContain(seen.exit.reason);
    if (seen.exit.reason === 'completed') expect((await session.run({ code: '1' })).exit).toBeDefined();
  });
});

describe('files', () => {
  test('are put whole, read, listed and removed', async () => {
    const session = await open('python');
    const big = Buffer.alloc(300_000, 'x');
    expect(await session.file({ kind: 'put', path: 'data/"big".bin', data: big })).toMatchObject({
      kind: 'done',
    });
    expect((await session.read('data/"big".bin')).length).toBe(300_000);
    await session.file({ kind: 'put', path: 'data/"big".bin', data: Buffer.from('small') });
    expect(await session.read('data/"big".bin')).toBe('small');
    expect((await session.run({ code: 'open(\'data/"big".bin\').read()' })).result).toBe('small');
    await session.file({ kind: 'put', path: 'b', data: Buffer.alloc(0) });
    const list = await session.file({ kind: 'list', prefix: 'da' });
    expect(list).toMatchObject({ files: [{ path: 'data/"big".bin', sizeBytes: 5 }], dropped: 0 });
    expect(await session.file({ kind: 'remove', path: 'b' })).toMatchObject({ kind: 'done' });
    expect(await session.read('b')).toBe('not_found');
    expect(await session.file({ kind: 'list', prefix: '' })).toMatchObject({
      files: [{ path: 'data/"big".bin' }],
    });
  });

  test('no link, pipe, folder or path out of /work is followed or waited for', async () => {
    const session = await open('python');
    const code = [
      'import os, socket',
      'os.symlink("/proc/self/fd/1", "stdout")',
      'os.symlink("/proc/1/environ", "environ")',
      'os.symlink("/etc", "etc")',
      'os.mkdir("folder")',
      'os.mkfifo("pipe")',
      's = socket.socket(socket.AF_UNIX); s.bind("socket")',
    ].join('\n');
    expect((await session.run({ code })).exit).toMatchObject({ reason: 'completed' });
    for (const path of ['stdout', 'environ', 'etc', 'etc/passwd', 'folder', 'pipe', 'socket', 'pipe/x'])
      expect([path, await session.read(path)]).toEqual([path, 'no_file']);
    for (const path of ['../etc/passwd', '/etc/passwd', 'folder//b', './a', ''])
      expect([path, await session.read(path)]).toEqual([path, 'no_file']);
    expect(await session.file({ kind: 'put', path: 'etc/x', data: Buffer.from('x') })).toMatchObject({
      error: 'no_file',
    });
    expect(await session.file({ kind: 'put', path: 'folder', data: Buffer.from('x') })).toMatchObject({
      error: 'no_file',
    });
    expect(await session.file({ kind: 'put', path: 'stdout', data: Buffer.from('x') })).toMatchObject({
      kind: 'done',
    });
    expect(await session.read('stdout')).toBe('x');
    expect(await session.file({ kind: 'list', prefix: '' })).toMatchObject({ files: [{ path: 'stdout' }] });
  });

  test('a file above the cap, or without room, is refused, and the session goes on', async () => {
    const session = await open('python');
    await session.run({ code: 'open("big", "wb").write(b"x" * 3000000)' });
    expect(await session.read('big')).toBe('too_large');
    const tooMuch = await session.file({ kind: 'put', path: 'more', data: Buffer.alloc(70_000_000) });
    expect(tooMuch).toMatchObject({ kind: 'refused', error: 'no_room' });
    expect(await session.file({ kind: 'list', prefix: '' })).toMatchObject({ files: [{ path: 'big' }] });
  });
});

describe('a session ends', () => {
  test.each<[string, SessionEndReason, object, Partial<ContainerProfile['limits']>]>([
    ['at the deadline of a call', 'timed_out', { code: 'while True: pass' }, { timeoutMs: 300 }],
    ['when memory runs out', 'out_of_memory', { code: 'x = bytearray(400_000_000)' }, {}],
    ['when the result is too large', 'output_limit', { code: '"x" * 500_000' }, { outputBytes: 1000 }],
    [
      'with its interpreter',
      'interpreter_ended',
      { code: 'import os\nos.write(4, b\'{"ok":true,"value":1}\')\nos._exit(0)' },
      {},
    ],
    ['when the interpreter dies', 'crashed', { code: 'import os\nos.abort()' }, {}],
  ])('%s', async (_how, reason, args, limits) => {
    const session = await open('python');
    const { profile } = session;
    await session.run(args, { ...profile, limits: { ...profile.limits, ...limits } });
    expect(await session.ended).toBe(reason);
    await expect(session.run({ code: '1' })).rejects.toMatchObject({ code: 'session_ended' });
    expect(sessionEndReasons).toContain(reason);
  });

  test.each([
    ['process.exit(0)', 'completed'],
    ['process.exit(3)', 'threw'],
    [
      'process.on("exit", () => require("fs").writeFileSync("/work/out/last.txt", "kept")); process.exit(0)',
      'completed',
    ],
  ])('with a call that leaves the interpreter: %s', async (code, reason) => {
    const session = await open('node');
    const run = await session.run({ code });
    expect(run.exit.reason).toBe(reason);
    expect(Object.keys(run.artifacts)).toEqual(code.includes('last.txt') ? ['last.txt'] : []);
    expect(await session.ended).toBe('interpreter_ended');
    await expect(session.run({ code: '1' })).rejects.toMatchObject({ code: 'session_ended' });
  });

  test('when it is idle for too long, when its time is over, and when it is closed', async () => {
    expect(await (await open('shell', { idleMs: 50 })).ended).toBe('idle');
    expect(await (await open('shell', { lifetimeMs: 50 })).ended).toBe('lifetime');
    const closed = await open('shell');
    await closed.executor.sessions.close(closed.id, { ...owner, principal: 'eve' });
    expect(closed.executor.sessions.check(closed.id, owner)).toBe(true);
    await closed.executor.sessions.close(closed.id, owner);
    expect(await closed.ended).toBe('deleted');
  });

  test('under the call that runs in it, which is then cancelled', async () => {
    const session = await open('shell');
    const running = session.run({ script: 'while :; do :; done' });
    await expect(session.run({ script: ':' })).rejects.toMatchObject({ code: 'session_busy' });
    await session.executor.sessions.close(session.id, owner);
    expect((await running).exit.reason).toBe('cancelled');
    expect(await session.ended).toBe('deleted');
  });
});

describe('a call is refused before it runs', () => {
  test('by another owner, another image, and limits that the container is above', async () => {
    const session = await open('shell');
    const { executor, profile } = session;
    const foreign = {
      ...requestOf(profile, { script: ':' }),
      principal: 'eve',
      session: { id: session.id, runner: '' },
    };
    await expect(collect(executor.run(foreign, new AbortController().signal))).rejects.toThrow(NotStarted);
    await expect(session.run({ code: '1' }, sessionProfile('python'))).rejects.toMatchObject({
      code: 'session_image_mismatch',
    });
    const small = { ...profile, limits: { ...profile.limits, memoryMiB: 64 } };
    await expect(session.run({ script: ':' }, small)).rejects.toMatchObject({
      code: 'session_image_mismatch',
      message: expect.stringContaining('memoryMiB 64'),
    });
    expect((await session.run({ script: ':' })).exit.reason).toBe('completed');
  });
});
