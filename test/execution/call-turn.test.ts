import { expect, test } from 'vitest';
import { CallTurn } from '../../src/execution/call-turn.ts';

test('a call is short until it has taken its time, and has spare time alone while its tenant is far ahead', () => {
  const turn = new CallTurn({ atMs: 0, cpuMs: 7 });
  expect(turn.next({ atMs: 60, cpuMs: 56 }, false)).toBe('short');
  expect(turn.next({ atMs: 120, cpuMs: 57 }, false)).toBe('long');
  expect(turn.next({ atMs: 180, cpuMs: 90 }, true)).toBe('spare');
  expect(turn.next({ atMs: 240, cpuMs: 120 }, false)).toBe('long');
});

test('one that a busy host leaves nothing has a share for a second, and then is looked at again', () => {
  const turn = new CallTurn({ atMs: 0, cpuMs: 0 });
  expect(turn.next({ atMs: 990, cpuMs: 10 }, true)).toBe('spare');
  expect(turn.next({ atMs: 1050, cpuMs: 10 }, true)).toBe('long');
  expect(turn.next({ atMs: 1990, cpuMs: 200 }, true)).toBe('long');
  expect(turn.next({ atMs: 2050, cpuMs: 210 }, true)).toBe('spare');
});
