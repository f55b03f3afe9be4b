/**
 * `npm run bench -- containers`: B3, B4 and the containers' part of B10, in pairs A B A B against the engine itself on
 * the same image, medians of the ratios. Nothing here asserts a time. Needs root, an engine and the built images.
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

import { Engine } from '../../src/execution/container/engine.ts';
import { containerSpec } from '../../src/execution/container/host-config.ts';
import { resolveImage } from '../../src/execution/container/images.ts';
import { Sandbox } from '../../src/execution/container/sandbox.ts';
import type { ContainerProfile } from '../../src/execution/executor.ts';
import { residentBytes, startSallyport } from './processes.ts';
import type { Measured } from './processes.ts';

const run = promisify(execFile);
const pairs = Number(process.env['BENCH_PAIRS'] ?? 3);
const hitsPerPair = Number(process.env['BENCH_HITS'] ?? 20);
const missesPerPair = 6;
/** Calls of an isolate tool before anything is timed: the server's code is then compiled, as that of the peer is. */
const warmUpCalls = 400;
const sustainedSeconds = Number(process.env['BENCH_SECONDS'] ?? 15);
const clients = 4;
const code = '6 * 7';
const dockerHost = process.env['DOCKER_HOST'] ?? null;
const imagesDirectory = path.resolve(import.meta.dirname, '../../sandbox-images');
const silent = { info: (): void => {}, warn: (): void => {}, error: (): void => {} };
const engine = new Engine(dockerHost);

/** As the bench's own tool `python` declares it. */
const limits = { timeoutMs: 10_000, memoryMiB: 256, cpus: 1, pids: 32, outputBytes: 1024, logBytes: 1024 };

function profileFor(engineRuntime: ContainerProfile['engineRuntime']): ContainerProfile {
  return {
    kind: 'container',
    tool: 'python',
    limits: { ...limits, artifactBytes: 1024, hostCalls: 0 },
    code: null,
    image: { name: 'python', source: { from: 'local', folder: 'python' }, entry: 'json' },
    engineRuntime,
  };
}

interface Pool {
  readonly size: number;
  readonly target: number;
}

/** Of the tool's pool, by the server's own metrics. */
async function poolOf(server: Measured, engineRuntime: string): Promise<Pool> {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  const value = (name: string): number =>
    Number(
      new RegExp(`^${name}\\{.*engine_runtime="${engineRuntime}".*\\} (\\d+)$`, 'm').exec(text)?.[1] ?? 0,
    );
  return { size: value('sallyport_warm_containers'), target: value('sallyport_warm_containers_wanted') };
}

async function filled(server: Measured, engineRuntime: string): Promise<Pool> {
  for (;;) {
    const pool = await poolOf(server, engineRuntime);
    if (pool.size > 0 && pool.size >= pool.target) return pool;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

interface Timed {
  readonly ms: number;
  readonly isWarm: boolean;
}

async function call(server: Measured, tool: string): Promise<Timed> {
  const startedAt = performance.now();
  const response = await fetch(`${server.url}/v1/calls`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${server.key}` },
    body: JSON.stringify({ tool, args: { code } }),
  });
  const body = (await response.json()) as { status: string; result: unknown; runtime: { warm: boolean } };
  const ms = performance.now() - startedAt;
  if (body.status !== 'succeeded' || body.result !== 42) throw new Error(JSON.stringify(body));
  return { ms, isWarm: body.runtime.warm };
}

/**
 * `docker run --rm` of the same image and code, its interpreter called as anybody would. `bridge` is what it does unless
 * told otherwise; `none` is what our containers have, and saves it a good part.
 */
async function dockerRun(
  imageId: string,
  engineRuntime: string,
  network: 'bridge' | 'none',
): Promise<number> {
  const startedAt = performance.now();
  await run('docker', [
    ...(dockerHost === null ? [] : ['--host', dockerHost]),
    'run',
    '--rm',
    `--runtime=${engineRuntime}`,
    `--network=${network}`,
    '--entrypoint=/usr/bin/python3',
    imageId,
    '-c',
    `print(${code})`,
  ]);
  return performance.now() - startedAt;
}

/** The engine's create + start until the same harness waits; removed outside of the time. */
async function coldStart(profile: ContainerProfile, imageId: string): Promise<number> {
  const startedAt = performance.now();
  const sandbox = await Sandbox.start(engine, specOf(profile, imageId), {
    signal: new AbortController().signal,
    logger: silent,
    onRemoved: () => {},
  });
  const ms = performance.now() - startedAt;
  await sandbox[Symbol.asyncDispose]();
  return ms;
}

function specOf(profile: ContainerProfile, imageId: string): ReturnType<typeof containerSpec> {
  const labels = { 'sallyport.instance': 'bench', 'sallyport.deadline': String(Date.now() + 60_000) };
  return containerSpec(profile, { imageId, cgroupParent: '/sallyport', labels });
}

/** Several at once for a while; returns how many a second. */
async function sustain(one: () => Promise<unknown>, seconds: number): Promise<number> {
  let count = 0;
  const startedAt = performance.now();
  const until = startedAt + seconds * 1000;
  const client = async (): Promise<void> => {
    while (performance.now() < until) {
      await one();
      count++;
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  return count / ((performance.now() - startedAt) / 1000);
}

/** Nothing but create, start and remove, no attach and no harness's word. */
async function engineLoop(profile: ContainerProfile, imageId: string): Promise<void> {
  const container = await engine.docker.createContainer(specOf(profile, imageId));
  await container.start();
  await container.remove({ force: true });
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
const median = (values: readonly number[]): number => quantile(values, 0.5);
const round = (value: number, digits = 2): number => Number(value.toFixed(digits));
const say = (text: string): void => void process.stderr.write(`${text}\n`);

/** Resident memory of what a waiting container is made of, its shim's included. */
function idleMemory(containerId: string, pid: number): object {
  const parent = (of: number): number =>
    Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${of}/status`, 'utf8'))?.[1] ?? 0);
  const group = /^\d+:memory:(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))?.[1];
  const used =
    group === undefined
      ? Number.NaN
      : Number(readFileSync(`/sys/fs/cgroup/memory${group}/memory.usage_in_bytes`, 'utf8'));
  const mib = (bytes: number): number => round(bytes / 1024 ** 2, 1);
  return {
    container: containerId.slice(0, 12),
    cgroupMiB: mib(used),
    shimResidentMiB: mib(residentBytes(parent(pid))),
  };
}

