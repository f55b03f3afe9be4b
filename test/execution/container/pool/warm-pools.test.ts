/** Who gets which container when, with starts that the test ends by hand. Real containers: warm-containers.docker.test.ts. */
import { expect, test, vi } from 'vitest';

import { WarmPools } from '../../../../src/execution/container/pool/warm-pools.ts';
import type { SandboxShape } from '../../../../src/execution/container/pool/warm-pools.ts';
import type { IdleSandbox } from '../../../../src/execution/container/pool/warm-pool.ts';
import type { WarmPolicy } from '../../../../src/model/tool.ts';
import { silentLogger } from '../../../support/container-calls.ts';

const never = new AbortController().signal;
const mebibyte = 1024 * 1024;

class Box implements IdleSandbox {
  readonly serial: number;
  isIdle = true;
  running: boolean | null = true;
  isRemoved = false;
  holdsBytes = 10 * mebibyte;
  readonly #spoiled = Promise.withResolvers<void>();
  constructor(serial: number) {
    this.serial = serial;
  }
  get spoiled(): Promise<void> {
    return this.#spoiled.promise;
  }
  spoil(): void {
    this.isIdle = false;
    this.#spoiled.resolve();
  }
  async memoryBytes(): Promise<number> {
    return this.holdsBytes;
  }
  async isRunning(): Promise<boolean | null> {
    return this.running;
  }
  async [Symbol.asyncDispose](): Promise<void> {
    this.isRemoved = true;
  }
}

function shapeOf(name: string, memoryMiB = 64): SandboxShape {
  const image = { name, source: { from: 'local', folder: name }, entry: 'json' } as const;
  return { image, imageId: `sha256:${name}`, engineRuntime: 'runc', memoryMiB, cpus: 1, pids: 16 };
}

/** Pools whose starts end as the test says. */
class Stage implements AsyncDisposable {
  nowMs = 0;
  readonly boxes: Box[] = [];
  begun = 0;
  /** Starts that were told that a call waits for them, by their order. */
  readonly needed: number[] = [];
  readonly #open: PromiseWithResolvers<Box>[] = [];
  readonly pools: WarmPools<Box>;

  constructor() {
    this.pools = new WarmPools<Box>({
      start: (_, { needed, signal }) => {
        const serial = this.begun++;
        void needed.then(() => this.needed.push(serial));
        const start = Promise.withResolvers<Box>();
        signal.addEventListener('abort', () => start.reject(new Error('closing')));
        this.#open.push(start);
        return start.promise;
      },
      clock: { now: () => this.nowMs },
      logger: silentLogger,
      startsMax: 4,
    });
  }

  get starting(): number {
    return this.#open.length;
  }

