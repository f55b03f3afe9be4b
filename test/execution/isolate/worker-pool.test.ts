/** Who gets which process. The processes are real; each test has a pool of its own. */
import { readFileSync, readlinkSync } from 'node:fs';
import { describe, expect, test, vi } from 'vitest';
import { NotStarted } from '../../../src/execution/executor.ts';
import { locateAddon } from '../../../src/execution/isolate/addon.ts';
import { workerProgram } from '../../../src/execution/isolate/confinement.ts';
import { WorkerPool } from '../../../src/execution/isolate/worker-pool.ts';
import type { Lease } from '../../../src/execution/isolate/worker-pool.ts';
import type { Reuse } from '../../../src/model/tool.ts';
import { collectRun } from '../../support/collect-run.ts';
import {
  confineAsPlainProcess,
  createExecutor,
  limits,
  quiet,
  runTool,
  toolProfile,
  workerPids,
} from './support.ts';

const never = new AbortController().signal;
const program = workerProgram(locateAddon().path);
const confinement = confineAsPlainProcess();

function createPool(size: number, callsPerWorkerMax?: number): WorkerPool {
  return new WorkerPool({
    size,
    ...(callsPerWorkerMax === undefined ? {} : { callsPerWorkerMax }),
    launch: () => confinement.launch(program),
    logger: quiet,
    now: () => performance.now(),
  });
}

/** One call that does nothing; tells which process had it. */
async function pidOfCall(
  pool: WorkerPool,
  tenant: string,
  principal: string,
  reuse: Reuse,
): Promise<number | null> {
  const lease = await pool.acquire({ tenant, principal, reuse }, never);
  await finish(lease);
  return lease.worker.pid;
}

/** Lets the worker run an empty tool, so that it comes back to the pool as after any call. */
async function finish(lease: Lease): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const { framesOfCall } = await import('../../../src/execution/isolate/call-frames.ts');
  const profile = toolProfile('export default () => 1;');
  const request = {
    callId: '1',
    tenant: '',
    principal: '',
    revision: '',
    tool: '',
    limits,
    args: Buffer.from('{}'),
  };
  lease.worker.begin(framesOfCall({ ...request, profile }), {
    onFrame: (frame) => frame.type === 'ended' && resolve(),
    onExit: () => resolve(),
  });
  await promise;
  lease.release({ wasKilled: false });
}

