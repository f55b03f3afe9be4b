import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';

import { Engine } from '../../../src/execution/container/engine.ts';
import { listImages } from '../../../src/execution/container/images.ts';
import type { ExecutionFrame } from '../../../src/execution/executor.ts';
import {
  buildImages,
  call,
  collect,
  countContainers,
  dockerHost,
  generousLimits,
  imagesDirectory,
  openExecutor,
  profileOf,
  requestOf,
} from '../../support/container-calls.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'sallyport-engine-'));
const never = new AbortController().signal;
let cleanup = new AsyncDisposableStack();
beforeAll(async () => await buildImages('shell'), 600_000);
afterEach(async () => {
  await cleanup.disposeAsync();
  cleanup = new AsyncDisposableStack();
});
afterAll(() => rmSync(folder, { recursive: true }));

const open = (changes: Parameters<typeof openExecutor>[0] = {}): ReturnType<typeof openExecutor> =>
  cleanup.use(openExecutor(changes));

test('without an engine, health and calls say what to do', async () => {
  const executor = open({ dockerHost: 'unix:///nowhere/docker.sock' });
  const words =
    'no container engine answers at unix:///nowhere/docker.sock: start Docker, run ./scripts/setup-docker, or set DOCKER_HOST';
  expect(await executor.health()).toEqual({
    kind: 'container',
    state: 'down',
    confinement: 'none',
    reason: words,
  });
  await expect(call(executor, 'shell', { script: 'echo' })).rejects.toMatchObject({
    name: 'NotStarted',
    code: 'runtime_unavailable',
    message: words,
  });
});

test('with an engine, health is ok and names the confinement', async () => {
  const health = await open().health();
  expect(health.state).toBe('ok');
  expect(health.confinement).toBe('runc, seccomp, no network, read-only, uid 65534');
});

test('an address of another kind is refused', () => {
  expect(() => new Engine('ssh://host')).toThrow('unix:///path/to/socket or tcp://host:port is supported');
});

test('an image that is not built, or was changed since, is named with its command', async () => {
  const changed = path.join(folder, 'images');
  cpSync(imagesDirectory, changed, { recursive: true });
  writeFileSync(path.join(changed, 'shell', 'new'), '');
  const executor = open({ imagesDirectory: changed });
  await expect(call(executor, 'shell', { script: 'echo' })).rejects.toMatchObject({
    code: 'runtime_unavailable',
    message: 'image shell is not built: run `sallyport images build shell`',
  });
  expect((await executor.health()).reason).toContain('images not built:');
});

test('an image by digest runs when it is there, and is named when it is not', async () => {
  const executor = open();
  const local = (await listImages(new Engine(dockerHost), imagesDirectory)).find(
    (image) => image.folder === 'shell',
  );
  const image = (reference: string) => ({
    image: { name: 'pinned', source: { from: 'digest' as const, reference }, entry: 'script' as const },
  });
  const seen = await call(executor, 'shell', { script: 'echo pinned' }, image(local?.imageId ?? ''));
  expect(seen.stdout).toBe('pinned\n');
  const other = open();
  const unknown = `sha256:${'0'.repeat(64)}`;
  await expect(call(other, 'shell', { script: 'echo' }, image(unknown))).rejects.toMatchObject({
    code: 'runtime_unavailable',
    message: `image pinned is not on this engine: run \`docker pull ${unknown}\``,
  });
});

test('files that cannot be placed refuse the call before anything starts', async () => {
  const seen = await call(open(), 'shell', { script: 'echo', files: [{ path: '../x', text: '' }] });
  expect(seen.types).toEqual(['usage', 'exit']);
  expect(seen.exit).toMatchObject({ reason: 'threw', error: { name: 'RequestRefused' } });
});

test('a call that is cancelled before it starts, starts nothing', async () => {
  const seen = await collect(
    open().run(requestOf(profileOf('shell'), { script: 'echo' }), AbortSignal.abort()),
  );
  expect(seen.types).toEqual(['usage', 'exit']);
  expect(seen.exit.reason).toBe('cancelled');
});

