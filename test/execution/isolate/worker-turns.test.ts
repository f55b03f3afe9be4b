/** What a worker has of the processor at which moment. The workers are stand-ins that say what a real one says. */
import { duplexPair } from 'node:stream';
import type { Duplex } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { CpuTurn } from '../../../src/execution/cpu-weights.ts';
import type { LaunchedWorker, WorkerEnd } from '../../../src/execution/isolate/confinement.ts';
import { WorkerPool } from '../../../src/execution/isolate/worker-pool.ts';
import { WorkerProcess } from '../../../src/execution/isolate/worker-process.ts';
import type { WorkerListener } from '../../../src/execution/isolate/worker-process.ts';
import { encodeControl } from '../../../src/execution/protocol/frame.ts';
import { quiet } from './support.ts';

const ready = encodeControl('ready', 1, {});
const outcome = { kind: 'returned' };
const ended = encodeControl('ended', 1, {
  outcome,
  dropped: { stdout: 0, stderr: 0 },
  cpuMs: 1,
  memoryBytes: 0,
});
const call = { onFrame: () => {}, onExit: () => {} };
const never = new AbortController().signal;

class StandIn implements LaunchedWorker {
  readonly channel: Duplex;
  readonly turns: CpuTurn[] = [];
  readonly pid = null;
  readonly memory = null;
  readonly ended: Promise<WorkerEnd>;
  isAlive = true;
  readonly #far: Duplex;
  readonly #end: (end: WorkerEnd) => void;

  constructor() {
    [this.channel, this.#far] = duplexPair();
    this.#far.resume();
    const { promise, resolve } = Promise.withResolvers<WorkerEnd>();
    this.ended = promise;
    this.#end = resolve;
  }

  workerPid(): number {
    return process.pid;
  }
  weigh(turn: CpuTurn): void {
    this.turns.push(turn);
  }
  kill(): void {
    this.isAlive = false;
    this.#end({ cause: 'ended', how: 'signal SIGKILL', lastWords: '' });
  }

  /** Read by whoever has the worker once this resolves. */
  async say(frame: Buffer): Promise<void> {
    const read = new Promise((resolve) => this.channel.once('data', resolve));
    this.#far.write(frame);
    await read;
  }

  /** What it was told since this was asked last. */
  takeTurns(): CpuTurn[] {
    return this.turns.splice(0);
  }
}

const launched: StandIn[] = [];
function launch(): StandIn {
  const standIn = new StandIn();
  launched.push(standIn);
  return standIn;
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
});
afterEach(() => {
  for (const standIn of launched.splice(0)) standIn.kill();
  vi.useRealTimers();
});

function start(listener: Partial<WorkerListener> = {}): { worker: WorkerProcess; standIn: StandIn } {
  const standIn = launch();
  return {
    standIn,
    worker: new WorkerProcess(standIn, { onReady: () => {}, onExit: () => {}, ...listener }),
  };
}

describe('a worker', () => {
  test('starts in spare time, for a second at most, and rests once it is ready', async () => {
    const { standIn } = start();
    expect(standIn.takeTurns()).toEqual(['spare']);
    vi.advanceTimersByTime(999);
    expect(standIn.takeTurns()).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(standIn.takeTurns()).toEqual(['short']);
    await standIn.say(ready);
    expect(standIn.takeTurns()).toEqual(['resting']);
    vi.advanceTimersByTime(5000);
    expect(standIn.takeTurns()).toEqual([]);
  });

  test('that is waited for has a usual share at once, but not one that is ready or has a call', async () => {
    const { standIn, worker } = start();
    worker.hurry();
    expect(standIn.takeTurns()).toEqual(['spare', 'short']);
    await standIn.say(ready);
    standIn.takeTurns();
    worker.hurry();
    worker.begin(Buffer.of(), call);
    worker.hurry();
    expect(standIn.takeTurns()).toEqual(['short']);
    worker.kill();
  });

  test('that serves a tenant far ahead has spare time', async () => {
    const { standIn, worker } = start();
    await standIn.say(ready);
    standIn.takeTurns();
    worker.isBehind = true;
    worker.begin(Buffer.of(), call);
    expect(standIn.takeTurns()).toEqual(['spare']);
    worker.kill();
  });

  test.each([
    ['in spare time, for a second at most', false, ['spare'], ['short']],
    ['with a usual share, where a call waits that it could serve', true, ['short'], []],
  ] as const)('prepares the next isolate %s', async (_how, isWaitedFor, atOnce, afterASecond) => {
    const { standIn, worker } = start({ isWaitedFor: () => isWaitedFor });
    await standIn.say(ready);
    worker.begin(Buffer.of(), call);
    standIn.takeTurns();
    await standIn.say(ended);
    expect(standIn.takeTurns()).toEqual(atOnce);
    vi.advanceTimersByTime(1000);
    expect(standIn.takeTurns()).toEqual(afterASecond);
  });

  test('that is killed has what it needs to be gone, and is told no more', async () => {
    const { standIn, worker } = start();
    standIn.takeTurns();
    worker.kill();
    expect(standIn.takeTurns()).toEqual(['short']);
    await worker.exited;
    vi.advanceTimersByTime(5000);
    expect(standIn.takeTurns()).toEqual([]);
  });
});

describe('a pool', () => {
  const owner = (tenant: string) => ({ tenant, principal: 'p', reuse: 'tenant' }) as const;
  let nowMs = 0;
  const createPool = (): WorkerPool => new WorkerPool({ size: 1, launch, logger: quiet, now: () => nowMs });

  test('hurries what starts as soon as a call waits for it', async () => {
    await using pool = createPool();
    expect(launched.map((standIn) => standIn.takeTurns())).toEqual([['spare']]);
    const lease = pool.acquire(owner('a'), never);
    expect(launched[0]?.takeTurns()).toEqual(['short']);
    await launched[0]?.say(ready);
    expect((await lease).worker.state).toBe('ready');
  });

  test('hurries nothing that the call that waits could not be given', async () => {
    await using pool = createPool();
    const [first] = launched;
    await first?.say(ready);
    const lease = await pool.acquire(owner('a'), never);
    lease.worker.begin(Buffer.of(), call);
    const waiting = pool.acquire(owner('b'), never);
    first?.takeTurns();
    await first?.say(ended);
    expect(first?.takeTurns()).toEqual(['spare']);
    const [, second] = launched;
    expect(second?.takeTurns()).toEqual(['spare', 'short']);
    await second?.say(ready);
    await waiting;
  });

  test.each([
    ['hurries what a waiting call of the same tenant could be given', 0, ['short']],
    ['but not for a tenant that took far more of the processor than others lately', 150, ['spare']],
  ] as const)('%s', async (_what, burntMs, turns) => {
    await using pool = createPool();
    await launched[0]?.say(ready);
    (await pool.acquire(owner('b'), never)).worker.begin(Buffer.of(), call);
    await launched[0]?.say(ended);
    await launched[0]?.say(ready);
    await launched[1]?.say(ready);
    const lease = await pool.acquire(owner('a'), never);
    lease.worker.begin(Buffer.of(), call);
    const waiting = pool.acquire(owner('a'), never);
    // Stands in for the guest: the readings are of this process.
    const until = process.cpuUsage().user + burntMs * 1000;
    while (process.cpuUsage().user < until);
    launched[1]?.takeTurns();
    await launched[1]?.say(ended);
    expect(launched[1]?.takeTurns()).toEqual(turns);
    lease.release({ wasKilled: false });
    await launched[1]?.say(ready);
    await waiting;
  });
});