describe('reuse of processes', () => {
  test('two tenants never share a process', async () => {
    await using pool = createPool(1);
    const first = await pidOfCall(pool, 'acme', 'alice', 'tenant');
    const second = await pidOfCall(pool, 'umbrella', 'alice', 'tenant');
    const third = await pidOfCall(pool, 'acme', 'alice', 'tenant');
    expect(second).not.toBe(first);
    expect(third).not.toBe(second);
  });

  test('with reuse tenant, principals of one tenant share a process', async () => {
    await using pool = createPool(1);
    const first = await pidOfCall(pool, 'acme', 'alice', 'tenant');
    const second = await pidOfCall(pool, 'acme', 'bob', 'tenant');
    expect(second).toBe(first);
  });

  test('with reuse principal, each principal has a process of its own', async () => {
    await using pool = createPool(1);
    const alice = await pidOfCall(pool, 'acme', 'alice', 'principal');
    const aliceAgain = await pidOfCall(pool, 'acme', 'alice', 'principal');
    const bob = await pidOfCall(pool, 'acme', 'bob', 'principal');
    expect(aliceAgain).toBe(alice);
    expect(bob).not.toBe(alice);
  });

  test('a process bound to a principal is not shared with the tenant later', async () => {
    await using pool = createPool(1);
    const alice = await pidOfCall(pool, 'acme', 'alice', 'principal');
    const bob = await pidOfCall(pool, 'acme', 'bob', 'tenant');
    expect(bob).not.toBe(alice);
  });

  test('a tenant that has as many takes no idle process of another, and has its own once that is free', async () => {
    await using pool = createPool(1);
    const others = ['one', 'two', 'three', 'four', 'five'];
    const before: (number | null)[] = [];
    for (const tenant of others) before.push(await pidOfCall(pool, tenant, 'alice', 'tenant'));
    const flooding = { tenant: 'flood', principal: 'first', reuse: 'principal' } as const;
    const first = await pool.acquire(flooding, never);
    const second = pool.acquire({ ...flooding, principal: 'second' }, never);
    const after: (number | null)[] = [];
    for (const tenant of others) after.push(await pidOfCall(pool, tenant, 'alice', 'tenant'));
    expect(after).toEqual(before);
    await finish(first);
    await finish(await second);
  });

  test('where a core is free a tenant has it, though all processes are idle ones of others that have as many', async () => {
    await using pool = createPool(2);
    const others = Array.from({ length: 9 }, (_, at) => `tenant ${at}`);
    for (const tenant of others) await pidOfCall(pool, tenant, 'alice', 'tenant');
    const owner = { tenant: 'last', principal: 'alice', reuse: 'never' } as const;
    const leases = await Promise.all([pool.acquire(owner, never), pool.acquire(owner, never)]);
    expect(leases[0]?.worker.pid).not.toBe(leases[1]?.worker.pid);
    for (const lease of leases) await finish(lease);
  });

  test('with reuse never, each call has a process of its own', async () => {
    await using pool = createPool(1);
    const pids = [
      await pidOfCall(pool, 'acme', 'alice', 'never'),
      await pidOfCall(pool, 'acme', 'alice', 'never'),
      await pidOfCall(pool, 'acme', 'alice', 'tenant'),
    ];
    expect(new Set(pids).size).toBe(3);
  });

  test('more tenants than processes are served in turn', async () => {
    await using pool = createPool(1);
    const tenants = Array.from({ length: 6 }, (_, at) => `tenant-${at}`);
    const pids = await Promise.all(tenants.map((tenant) => pidOfCall(pool, tenant, 'p', 'tenant')));
    expect(new Set(pids).size).toBe(6);
  });
});

