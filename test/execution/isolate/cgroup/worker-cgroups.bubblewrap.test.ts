/** Cgroups of the kernel that runs here, in the version that it has: needs root. */
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, readdirSync, readlinkSync, rmdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WorkerCgroups, tasksMax } from '../../../../src/execution/isolate/cgroup/worker-cgroups.ts';
import { spawnWorker } from '../../../../src/execution/isolate/spawn-worker.ts';

const mib = 1024 * 1024;
let cgroups: WorkerCgroups;
beforeEach(() => {
  cgroups = WorkerCgroups.open();
});
afterEach(async () => await cgroups[Symbol.asyncDispose]());

/** Folders of the group, from a worker's own. */
function foldersOf(joinFiles: readonly string[]): string[] {
  return joinFiles.map(dirname);
}

function content(folder: string, ...names: readonly string[]): string {
  const name = names.find((candidate) => existsSync(join(folder, candidate)));
  return name === undefined ? '' : readFileSync(join(folder, name), 'utf8').trim();
}

describe('this host', () => {
  test('gives both controllers', () => {
    expect(cgroups.objections).toEqual({ memory: null, pids: null });
  });
});

describe('a worker', () => {
  test('is in its cgroups before it executes anything', async () => {
    const worker = spawnWorker('/bin/sh', ['-c', 'cat /proc/self/cgroup >&3'], { cgroups });
    expect(
      (await text(worker.channel)).match(/sallyport-isolates-[\d-]+\/w1/g)?.length,
    ).toBeGreaterThanOrEqual(1);
    await worker.ended;
  });

  test('gets an empty environment, whatever the shell would add', async () => {
    const worker = spawnWorker('/bin/sh', ['-c', 'tr "\\0" "\\n" </proc/$$/environ >&3'], { cgroups });
    expect(await text(worker.channel)).toBe('');
    await worker.ended;
  });

  test('has limits of memory, of memory with swap, and of tasks, as the kernel says', () => {
    const cgroup = cgroups.create();
    const [memory = '', pids = memory] = foldersOf(cgroup?.joinFiles ?? []);
    expect(content(memory, 'memory.limit_in_bytes', 'memory.max')).toBe(`${512 * mib}`);
    expect(content(memory, 'memory.memsw.limit_in_bytes', 'memory.swap.max')).toMatch(/^(536870912|0)$/);
    expect(content(memory, 'memory.swappiness')).toMatch(/^0?$/);
    expect(content(pids, 'pids.max')).toBe(String(tasksMax));
    cgroup?.memory?.startCall(64 * mib);
    expect(content(memory, 'memory.limit_in_bytes', 'memory.max')).toBe(`${64 * mib}`);
    expect(content(memory, 'memory.memsw.limit_in_bytes', 'memory.swap.max')).toMatch(/^(67108864|0)$/);
    cgroup?.memory?.close();
    cgroup?.remove();
  });

  test('has a lower weight for the processor while its call runs for long', async () => {
    const worker = spawnWorker('/bin/sh', ['-c', 'cat /proc/self/cgroup >&3; read line <&3'], { cgroups });
    const [chunk] = (await once(worker.channel, 'data')) as [Buffer];
    const [, controllers, first] = /^\d+:(cpu|cpu,cpuacct):(\S+)$/m.exec(chunk.toString()) ?? [];
    const [, second = ''] = /^0::(\S+)$/m.exec(chunk.toString()) ?? [];
    const folder = join('/sys/fs/cgroup', controllers ?? '', first ?? second);
    const weights = (): string[] =>
      [folder, dirname(folder)].map((each) => content(each, 'cpu.shares', 'cpu.weight'));
    const [normal, low] =
      first === undefined
        ? [
            ['100', '100'],
            ['13', '100'],
          ]
        : [
            ['1024', '1024'],
            ['128', '1024'],
          ];
    expect(folder).toContain('/sallyport-isolates-');
    expect(weights()).toEqual(normal);
    worker.weigh?.('long');
    expect(weights()).toEqual(low);
    worker.weigh?.('short');
    expect(weights()).toEqual(normal);
    const spare = (): string[] => [folder, dirname(folder)].map((each) => content(each, 'cpu.idle'));
    worker.weigh?.('spare');
    expect(spare()).toEqual(['1', '1']);
    worker.weigh?.('long');
    expect(spare()).toEqual(['0', '0']);
    expect(weights()).toEqual(low);
    worker.weigh?.('spare');
    worker.weigh?.('short');
    expect(weights()).toEqual(normal);
    worker.channel.end();
    await worker.ended;
  });

  test('that takes more than its memory is ended by the kernel, and that is seen', async () => {
    // Bounded: without its cgroup it must turn this test red, not take the machine.
    const greedy = 'const held = []; for (let i = 0; i < 2048; i++) held.push(Buffer.alloc(1 << 20, 1));';
    const worker = spawnWorker(process.execPath, ['-e', greedy], { cgroups });
    worker.channel.resume();
    expect(await worker.ended).toMatchObject({ cause: 'out_of_memory' });
    expect(worker.memory?.peakGrowthBytes()).toBeGreaterThan(400 * mib);
  });

  test('that merely dies did not run out of memory', async () => {
    const worker = spawnWorker('/bin/sh', ['-c', 'kill -9 $$'], { cgroups });
    worker.channel.resume();
    expect(await worker.ended).toMatchObject({ cause: 'ended', how: 'signal SIGKILL' });
  });

  test('cannot start more tasks than it may', async () => {
    const forking = 'i=0; while [ $i -lt 500 ]; do sleep 60 & i=$((i+1)); done';
    const worker = spawnWorker('/bin/sh', ['-c', forking], { cgroups });
    worker.channel.resume();
    expect((await worker.ended).lastWords).toContain('annot fork');
  });

  test('takes its cgroups along when it goes, with what it had left in another process group', async () => {
    // Said once it is in a session of its own, where the kill of the worker's group does not reach it.
    const leaving = 'setsid sh -c "echo >&3; exec sleep 60 2>&- 3>&-" & wait $!';
    const worker = spawnWorker('/bin/sh', ['-c', leaving], { cgroups });
    await new Promise((resolve) => worker.channel.once('data', resolve));
    worker.kill();
    await worker.ended;
    await cgroups[Symbol.asyncDispose]();
    expect(groupsOfThisProcess()).toEqual([]);
  });

  test('is not started outside of a cgroup when there can be none any more', async () => {
    await cgroups[Symbol.asyncDispose]();
    const worker = spawnWorker('/bin/sh', ['-c', 'echo ran >&3'], { cgroups });
    expect(await text(worker.channel)).toBe('');
    expect((await worker.ended).lastWords).toContain('no cgroup for a worker');
  });
});

