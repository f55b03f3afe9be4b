/** What a container keeps an isolate worker from, seen from inside and from outside. */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { appendFileSync, cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import type { ContainerCreateOptions } from 'dockerode';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { AttachedContainer } from '../../../src/execution/container/attached-container.ts';
import { ContainedWorker } from '../../../src/execution/container/contained-worker.ts';
import { Engine } from '../../../src/execution/container/engine.ts';
import { workerContainerSpec } from '../../../src/execution/container/host-config.ts';
import { findPlanned } from '../../../src/execution/container/images.ts';
import { labels } from '../../../src/execution/container/sweep.ts';
import { planWorkerImage } from '../../../src/execution/container/worker-image.ts';
import { Lost } from '../../../src/execution/executor.ts';
import { locateAddon } from '../../../src/execution/isolate/addon.ts';
import { workerProgram } from '../../../src/execution/isolate/confinement.ts';
import { testConfinement } from '../../../src/execution/isolate/self-test.ts';
import { WorkerProcess } from '../../../src/execution/isolate/worker-process.ts';
import type { WorkerExit } from '../../../src/execution/isolate/worker-process.ts';
import {
  countContainers,
  dockerHost,
  imagesDirectory,
  openExecutor,
  silentLogger,
} from '../../support/container-calls.ts';
import {
  buildWorkerImage,
  createContainedExecutor,
  engine,
  openConfinement,
  workerPidsOf,
} from '../../support/contained-isolates.ts';
import { EngineWay } from '../../support/engine-way.ts';
import { gone } from '../../support/processes.ts';
import { limits, runTool } from '../isolate/support.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'contained-'));
const addonPath = locateAddon().path;
const shape = { memoryMiB: 256, cpus: 1, pids: 64, engineRuntime: 'runc' as const };

beforeAll(async () => await buildWorkerImage(), 600_000);
afterAll(() => rmSync(folder, { recursive: true }));

async function currentImage(): Promise<string> {
  const plan = planWorkerImage(imagesDirectory, (await engine.facts()).architecture);
  return (await findPlanned(engine, plan)).imageId ?? '';
}

/** Of a worker's container whose Node runs this instead of the worker, without the permission model. */
async function containerSpec(code: string, instance: string): Promise<ContainerCreateOptions> {
  const imageId = await currentImage();
  const placement = {
    imageId,
    cgroupParent: '/sallyport',
    labels: { [labels.instance]: instance, [labels.call]: 'worker_test' },
  };
  return workerContainerSpec(shape, placement, ['--no-warnings', '-e', code]);
}

async function launchInstead(code: string, instance: string): Promise<ContainedWorker> {
  const spec = await containerSpec(code, instance);
  return new ContainedWorker({
    create: (signal) => AttachedContainer.create(engine, spec, signal, silentLogger),
    startTimeoutMs: 20_000,
  });
}

/** What the code in the container writes to its stdout, to its end. */
async function outputOf(code: string): Promise<string> {
  const worker = await launchInstead(code, `test-inside-${randomUUID()}`);
  let output = '';
  worker.channel.on('data', (chunk: Buffer) => (output += chunk.toString()));
  await worker.removed;
  return output;
}

const attempt = `const attempt = (what) => { try { what(); return 'done'; } catch (error) { return error.code ?? error.message; } };
  const fs = require('node:fs');`;

describe('the container alone, without Node’s permission model', () => {
  test('nothing in it can be written', async () => {
    const places = [
      '/probe',
      '/tmp/probe',
      '/dev/probe',
      '/dev/shm/probe',
      '/opt/sallyport/probe',
      '/run/probe',
    ];
    const code = `${attempt} console.log(JSON.stringify(${JSON.stringify(places)}.map((place) => attempt(() => fs.writeFileSync(place, 'x')))));`;
    const results = JSON.parse(await outputOf(code)) as string[];
    expect(results.filter((result) => !['EROFS', 'ENOENT', 'EACCES'].includes(result))).toEqual([]);
  });

  test('it holds no shell and no file of users', async () => {
    const code = `${attempt}
      const { error } = require('node:child_process').spawnSync('/bin/sh', ['-c', 'true']);
      console.log(JSON.stringify([error?.code, attempt(() => fs.readFileSync('/etc/passwd')), fs.readdirSync('/usr/bin')]));`;
    expect(JSON.parse(await outputOf(code))).toEqual(['ENOENT', 'ENOENT', ['env']]);
  });

  test('it has no network but its own loopback', async () => {
    const code = `console.log(require('node:fs').readdirSync('/sys/class/net').join());`;
    expect(await outputOf(code)).toBe('lo\n');
  });

  test('it runs as nobody, without capabilities, without more to gain, under a filter of system calls', async () => {
    const code = `${attempt} console.log(fs.readFileSync('/proc/self/status', 'utf8'));`;
    const status = await outputOf(code);
    const field = (name: string): string | undefined =>
      new RegExp(`^${name}:\\s+(.*)$`, 'm').exec(status)?.[1];
    expect({
      uid: field('Uid'),
      caps: field('CapBnd'),
      gain: field('NoNewPrivs'),
      filter: field('Seccomp'),
    }).toEqual({
      uid: '65534\t65534\t65534\t65534',
      caps: '0000000000000000',
      gain: '1',
      filter: '2',
    });
  });

  test('its environment is empty', async () => {
    expect(await outputOf('console.log(JSON.stringify(process.env));')).toBe('{}\n');
  });

  test('it cannot start processes without end', async () => {
    const code = `const { spawn } = require('node:child_process');
      const node = () => spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60000)'], { stdio: 'ignore' });
      const failed = new Promise((resolve) => { for (let n = 0; n < 40; n += 1) node().once('error', resolve); });
      failed.then((error) => { console.log(error.code); process.exit(); });`;
    expect(await outputOf(code)).toBe('EAGAIN\n');
  });
});

describe('the confinement', () => {
  test('passes the self-test, and leaves no container', async () => {
    const instance = `test-selftest-${randomUUID()}`;
    {
      await using confinement = await openConfinement({ instance });
      const { missing, objection, protections } = await testConfinement(confinement, addonPath);
      expect(objection).toBe(null);
      expect(protections).toEqual(confinement.protections);
      expect(missing).toEqual(confinement.missing);
    }
    expect(await countContainers(instance)).toBe(0);
  });

  test('is refused without an engine, and says how to get one', async () => {
    const missing = openConfinement({ dockerHost: 'unix:///nonexistent/docker.sock' });
    await expect(missing).rejects.toThrow('no container engine answers at unix:///nonexistent/docker.sock');
  });

  test('is refused when the files of the image have changed since it was built', async () => {
    const changed = path.join(folder, 'changed');
    cpSync(imagesDirectory, changed, { recursive: true });
    appendFileSync(path.join(changed, 'isolate/Dockerfile'), '# changed\n');
    await expect(openConfinement({ imagesDirectory: changed })).rejects.toThrow(
      'run `sallyport images build isolate`',
    );
  });

  test('is refused when an image of other files was given the right name', async () => {
    const changed = path.join(folder, 'renamed');
    cpSync(imagesDirectory, changed, { recursive: true });
    appendFileSync(path.join(changed, 'isolate/Dockerfile'), '# renamed\n');
    const { tag } = planWorkerImage(changed, (await engine.facts()).architecture);
    const [repo, name] = tag.split(':');
    await engine.docker.getImage(await currentImage()).tag({ repo: repo ?? '', tag: name ?? '' });
    try {
      await expect(openConfinement({ imagesDirectory: changed })).rejects.toThrow(
        'is not built from their present files',
      );
    } finally {
      await engine.docker.getImage(tag).remove();
    }
  });
});

describe('a worker in a container', () => {
  test('that takes memory past its container is out of memory, though nobody watched', async () => {
    const code = `const held = []; for (let i = 0; i < 128; i++) held.push(Buffer.alloc(16 * 1024 * 1024, 1));`;
    const worker = await launchInstead(code, `test-memory-${randomUUID()}`);
    expect(await worker.ended).toMatchObject({ cause: 'out_of_memory' });
    await worker.removed;
  });

  test('and a guest that does is told so', async () => {
    await using executor = await createContainedExecutor(`test-guest-${randomUUID()}`, {
      guestMemoryMiBMax: () => 16,
    });
    // The tool's own limit lies far above what its container has: the kernel is the one that ends it.
    const bomb = `export default () => { const held = []; for (;;) held.push(new Uint8Array(1e6).fill(1)); };`;
    const { exit } = await runTool(
      executor,
      bomb,
      {},
      { limits: { ...limits, memoryMiB: 2048, timeoutMs: 20_000 } },
    );
    expect(exit).toMatchObject({ reason: 'out_of_memory', error: null });
  });

  test('that speaks anything but the protocol is killed and removed', async () => {
    const instance = `test-hostile-${randomUUID()}`;
    const launched = await launchInstead(
      `process.stdout.write('x'.repeat(1e6)); setInterval(() => {}, 1000);`,
      instance,
    );
    const { promise, resolve } = Promise.withResolvers<WorkerExit>();
    const worker = new WorkerProcess(launched, { onReady: () => {}, onExit: (_, exit) => resolve(exit) });
    expect((await promise).detail).toMatch(/^broke the protocol: /);
    await worker.exited;
    await launched.removed;
    expect(await countContainers(instance)).toBe(0);
  });

  test('that was told to go before it ran is never started, and leaves nothing', async () => {
    const instance = `test-early-${randomUUID()}`;
    const sinceMs = Date.now();
    const worker = await launchInstead(`console.log('ran')`, instance);
    worker.kill();
    await worker.removed;
    expect(await countContainers(instance)).toBe(0);
    const events = await engine.docker.getEvents({
      since: sinceMs / 1000,
      until: Date.now() / 1000,
      filters: { label: [`${labels.instance}=${instance}`] },
    });
    const seen = (await text(events)).trim().split('\n');
    const actions = seen.map((line) => (JSON.parse(line) as { Action: string }).Action);
    expect(actions.filter((action) => ['create', 'start', 'destroy'].includes(action))).toEqual([
      'create',
      'destroy',
    ]);
  });

  test('ends by itself after kill -9 of its runner, and the next start removes its container', async () => {
    const instance = `test-orphan-${randomUUID()}`;
    const support = new URL('../../support/contained-isolates.ts', import.meta.url).href;
    const program = `
      const { createContainedExecutor } = await import(${JSON.stringify(support)});
      const { runTool } = await import(${JSON.stringify(new URL('../isolate/support.ts', import.meta.url).href)});
      const executor = await createContainedExecutor(${JSON.stringify(instance)});
      await runTool(executor, 'export default () => 1;');
      console.log('served');
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    const filters = { label: [`${labels.instance}=${instance}`] };
    const left = await engine.docker.listContainers({ filters });
    expect(left.length).toBeGreaterThan(0);
    const ends = left.map(({ Id }) => engine.docker.getContainer(Id).wait());
    child.kill('SIGKILL');
    for (const end of (await Promise.all(ends)) as { StatusCode: number }[]) expect(end.StatusCode).toBe(0);
    await using successor = openExecutor({ instance });
    await successor.sweep();
    expect(await countContainers(instance)).toBe(0);
  });

  test('is left alone by sweeps of its runner, and swept when nobody knows it', async () => {
    const instance = `test-sweep-${randomUUID()}`;
    const live = new Set<string>();
    await using executor = openExecutor({ instance, live });
    await using confinement = await openConfinement({ instance, live });
    const worker = confinement.launch(workerProgram(addonPath));
    await once(worker.channel, 'data');
    expect(await executor.sweep()).toBe(0);
    live.clear();
    expect(await executor.sweep()).toBe(1);
    await worker.ended;
  });
});

test('what the engine makes for a caller who has gone meanwhile is removed once it is there', async () => {
  const instance = `test-gone-${randomUUID()}`;
  await using way = await EngineWay.open(folder);
  const slow = new Engine(way.address);
  await slow.facts();
  const spec = await containerSpec('', instance);
  const caller = new AbortController();
  const answer = way.holdAnswers();
  const creating = AttachedContainer.create(slow, spec, caller.signal, silentLogger);
  await answer.given;
  expect(await countContainers(instance)).toBe(1);
  caller.abort();
  answer.letGo();
  await expect(creating).rejects.toBeInstanceOf(Error);
  expect(await countContainers(instance)).toBe(0);
});

test('an engine that is lost in mid-call loses the call, and the worker is killed past it', async () => {
  const instance = `test-lost-${randomUUID()}`;
  await using way = await EngineWay.open(folder);
  const pids = Promise.withResolvers<number[]>();
  const executor = await createContainedExecutor(instance, { dockerHost: way.address });
  const call = runTool(
    executor,
    `export default () => { console.log('on'); for (;;); };`,
    {},
    {
      limits: { ...limits, timeoutMs: 20_000 },
      onFrame: (frame) => {
        if (frame.type !== 'stdout') return;
        pids.resolve(workerPidsOf(instance).finally(() => way.cut()));
      },
    },
  );
  await expect(call).rejects.toBeInstanceOf(Lost);
  const killed = await pids.promise;
  expect(killed.length).toBeGreaterThan(0);
  await executor[Symbol.asyncDispose]();
  await Promise.all(killed.map(gone));
  await using successor = openExecutor({ instance, dockerHost });
  await successor.sweep();
  expect(await countContainers(instance)).toBe(0);
  expect(await new Engine(dockerHost).ping()).toMatchObject({ hasSeccomp: true });
});