describe('waiting for a process', () => {
  test('calls beyond the queue are refused as overloaded, and the queue is served', async () => {
    await using pool = createPool(1);
    const lease = await pool.acquire({ tenant: 'acme', principal: 'a', reuse: 'tenant' }, never);
    const waiting = Array.from({ length: 128 }, () => pidOfCall(pool, 'acme', 'a', 'tenant'));
    const refused = pool.acquire({ tenant: 'acme', principal: 'a', reuse: 'tenant' }, never);
    await expect(refused).rejects.toMatchObject({ name: 'NotStarted', code: 'overloaded' });
    await finish(lease);
    expect(new Set(await Promise.all(waiting)).size).toBe(1);
  });

  test('a tenant that fills its part of the queue leaves room for others, who come next', async () => {
    await using pool = createPool(1);
    const order: string[] = [];
    await pidOfCall(pool, 'other', 'a', 'tenant');
    const lease = await pool.acquire({ tenant: 'busy', principal: 'a', reuse: 'tenant' }, never);
    const call = async (tenant: string): Promise<void> => {
      await pidOfCall(pool, tenant, 'a', 'tenant');
      order.push(tenant);
    };
    const calls = [...Array.from({ length: 20 }, () => call('busy')), call('other')];
    await finish(lease);
    await Promise.all(calls);
    expect(order.indexOf('other')).toBeLessThan(3);
  });

  test('a tenant without a process gets one though another keeps all slots busy', async () => {
    await using pool = createPool(1);
    await pidOfCall(pool, 'idle', 'a', 'tenant');
    await pidOfCall(pool, 'busy', 'a', 'tenant');
    const served = { other: false };
    const other = pidOfCall(pool, 'other', 'a', 'tenant').then(() => (served.other = true));
    let calls = 0;
    const keepBusy = async (): Promise<void> => {
      for (; !served.other && calls < 5000; calls += 1) await pidOfCall(pool, 'busy', 'a', 'tenant');
    };
    await Promise.all([keepBusy(), keepBusy(), keepBusy(), other]);
    expect(calls).toBeLessThan(5000);
  });

  test('a tenant of which no call runs has not to wait for the long ones of another', async () => {
    await using pool = createPool(1);
    const long = await pool.acquire({ tenant: 'busy', principal: 'a', reuse: 'tenant' }, never);
    const order: string[] = [];
    const call = async (tenant: string): Promise<void> => {
      await pidOfCall(pool, tenant, 'a', 'tenant');
      order.push(tenant);
    };
    const waits = call('busy');
    await Promise.all([call('other'), call('third')]);
    expect(order.toSorted()).toEqual(['other', 'third']);
    await finish(long);
    await waits;
  });

  test('a call that waits for ten seconds is refused, a patient one is served whenever there is a worker', async () => {
    await using pool = createPool(1);
    const owner = { tenant: 'acme', principal: 'a', reuse: 'tenant' } as const;
    const lease = await pool.acquire(owner, never);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const patient = pool.acquire(owner, never, true);
      const impatient = pool.acquire(owner, never);
      vi.advanceTimersByTime(10_000);
      await expect(impatient).rejects.toMatchObject({ code: 'overloaded' });
      vi.advanceTimersByTime(600_000);
      expect(pool.report().waiting).toBe(1);
      vi.useRealTimers();
      await finish(lease);
      await finish(await patient);
    } finally {
      vi.useRealTimers();
    }
  });

  test('a call that is cancelled while it waits leaves the queue', async () => {
    await using pool = createPool(1);
    const lease = await pool.acquire({ tenant: 'acme', principal: 'a', reuse: 'tenant' }, never);
    const abort = new AbortController();
    const waiting = pool.acquire({ tenant: 'acme', principal: 'a', reuse: 'tenant' }, abort.signal);
    abort.abort();
    await expect(waiting).rejects.toBeInstanceOf(NotStarted);
    await finish(lease);
  });
});

test('a call that is cancelled while it is given its worker is killed, not left to its deadline', async () => {
  await using executor = await createExecutor({ poolSize: 1 });
  // Nobody waits for it: beside a busy suite it starts in spare time for a second.
  await vi.waitFor(async () => expect((await executor.health()).workers?.idle).toBeGreaterThan(0), 20_000);
  const abort = new AbortController();
  const run = runTool(executor, 'export default () => { for (;;); };', {}, { signal: abort.signal });
  abort.abort();
  expect((await run).exit.reason).toBe('cancelled');
});

