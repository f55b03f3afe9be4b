/** A pool that was told to go easy: how many workers start at once, and how old one may grow. Real processes. */
import { expect, test } from 'vitest';
import { locateAddon } from '../../../src/execution/isolate/addon.ts';
import { framesOfCall } from '../../../src/execution/isolate/call-frames.ts';
import type { CpuTurn } from '../../../src/execution/cpu-weights.ts';
import { workerProgram } from '../../../src/execution/isolate/confinement.ts';
import type { LaunchedWorker, WorkerPace } from '../../../src/execution/isolate/confinement.ts';
import { WorkerPool } from '../../../src/execution/isolate/worker-pool.ts';
import type { Lease } from '../../../src/execution/isolate/worker-pool.ts';
import { confineAsPlainProcess, limits, quiet, toolProfile } from './support.ts';

const never = new AbortController().signal;
const owner = { tenant: 'acme', principal: 'alice', reuse: 'tenant' } as const;
const program = workerProgram(locateAddon().path);

function createPool(
  size: number,
  pace: WorkerPace,
  onLaunch: (worker: LaunchedWorker) => void = () => {},
): WorkerPool {
  const confinement = confineAsPlainProcess();
  const launch = (): LaunchedWorker => {
    const worker = confinement.launch(program);
    onLaunch(worker);
    return worker;
  };
  return new WorkerPool({ size, launch, pace, logger: quiet, now: () => performance.now() });
}

/** Lets the worker run a tool; resolves with how that ended. */
async function finish(lease: Lease, code = 'export default () => 1;'): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const profile = toolProfile(code);
  const frames = framesOfCall({
    callId: '1',
    tenant: '',
    principal: '',
    revision: '',
    tool: '',
    limits,
    args: Buffer.from('{}'),
    profile,
  });
  lease.worker.begin(frames, {
    onFrame: (frame) => frame.type === 'ended' && resolve('ended'),
    onExit: ({ detail }) => resolve(detail),
  });
  const how = await promise;
  lease.release({ wasKilled: false });
  return how;
}

test('no more workers start at once than the pace allows, and all of them come', async () => {
  let starting = 0;
  let startingMost = 0;
  let started = 0;
  const { promise: allStarted, resolve } = Promise.withResolvers<void>();
  await using _pool = createPool(6, { startsMax: 2, lifetimeMs: 60_000 }, ({ channel }) => {
    starting += 1;
    startingMost = Math.max(startingMost, starting);
    channel.once('data', () => {
      starting -= 1;
      started += 1;
      if (started === 6) resolve();
    });
  });
  await allStarted;
  expect(startingMost).toBe(2);
});

test('an idle worker that has grown old makes room for a new one', async () => {
  await using pool = createPool(1, { startsMax: 2, lifetimeMs: 2000 });
  const lease = await pool.acquire(owner, never);
  await finish(lease);
  await lease.worker.exited;
  const next = await pool.acquire(owner, never);
  expect(await finish(next)).toBe('ended');
  expect(next.worker.pid).not.toBe(lease.worker.pid);
});

test('a worker that grows old during a call goes after it, not before', async () => {
  await using pool = createPool(2, { startsMax: 2, lifetimeMs: 2000 });
  const idle = await pool.acquire(owner, never);
  const busy = await pool.acquire(owner, never);
  await finish(idle);
  await idle.worker.exited;
  // As old as the one that has just gone, or a few milliseconds younger.
  const other = await pool.acquire(owner, never);
  await finish(other);
  await other.worker.exited;
  expect(await finish(busy)).toBe('ended');
  await busy.worker.exited;
});

test('calls of a tenant that took far more of the processor than others leave it to them from the beginning', async () => {
  const turns = new Map<number | null, CpuTurn[]>();
  await using pool = createPool(2, { startsMax: 2, lifetimeMs: 60_000 }, (worker) => {
    worker.weigh = (turn) => turns.set(worker.pid, [...(turns.get(worker.pid) ?? []), turn]);
  });
  const turnsOf = async (tenant: string, code?: string): Promise<CpuTurn[]> => {
    const lease = await pool.acquire({ ...owner, tenant }, never);
    const before = turns.get(lease.worker.pid)?.length ?? 0;
    expect(await finish(lease, code)).toBe('ended');
    return turns.get(lease.worker.pid)?.slice(before) ?? [];
  };
  expect((await turnsOf('calm'))[0]).toBe('short');
  const ofBusy = await turnsOf('busy', busy);
  expect(ofBusy[0]).toBe('short');
  expect(ofBusy).toContain('spare');
  expect((await turnsOf('busy'))[0]).toBe('spare');
  expect((await turnsOf('calm'))[0]).toBe('short');
});

test('a worker has spare time alone while it starts, until a call waits for it', async () => {
  const turns: CpuTurn[] = [];
  await using pool = createPool(1, { startsMax: 1, lifetimeMs: 60_000 }, (worker) => {
    worker.weigh = (turn) => turns.push(turn);
  });
  expect(turns).toEqual(['spare']);
  const waiting = pool.acquire(owner, never);
  expect(turns).toEqual(['spare', 'short']);
  expect(await finish(await waiting)).toBe('ended');
});

/** As many steps take some 300 ms of the processor and more. */
const busy =
  'export default () => { let sum = 0; for (let at = 0; at < 4e8; at++) sum += at % 7; return sum; };';
