import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { PoolMember } from '../../../src/execution/isolate/pool-member.ts';
import type { WorkerProcess, WorkerState } from '../../../src/execution/isolate/worker-process.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function memberWith(worker: { state: WorkerState }): { member: PoolMember; kills: () => number } {
  let kills = 0;
  const process = Object.assign(worker, {
    exited: new Promise(() => {}),
    readings: { residentBytes: () => 0 },
    kill: () => (kills += 1),
  });
  return {
    member: new PoolMember(process as unknown as WorkerProcess, {
      callsMax: 1000,
      lifetimeMs: null,
      launchedAtMs: 0,
    }),
    kills: () => kills,
  };
}

test('a worker whose `ready` came before its call was settled is not killed for being late', () => {
  const worker = { state: 'starting' as WorkerState };
  const { member, kills } = memberWith(worker);
  worker.state = 'ready';
  member.becomeReady();
  member.expectReady();
  worker.state = 'busy';
  vi.advanceTimersByTime(60_000);
  expect(kills()).toBe(0);
});

test('a worker that does not get ready between two calls is killed', () => {
  const worker = { state: 'starting' as WorkerState };
  const { member, kills } = memberWith(worker);
  member.becomeReady();
  worker.state = 'preparing';
  member.expectReady();
  vi.advanceTimersByTime(60_000);
  expect(kills()).toBe(1);
});