describe('the sweep at start', () => {
  test('removes what a runner that is no more left, and nothing of one that lives', async () => {
    const cgroup = cgroups.create();
    const [folder = ''] = foldersOf(cgroup?.joinFiles ?? []);
    const group = dirname(folder);
    const namespace = /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0];
    // A number above PID_MAX_LIMIT, and this process with another start time.
    const left = [`4194305-1-0`, `${process.pid}-1-0`].map((owner) =>
      join(dirname(group), `sallyport-isolates-${namespace}-${owner}`),
    );
    const foreign = join(dirname(group), `sallyport-isolates-1-${process.pid}-1-0`);
    for (const leftover of left) mkdirSync(join(leftover, 'w7'), { recursive: true });
    mkdirSync(foreign);
    await WorkerCgroups.open()[Symbol.asyncDispose]();
    const areThere = [...left, foreign, group].map(existsSync);
    rmdirSync(foreign);
    expect(areThere).toEqual([false, false, true, true]);
    cgroup?.memory?.close();
    cgroup?.remove();
    expect(basename(group)).toContain(String(process.pid));
  });
});

function groupsOfThisProcess(): string[] {
  const mine = readFileSync('/proc/self/cgroup', 'utf8');
  const memory = /^\d+:memory:(.*)$/m.exec(mine)?.[1];
  const base =
    memory === undefined
      ? `/sys/fs/cgroup${/^0::(.*)$/m.exec(mine)?.[1] ?? ''}`
      : `/sys/fs/cgroup/memory${memory}`;
  return readdirSync(base).filter((name) => name.includes(`-${process.pid}-`));
}
