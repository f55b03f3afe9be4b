/** Whose request begins next. Immediates are the real ones; the clock is moved by the requests themselves. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { Turns, turnLimits } from '../../src/api/turns.ts';
import type { TurnLimits } from '../../src/api/turns.ts';

/** Each request of `flood` takes so long, those of others a millisecond; `begun` has them in the order of their turns. */
function setUp(limits: Partial<TurnLimits>, floodMs: number) {
  const clock = { nowMs: 0 };
  const begun: string[] = [];
  const turns = new Turns({ ...turnLimits, ...limits }, () => clock.nowMs);
  const take = (name: string): Disposable | null =>
    turns.take(name, () => {
      begun.push(name);
      clock.nowMs += name === 'flood' ? floodMs : 1;
    });
  return { begun, clock, take, turns };
}

test('a tenant that comes late has its turn before the rest of a queue that was there first', async () => {
  const { begun, take } = setUp({ burstMax: 1 }, 1);
  for (let count = 0; count < 5; count += 1) take('flood');
  take('quiet');
  await vi.waitFor(() => expect(begun).toHaveLength(6));
  expect(begun.indexOf('quiet')).toBeLessThanOrEqual(1);
});

test('turns are shared by the time that requests take, not by their number', async () => {
  const { begun, take } = setUp({ creditMsMax: Infinity }, 10);
  for (let count = 0; count < 20; count += 1) {
    take('flood');
    take('quiet');
  }
  await vi.waitFor(() => expect(begun.filter((name) => name === 'quiet')).toHaveLength(20));
  expect(begun.indexOf('flood', begun.indexOf('flood') + 1)).toBeGreaterThan(8);
});

test('no tenant saves up turns while it is away', async () => {
  const { begun, take } = setUp({ creditMsMax: Infinity, burstMax: 1 }, 1);
  take('late');
  await vi.waitFor(() => expect(begun).toEqual(['late']));
  for (let count = 0; count < 20; count += 1) take('flood');
  await vi.waitFor(() => expect(begun).toHaveLength(21));
  for (let count = 0; count < 10; count += 1) take('late');
  take('flood');
  await vi.waitFor(() => expect(begun).toHaveLength(32));
  expect(begun.slice(21, 25)).toContain('flood');
});

test('what takes long is begun once between two looks at the sockets', async () => {
  const { begun, take } = setUp({ burstMsMax: 4, creditMsMax: Infinity }, 5);
  for (let count = 0; count < 6; count += 1) take('flood');
  const steps: number[] = [];
  while (begun.length < 6) {
    const before = begun.length;
    await nextTurn();
    steps.push(begun.length - before);
  }
  expect(Math.max(...steps)).toBe(1);
});

test('while others are there a tenant that used up its part of the time rests, and alone it does not', async () => {
  const { begun, clock, take } = setUp({ creditMsMax: 5, share: 0.25, presentMs: 1000 }, 10);
  take('flood');
  take('flood');
  await vi.waitFor(() => expect(begun).toEqual(['flood', 'flood']));
  take('quiet');
  await vi.waitFor(() => expect(begun).toHaveLength(3));
  take('flood');
  for (let turn = 0; turn < 20; turn += 1) await nextTurn();
  expect(begun).toHaveLength(3);
  clock.nowMs += 20;
  take('quiet');
  await vi.waitFor(() => expect(begun).toEqual(['flood', 'flood', 'quiet', 'quiet', 'flood']));
});

test('a tenant that rests is begun by itself once it may, or once the others are gone', async () => {
  const { begun, clock, take } = setUp({ creditMsMax: 10, share: 0.5, presentMs: 1000 }, 15);
  take('quiet');
  take('flood');
  take('flood');
  await vi.waitFor(() => expect(begun).toHaveLength(2));
  clock.nowMs += 20;
  await vi.waitFor(() => expect(begun).toEqual(['quiet', 'flood', 'flood']));
});

test('beyond its part of the queue a tenant is refused, another is not, and a place that is given up is free', async () => {
  const { begun, take, turns } = setUp({ tenantWaitingMax: 2 }, 1);
  const first = take('flood');
  expect(take('flood')).not.toBeNull();
  expect(take('flood')).toBeNull();
  expect(take('quiet')).not.toBeNull();
  first?.[Symbol.dispose]();
  first?.[Symbol.dispose]();
  expect(turns.waitingCount).toBe(2);
  await vi.waitFor(() => expect(begun.toSorted()).toEqual(['flood', 'quiet']));
});

test('while connections come in nobody begins for a time, then they have as much of it as turns', async () => {
  const limits = {
    arrivalsMsMax: 3,
    arrivalsWindowMs: 100,
    burstMax: 1,
    creditMsMax: Infinity,
    steadyWaitingMax: 0,
  };
  const { begun, clock, take, turns } = setUp(limits, 2);
  for (let count = 0; count < 5; count += 1) take('flood');
  const steps: number[] = [];
  const arrive = async (): Promise<void> => {
    const before = begun.length;
    turns.arrived();
    clock.nowMs += 1;
    await nextTurn();
    steps.push(begun.length - before);
  };
  for (let round = 0; round < 12; round += 1) await arrive();
  expect(steps).toEqual([0, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0]);
  clock.nowMs += 100;
  steps.length = 0;
  for (let round = 0; round < 4; round += 1) await arrive();
  // A new window, used up at once by the pause.
  expect(steps).toEqual([0, 1, 0, 0]);
  await nextTurn();
  expect(begun).toHaveLength(5);
});

test('while connections come in tenants that were there before go on, unless they ask for more than a little', async () => {
  const limits = {
    arrivalsMsMax: 100,
    arrivalsWindowMs: 30,
    presentMs: 50,
    steadyWaitingMax: 2,
    burstMax: 4,
  };
  const { begun, clock, take, turns } = setUp(limits, 0);
  const arrive = async (...names: string[]): Promise<string[]> => {
    const before = begun.length;
    for (const name of names) take(name);
    turns.arrived();
    clock.nowMs += 1;
    await nextTurn();
    return begun.slice(before);
  };
  take('calm');
  take('away');
  take('greedy');
  await vi.waitFor(() => expect(begun).toHaveLength(3), { interval: 1 });
  clock.nowMs += 40;
  for (const name of ['calm', 'greedy']) take(name);
  await vi.waitFor(() => expect(begun).toHaveLength(5), { interval: 1 });
  clock.nowMs += 20;
  expect(await arrive('calm', 'away', 'new', 'greedy', 'greedy')).toEqual(['calm']);
  expect(await arrive('calm')).toEqual(['calm']);
});

test('what keeps the others waiting for long in one piece is charged for more than its time', async () => {
  const begunBeside = async (floodMs: number, count: number): Promise<number> => {
    const limits = { pieceMs: 1, creditMsMax: Infinity, burstMax: 1 };
    const { begun, take } = setUp(limits, floodMs);
    for (let request = 0; request < count; request += 1) take('flood');
    for (let request = 0; request < 60; request += 1) take('quiet');
    await vi.waitFor(() => expect(begun.filter((name) => name === 'quiet')).toHaveLength(60));
    const before = begun.slice(0, begun.lastIndexOf('quiet'));
    return floodMs * before.filter((name) => name === 'flood').length;
  };
  // Both could take the same time beside sixty requests of a millisecond.
  expect(await begunBeside(1, 60)).toBeGreaterThan(55);
  expect(await begunBeside(6, 20)).toBeLessThanOrEqual(18);
});