async function benchRuntime(engineRuntime: ContainerProfile['engineRuntime']): Promise<object> {
  const profile = profileFor(engineRuntime);
  const tool = `python_${engineRuntime}`;
  const imageId = await resolveImage(engine, imagesDirectory, profile.image);
  await using server = await startSallyport({
    SALLYPORT_POLICY_DIR: path.join(import.meta.dirname, 'container-policies'),
  });
  for (let index = 0; index < warmUpCalls; index++) await call(server, 'warm_up');
  await filled(server, engineRuntime);
  const rows = [];
  const hits: number[] = [];
  const misses: number[] = [];
  for (let pair = 0; pair < pairs; pair++) {
    const ofPair: number[] = [];
    const peers: number[] = [];
    const withoutNetwork: number[] = [];
    for (let index = 0; index < hitsPerPair; index++) {
      await filled(server, engineRuntime);
      const timed = await call(server, tool);
      if (timed.isWarm) ofPair.push(timed.ms);
      await filled(server, engineRuntime);
      peers.push(await dockerRun(imageId, engineRuntime, 'bridge'));
      await filled(server, engineRuntime);
      withoutNetwork.push(await dockerRun(imageId, engineRuntime, 'none'));
    }
    const cold: number[] = [];
    const missed: number[] = [];
    for (let index = 0; index < missesPerPair; index++) {
      cold.push(await coldStart(profile, imageId));
      missed.push((await call(server, `${tool}_cold`)).ms);
    }
    const ours = await sustain(() => call(server, tool), sustainedSeconds);
    const engines = await sustain(() => engineLoop(profile, imageId), sustainedSeconds);
    hits.push(...ofPair);
    misses.push(...missed);
    const row = {
      hitMs: median(ofPair),
      dockerRunMs: median(peers),
      dockerRunWithoutNetworkMs: median(withoutNetwork),
      missMs: median(missed),
      coldMs: median(cold),
      ours,
      engines,
    };
    rows.push(row);
    say(`${engineRuntime} pair ${pair + 1}: ${JSON.stringify(row)}`);
  }
  await filled(server, engineRuntime);
  const filters = { label: ['sallyport.instance'], status: ['running'] };
  const idle = [];
  for (const { Id, Image } of await engine.docker.listContainers({ filters })) {
    if (Image !== imageId && !Image.startsWith('sallyport/python')) continue;
    const { HostConfig, State } = await engine.docker.getContainer(Id).inspect();
    if (HostConfig.Runtime === engineRuntime) idle.push(idleMemory(Id, State.Pid));
  }
  return {
    B3: {
      hitP50Ms: round(median(hits)),
      hitP99Ms: round(quantile(hits, 0.99)),
      hits: hits.length,
      dockerRunP50Ms: round(median(rows.map(({ dockerRunMs }) => dockerRunMs)), 0),
      timesFaster: round(median(rows.map(({ dockerRunMs, hitMs }) => dockerRunMs / hitMs)), 1),
      dockerRunWithoutNetworkP50Ms: round(
        median(rows.map(({ dockerRunWithoutNetworkMs }) => dockerRunWithoutNetworkMs)),
        0,
      ),
      timesFasterWithoutNetwork: round(
        median(rows.map(({ dockerRunWithoutNetworkMs: without, hitMs }) => without / hitMs)),
        1,
      ),
      missP50Ms: round(median(misses), 0),
      missP99Ms: round(quantile(misses, 0.99), 0),
      createAndStartP50Ms: round(median(rows.map(({ coldMs }) => coldMs)), 0),
      missRatio: round(median(rows.map(({ coldMs, missMs }) => missMs / coldMs))),
    },
    B4: {
      callsPerSecond: round(median(rows.map(({ ours }) => ours))),
      engineLoopsPerSecond: round(median(rows.map(({ engines }) => engines))),
      ratio: round(median(rows.map(({ ours, engines }) => ours / engines))),
    },
    B10: {
      idle,
      processes: server
        .pids()
        .map(({ name, pid }) => ({ name, residentMiB: round(residentBytes(pid) / 1024 ** 2, 1) })),
    },
  };
}

/** gVisor beside runc, where the engine has it. */
export async function benchContainers(): Promise<Record<string, unknown>> {
  const facts = await engine.ping();
  const runtimes = (process.env['BENCH_RUNTIMES']?.split(',') ??
    facts.runtimes.filter(
      (name) => name === 'runc' || name === 'runsc',
    )) as ContainerProfile['engineRuntime'][];
  const results: Record<string, unknown> = {
    engine: facts.version,
    settings: { pairs, hitsPerPair, missesPerPair, warmUpCalls, sustainedSeconds, clients, limits },
  };
  for (const runtime of runtimes) results[runtime] = await benchRuntime(runtime);
  return results;
}