test('a running call that is cancelled ends as cancelled', async () => {
  const controller = new AbortController();
  const request = requestOf(profileOf('shell'), { script: 'echo on; sleep 1000' });
  const frames: ExecutionFrame[] = [];
  for await (const frame of open().run(request, controller.signal)) {
    frames.push(frame);
    if (frame.type === 'stdout') controller.abort();
  }
  expect(frames.map((frame) => frame.type)).toEqual(['started', 'stdout', 'usage', 'exit']);
  expect(frames.at(-1)).toEqual({ type: 'exit', reason: 'cancelled', error: null });
});

test('disposing ends running calls as cancelled and leaves no container', async () => {
  const instance = `test-dispose-${process.pid}`;
  const executor = openExecutor({ instance });
  const ends: unknown[] = [];
  for await (const frame of executor.run(
    requestOf(profileOf('shell'), { script: 'echo on; sleep 1000' }),
    never,
  )) {
    if (frame.type === 'stdout') void executor[Symbol.asyncDispose]();
    if (frame.type === 'exit') ends.push(frame.reason);
  }
  await executor[Symbol.asyncDispose]();
  expect(ends).toEqual(['cancelled']);
  expect(await countContainers(instance)).toBe(0);
});

test('a reader that leaves early leaves no container behind', async () => {
  const instance = `test-leaver-${process.pid}`;
  const executor = openExecutor({ instance });
  for await (const frame of executor.run(requestOf(profileOf('shell'), { script: 'yes' }), never)) {
    if (frame.type === 'stdout') break;
  }
  await executor[Symbol.asyncDispose]();
  expect(await countContainers(instance)).toBe(0);
});

test('a reader that stalls makes the sandbox wait, not the memory grow; the deadline still ends it', async () => {
  const executor = open();
  const profile = profileOf('shell', { limits: { ...generousLimits, timeoutMs: 1000, logBytes: 1e12 } });
  const stalled = executor.run(requestOf(profile, { script: 'yes' }), never);
  await stalled.next();
  await stalled.next();
  await call(executor, 'shell', { script: 'sleep 2' });
  const { exit, usage } = await collect(stalled);
  expect(exit.reason).toBe('timed_out');
  expect(usage.outputBytes).toBeLessThan(4 * 1024 * 1024);
});

test('calls beyond the running and waiting ones are refused as overloaded', async () => {
  const executor = open({ concurrentCallsMax: 1, waitingCallsMax: 1 });
  const first = executor.run(requestOf(profileOf('shell'), { script: 'sleep 1000' }), never);
  await first.next();
  const controller = new AbortController();
  const second = collect(executor.run(requestOf(profileOf('shell'), { script: 'echo' }), controller.signal));
  await expect(call(executor, 'shell', { script: 'echo' })).rejects.toMatchObject({ code: 'overloaded' });
  controller.abort();
  expect((await second).exit.reason).toBe('cancelled');
  await first.return();
});

/** A way to the real engine that can be cut. */
async function openWire(): Promise<{ address: string; cut: () => void }> {
  const target = (dockerHost ?? 'unix:///var/run/docker.sock').replace('unix://', '');
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const far = createConnection({ path: target, allowHalfOpen: true });
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => {});
    }
    near.pipe(far).pipe(near);
  });
  const address = path.join(folder, 'wire.sock');
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(address, resolve);
  await promise;
  const cut = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  cleanup.defer(cut);
  return { address: `unix://${address}`, cut };
}

test('a call whose engine is lost in the middle is Lost, and its processes end all the same', async () => {
  const instance = `test-lost-${process.pid}`;
  const wire = await openWire();
  const executor = openExecutor({ dockerHost: wire.address, instance });
  const request = requestOf(profileOf('shell'), { script: 'echo on; sleep 1000' });
  const read = async (): Promise<void> => {
    for await (const frame of executor.run(request, never)) if (frame.type === 'stdout') wire.cut();
  };
  await expect(read()).rejects.toMatchObject({ name: 'Lost' });
  await executor[Symbol.asyncDispose]();
  const [container] = await new Engine(dockerHost).docker.listContainers({
    all: true,
    filters: { label: [`sallyport.instance=${instance}`] },
  });
  await new Engine(dockerHost).docker.getContainer(container?.Id ?? '').wait();
  const successor = openExecutor({ instance });
  await successor[Symbol.asyncDispose]();
  expect(await countContainers(instance)).toBe(0);
});