  /** Ends the oldest start, with a box unless there is an error. */
  async finish(error?: Error): Promise<Box> {
    while (this.#open.length === 0) await settled();
    const start = this.#open.shift();
    const box = new Box(this.boxes.length);
    if (error === undefined) {
      this.boxes.push(box);
      start?.resolve(box);
    } else start?.reject(error);
    await settled();
    return box;
  }

  /** Ends starts until there are no more. */
  async fill(): Promise<void> {
    do await this.finish();
    while (this.starting > 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.pools[Symbol.asyncDispose]();
  }
}

/** All that follows from a settled promise has been done. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

const policy: WarmPolicy = { floor: 2, ceiling: 4, memoryMiB: 512 };

test('a floor is filled, two at a time, and a claim takes the oldest without waiting', async () => {
  await using stage = new Stage();
  stage.pools.keep([{ shape: shapeOf('a'), policy: { ...policy, floor: 3 } }]);
  await vi.waitFor(() => expect(stage.starting).toBe(2), { interval: 1 });
  const first = await stage.finish();
  await stage.finish();
  await stage.finish();
  expect(stage.starting).toBe(0);
  const { isWarm, sandbox } = await stage.pools.acquire(shapeOf('a'), { ...policy, floor: 3 }, 't', never);
  expect([isWarm, sandbox]).toEqual([true, first]);
  expect(stage.pools.report()[0]).toMatchObject({ hits: 1, misses: 0, size: 2, refills: 3 });
});

test('a miss waits for a start of its own, is not called warm, and nothing is refilled meanwhile', async () => {
  await using stage = new Stage();
  const waiting = stage.pools.acquire(shapeOf('a'), policy, 't', never);
  await settled();
  expect(stage.starting).toBe(1);
  const box = await stage.finish();
  expect(await waiting).toEqual({ sandbox: box, isWarm: false });
  await settled();
  expect(stage.starting).toBe(2);
});

test('what starts ahead of need is told once a call waits for it', async () => {
  await using stage = new Stage();
  stage.pools.keep([{ shape: shapeOf('a'), policy }]);
  await vi.waitFor(() => expect(stage.starting).toBe(2), { interval: 1 });
  expect(stage.needed).toEqual([]);
  const ofOthers = stage.pools.acquire(shapeOf('b'), null, 't', never);
  await settled();
  expect(stage.needed).toEqual([2]);
  const waiting = stage.pools.acquire(shapeOf('a'), policy, 't', never);
  await settled();
  expect(stage.needed.toSorted((a, b) => a - b)).toEqual([0, 1, 2]);
  await stage.fill();
  await Promise.all([ofOthers, waiting]);
});

test('only so many start at once, calls before refills', async () => {
  await using stage = new Stage();
  stage.pools.keep([{ shape: shapeOf('a'), policy }]);
  await vi.waitFor(() => expect(stage.starting).toBe(2), { interval: 1 });
  const calls = [1, 2, 3, 4].map(() => stage.pools.acquire(shapeOf('b'), null, 't', never));
  await settled();
  expect(stage.starting).toBe(4);
  await stage.finish();
  expect(stage.starting).toBe(4);
  for (let start = 0; start < 5; start++) await stage.finish();
  expect((await Promise.all(calls)).map(({ isWarm }) => isWarm)).toEqual([false, false, false, false]);
});

test('narrowed limits never take an idle container of the same size, nor leave one', async () => {
  await using stage = new Stage();
  stage.pools.keep([{ shape: shapeOf('a'), policy }]);
  await stage.finish();
  await stage.finish();
  const abort = new AbortController();
  const narrowed = stage.pools.acquire(shapeOf('a'), null, 't', abort.signal);
  await settled();
  expect(stage.starting).toBe(1);
  abort.abort(new Error('cancelled'));
  await expect(narrowed).rejects.toThrow('cancelled');
  const box = await stage.finish();
  expect(box.isRemoved).toBe(true);
});

test('other limits are another pool', async () => {
  await using stage = new Stage();
  stage.pools.keep([{ shape: shapeOf('a', 64), policy }]);
  await stage.finish();
  await stage.finish();
  const larger = stage.pools.acquire(shapeOf('a', 128), policy, 't', never);
  const box = await stage.finish();
  expect(await larger).toEqual({ sandbox: box, isWarm: false });
});

test('the last idle container is kept for a tenant that had fewer', async () => {
  await using stage = new Stage();
  const acquire = (tenant: string) => stage.pools.acquire(shapeOf('a'), policy, tenant, never);
  stage.pools.keep([{ shape: shapeOf('a'), policy }]);
  await stage.finish();
  await stage.finish();
  const quiet = await acquire('quiet');
  const flood = await acquire('flood');
  expect([quiet.isWarm, flood.isWarm]).toEqual([true, true]);
  await stage.finish();
  const second = await acquire('flood');
  expect(second.isWarm).toBe(true);
  await stage.finish();
  const third = acquire('flood');
  await settled();
  expect((await acquire('quiet')).isWarm).toBe(true);
  while (stage.starting > 0) await stage.finish();
  expect((await third).isWarm).toBe(false);
});

test('a tenant far ahead of others starts cold, and what is made ahead of need meanwhile is theirs', async () => {
  await using stage = new Stage();
  const full = { ...policy, floor: 4 };
  const acquire = (tenant: string) => stage.pools.acquire(shapeOf('a'), full, tenant, never);
  stage.pools.keep([{ shape: shapeOf('a'), policy: full }]);
  await stage.fill();
  await Promise.all(['north', 'south', 'flood', 'flood'].map(acquire));
  await stage.fill();
  const flood = [await acquire('flood'), await acquire('flood')];
  expect(flood.map(({ isWarm }) => isWarm)).toEqual([true, true]);
  const cold = acquire('flood');
  const own = await stage.finish();
  expect(await cold).toEqual({ sandbox: own, isWarm: false });
  await Promise.all(['north', 'south'].map(acquire));
  const last = acquire('flood');
  const kept = [await stage.finish(), await stage.finish()];
  const others = await Promise.all(['north', 'south'].map(acquire));
  expect(others).toEqual(kept.map((sandbox) => ({ sandbox, isWarm: true })));
  await stage.fill();
  expect((await last).isWarm).toBe(false);
});

test('a waiting tenant with fewer calls is served before a flood', async () => {
  await using stage = new Stage();
  const order: string[] = [];
  const acquire = async (tenant: string): Promise<void> => {
    await stage.pools.acquire(shapeOf('a'), null, tenant, never);
    order.push(tenant);
  };
  const calls = ['flood', 'flood', 'flood', 'flood', 'quiet'].map(acquire);
  for (let start = 0; start < 5; start++) await stage.finish();
  await Promise.all(calls);
  expect(order[0]).toBe('quiet');
});

test('idle containers of an image hold no more memory than its budget', async () => {
  await using stage = new Stage();
  stage.pools.keep([{ shape: shapeOf('a'), policy: { floor: 4, ceiling: 4, memoryMiB: 25 } }]);
  await stage.finish();
  await stage.finish();
  await settled();
  expect(stage.starting).toBe(0);
  expect(stage.pools.report()[0]?.size).toBe(2);
});

test('a spoiled one is never handed out, is removed, and is replaced at the next look around', async () => {
  await using stage = new Stage();
  stage.pools.keep([{ shape: shapeOf('a'), policy: { ...policy, floor: 1 } }]);
  const box = await stage.finish();
  box.spoil();
  await settled();
  expect(box.isRemoved).toBe(true);
  expect(stage.pools.report()[0]).toMatchObject({ size: 0, spoiled: 1 });
  expect(stage.starting).toBe(0);
  await stage.pools.tend();
  await stage.finish();
  expect(stage.pools.report()[0]?.size).toBe(1);
});

test('a look around takes out what the engine calls ended, and keeps what it says nothing of', async () => {
  await using stage = new Stage();
  stage.pools.keep([{ shape: shapeOf('a'), policy }]);
  const [ended, unsure] = [await stage.finish(), await stage.finish()];
  ended.running = false;
  unsure.running = null;
  await stage.pools.tend();
  expect([ended.isRemoved, unsure.isRemoved]).toEqual([true, false]);
});

test('one that grew old is replaced, and a surplus is given up', async () => {
  await using stage = new Stage();
  stage.pools.keep([{ shape: shapeOf('a'), policy }]);
  const [first] = [await stage.finish(), await stage.finish()];
  stage.nowMs = 600_000;
  await stage.pools.tend();
  expect(first.isRemoved).toBe(true);
  await stage.finish();
  await stage.finish();
  const size = (): unknown => stage.pools.report()[0]?.size;
  expect(size()).toBe(2);
  const calls = [1, 2, 3, 4].map(() => stage.pools.acquire(shapeOf('a'), policy, 't', never));
  for (let start = 0; start < 6; start++) await stage.finish();
  await Promise.all(calls);
  await vi.waitFor(() => expect(size()).toBe(4), { interval: 1 });
  stage.nowMs += 100_000;
  await stage.pools.tend();
  expect(size()).toBe(2);
});

test('what policy no longer keeps is removed', async () => {
  await using stage = new Stage();
  stage.pools.keep([{ shape: shapeOf('a'), policy }]);
  const box = await stage.finish();
  stage.pools.keep([]);
  expect(box.isRemoved).toBe(true);
  await stage.finish();
  await settled();
  expect(stage.boxes.every(({ isRemoved }) => isRemoved)).toBe(true);
  expect(stage.starting).toBe(0);
});

test('a start that fails is told to a call that waits; a refill that fails is tried again at the next look', async () => {
  await using stage = new Stage();
  const call = stage.pools.acquire(shapeOf('a'), policy, 't', never);
  const [told] = await Promise.allSettled([call, stage.finish(new Error('no room'))]);
  expect(told).toMatchObject({ status: 'rejected', reason: { message: 'no room' } });
  await settled();
  expect(stage.starting).toBe(0);
  await stage.pools.tend();
  expect(stage.starting).toBe(2);
});

test('disposing removes what is idle and what still starts', async () => {
  const stage = new Stage();
  stage.pools.keep([{ shape: shapeOf('a'), policy }]);
  const box = await stage.finish();
  await stage[Symbol.asyncDispose]();
  expect(box.isRemoved).toBe(true);
  expect(stage.pools.report()[0]?.size).toBe(0);
});

test('calls that come without end for one image do not keep those for another waiting', async () => {
  await using stage = new Stage();
  const { pools } = stage;
  const flood = Array.from({ length: 12 }, () => pools.acquire(shapeOf('flood'), null, 'flood', never));
  for (const call of flood) call.catch(() => {});
  let isServed = false;
  const other = pools.acquire(shapeOf('other'), null, 'quiet', never).then(() => (isServed = true));
  for (let ended = 0; ended < 6; ended += 1) await stage.finish();
  expect(isServed).toBe(true);
  await other;
});
