import { expect, test } from 'vitest';
import { RestartPause } from '../../../src/execution/runner/restart-pause.ts';

test('pauses double up to ten seconds, and start anew after one that served half a minute', () => {
  const pause = new RestartPause();
  expect(Array.from({ length: 9 }, () => pause.next())).toEqual([
    100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000,
  ]);
  pause.ended(29_999);
  expect(pause.next()).toBe(10_000);
  pause.ended(30_000);
  expect([pause.next(), pause.next()]).toEqual([100, 200]);
});