describe('processes that die', () => {
  test('a worker killed from outside is a crash, and the pool recovers', async () => {
    await using executor = await createExecutor({ poolSize: 1 });
    const crashed = await runTool(
      executor,
      'export default () => { console.log(1); for (;;); };',
      {},
      {
        onFrame: (frame) => {
          if (frame.type === 'stdout') for (const pid of workerPids()) process.kill(pid, 'SIGKILL');
        },
      },
    );
    expect(crashed.exit).toEqual({
      type: 'exit',
      reason: 'crashed',
      error: { name: 'WorkerCrashed', message: 'the isolate worker ended: signal SIGKILL' },
    });
    const next = await runTool(executor, 'export default () => 2;');
    expect(next.result).toBe('2');
  });

  test('killing idle workers loses no call', async () => {
    await using executor = await createExecutor({ poolSize: 1 });
    await runTool(executor, 'export default () => 1;');
    for (const pid of workerPids()) process.kill(pid, 'SIGKILL');
    await Promise.all(
      Array.from({ length: 3 }, async () => {
        const { exit } = await runTool(executor, 'export default () => 1;');
        expect(['completed', 'crashed']).toContain(exit.reason);
      }),
    );
    expect((await runTool(executor, 'export default () => 3;')).result).toBe('3');
  });

  test('a call that comes right after one stopped for its output is never given the process that dies', async () => {
    await using executor = await createExecutor();
    const reasons: string[] = [];
    const client = async (): Promise<void> => {
      for (let call = 0; call < 40; call += 1) {
        const { exit } = await runTool(executor, 'export default () => 1;');
        reasons.push(exit.reason);
      }
    };
    const stopped = async (): Promise<void> => {
      for (let call = 0; call < 20; call += 1)
        await runTool(executor, 'export default () => "x".repeat(100_000);');
    };
    await Promise.all([client(), client(), client(), stopped()]);
    expect(new Set(reasons)).toEqual(new Set(['completed']));
  });

  test('no process outlives its executor, not even one in a loop', async () => {
    const executor = await createExecutor();
    const looping = runTool(
      executor,
      'export default () => { console.log(1); for (;;); };',
      {},
      {
        onFrame: (frame) => void (frame.type === 'stdout' && executor[Symbol.asyncDispose]()),
      },
    );
    const { exit } = await looping;
    await executor[Symbol.asyncDispose]();
    expect(exit.reason).toBe('cancelled');
    expect(workerPids()).toEqual([]);
  });

  test('a killed call leaves no process that still runs', async () => {
    await using executor = await createExecutor({ poolSize: 1 });
    let pids: number[] = [];
    const { exit } = await collectRun(executor, {
      profile: toolProfile('export default () => { console.log(1); for (;;); };'),
      args: {},
      limits: { ...limits, timeoutMs: 100 },
      onFrame: (frame) => {
        if (frame.type === 'stdout') pids = workerPids();
      },
    });
    expect(exit.reason).toBe('timed_out');
    const left = workerPids().filter((pid) => pids.includes(pid));
    expect(pids.length - left.length).toBe(1);
  });

  test('a process serves a thousand calls without growing, and then makes room for a new one', async () => {
    await using pool = createPool(1, 1000);
    const pids = new Set<number | null>();
    for (let call = 0; call < 999; call += 1) pids.add(await pidOfCall(pool, 'acme', 'alice', 'tenant'));
    const [pid] = pids;
    expect(pids.size).toBe(1);
    expect(residentMiB(Number(pid))).toBeLessThan(180);
    expect(await pidOfCall(pool, 'acme', 'alice', 'tenant')).toBe(pid);
    expect(await pidOfCall(pool, 'acme', 'alice', 'tenant')).not.toBe(pid);
  });
});

describe('tenants that get their workers killed', () => {
  test('pay with time, and nobody else does', async () => {
    await using executor = await createExecutor({ poolSize: 2 });
    await runTool(executor, 'export default () => 1;', {}, { tenant: 'good' });
    const kill = { limits: { ...limits, timeoutMs: 1 }, tenant: 'bad' };
    for (let call = 0; call < 4; call += 1)
      await runTool(executor, 'export default () => { for (;;); };', {}, kill);
    const finished: string[] = [];
    const call = async (tenant: string): Promise<void> => {
      await runTool(executor, 'export default () => 1;', {}, { tenant });
      finished.push(tenant);
    };
    await Promise.all([call('bad'), call('good')]);
    expect(finished).toEqual(['good', 'bad']);
  });
});

test('workers get nothing of the environment', async () => {
  await using executor = await createExecutor({ poolSize: 1 });
  await runTool(executor, 'export default () => 1;');
  // One that is being started beside it may still be the shell or `env` that becomes Node.
  const workers = workerPids().filter((pid) => readlinkSync(`/proc/${pid}/exe`) === process.execPath);
  const environments = workers.map((pid) => readEnvironment(pid));
  expect(environments.length).toBeGreaterThan(0);
  expect(environments.join('')).toBe('');
});

function readEnvironment(pid: number): string {
  return readFileSync(`/proc/${pid}/environ`, 'utf8');
}

function residentMiB(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}
