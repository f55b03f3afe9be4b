import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { QuotaDraw } from '../../src/model/decision.ts';
import { QuotaLedger } from '../../src/policy/quota-ledger.ts';
import type { Lease } from '../../src/policy/quota-ledger.ts';

const calls: QuotaDraw = {
  policy: 'p',
  name: 'calls',
  key: 'ana',
  unit: 'calls',
  limit: 2,
  windowMs: 60_000,
};
const parallel: QuotaDraw = {
  policy: 'p',
  name: 'parallel',
  key: 'acme',
  unit: 'concurrent',
  limit: 1,
  windowMs: 0,
};

function leased(ledger: QuotaLedger, draws: readonly QuotaDraw[], callId: string, nowMs: number): Lease {
  const result = ledger.lease(draws, callId, nowMs);
  if (!result.ok) throw new Error(`refused by ${result.draw.name}`);
  return result.lease;
}

describe('calls in a window', () => {
  test('are refused past the limit, with the time at which there is room again', () => {
    const ledger = new QuotaLedger();
    leased(ledger, [calls], 'a', 0).release();
    leased(ledger, [calls], 'b', 30_000).release();
    expect(ledger.lease([calls], 'c', 31_000)).toEqual({ ok: false, draw: calls, retryAfterMs: 30_000 });
    expect(ledger.lease([calls], 'c', 60_999).ok).toBe(false);
    expect(ledger.lease([calls], 'c', 61_000).ok).toBe(true);
  });

  test('stay counted when the call ends, and are given back when it never started', () => {
    const ledger = new QuotaLedger();
    leased(ledger, [calls], 'a', 0).release();
    const never = leased(ledger, [calls], 'b', 0);
    expect(ledger.lease([calls], 'c', 0).ok).toBe(false);
    never.cancel();
    expect(ledger.lease([calls], 'c', 0).ok).toBe(true);
  });

  test('are counted apart for every key', () => {
    const ledger = new QuotaLedger();
    for (const key of ['ana', 'bob']) {
      leased(ledger, [{ ...calls, key, limit: 1 }], key, 0);
      expect(ledger.lease([{ ...calls, key, limit: 1 }], `${key}2`, 0).ok).toBe(false);
    }
  });

  test('keep their count when the limit changes or the window grows', () => {
    const ledger = new QuotaLedger();
    leased(ledger, [calls], 'a', 0);
    leased(ledger, [calls], 'b', 0);
    expect(ledger.lease([{ ...calls, limit: 3 }], 'c', 0).ok).toBe(true);
    expect(ledger.lease([{ ...calls, limit: 3, windowMs: 3_600_000 }], 'd', 120_000).ok).toBe(false);
  });

  test('are not won back by a clock that steps back', () => {
    const ledger = new QuotaLedger();
    leased(ledger, [calls], 'a', 100_000);
    leased(ledger, [calls], 'b', 0);
    expect(ledger.lease([calls], 'c', 0).ok).toBe(false);
    expect(ledger.lease([calls], 'c', 130_000).ok).toBe(false);
  });
});

describe('concurrent calls', () => {
  test('are refused past the limit until one ends, whichever way', () => {
    const ledger = new QuotaLedger();
    const first = leased(ledger, [parallel], 'a', 0);
    expect(ledger.lease([parallel], 'b', 0)).toEqual({ ok: false, draw: parallel, retryAfterMs: 1_000 });
    first.release();
    const second = leased(ledger, [parallel], 'b', 0);
    second.cancel();
    expect(ledger.lease([parallel], 'c', 0).ok).toBe(true);
  });

  test('are given back once, however often a lease is ended', () => {
    const ledger = new QuotaLedger();
    const two = { ...parallel, limit: 2 };
    const first = leased(ledger, [two], 'a', 0);
    leased(ledger, [two], 'b', 0);
    first.release();
    first.release();
    first.cancel();
    leased(ledger, [two], 'a', 0);
    first.release();
    expect(ledger.lease([two], 'd', 0).ok).toBe(false);
  });
});

test('a lease takes all draws or none', () => {
  const ledger = new QuotaLedger();
  const held = leased(ledger, [parallel], 'a', 0);
  expect(ledger.lease([calls, parallel], 'b', 0)).toMatchObject({ ok: false, draw: { name: 'parallel' } });
  held.release();
  leased(ledger, [calls, parallel], 'b', 0).release();
  leased(ledger, [calls, parallel], 'c', 0).release();
  expect(ledger.lease([calls, parallel], 'd', 0)).toMatchObject({ ok: false, draw: { name: 'calls' } });
  expect(ledger.lease([parallel], 'd', 0).ok).toBe(true);
});

test('a call cannot hold two leases', () => {
  const ledger = new QuotaLedger();
  leased(ledger, [], 'a', 0);
  expect(() => ledger.lease([], 'a', 0)).toThrow('the call a holds a lease already');
});

test('counters are bounded: the next one is refused until an old one runs out', () => {
  const ledger = new QuotaLedger({ countersMax: 2 });
  leased(ledger, [{ ...calls, key: 'a' }], 'a', 0);
  leased(ledger, [{ ...calls, key: 'b' }], 'b', 0);
  expect(ledger.lease([{ ...calls, key: 'c' }], 'c', 0)).toMatchObject({ ok: false, retryAfterMs: 1_000 });
  expect(ledger.lease([{ ...calls, key: 'a' }], 'c', 0).ok).toBe(true);
  expect(ledger.lease([{ ...calls, key: 'c' }], 'd', 62_000).ok).toBe(true);
});

test('a replay of the record rebuilds the windows and leaves nothing running', () => {
  const ledger = new QuotaLedger();
  ledger.replay([
    { draws: [calls, parallel], startedAtMs: 50_000 },
    { draws: [calls, parallel], startedAtMs: 20_000 },
    { draws: [calls], startedAtMs: -100_000 },
  ]);
  expect(ledger.openLeases).toBe(0);
  expect(ledger.lease([parallel], 'a', 60_000).ok).toBe(true);
  expect(ledger.lease([calls], 'b', 60_000)).toMatchObject({ ok: false, retryAfterMs: 21_000 });
  expect(ledger.lease([calls], 'b', 82_000).ok).toBe(true);
});

/** One step of a caller: time passes, a call starts, an open one ends. */
const step = fc.record({
  waitMs: fc.integer({ min: 0, max: 700 }),
  act: fc.constantFrom('start', 'start', 'release', 'cancel'),
  which: fc.nat({ max: 7 }),
  windowMs: fc.constantFrom(1_000, 1_000, 1_000, 2_500),
});

test('no interleaving overspends: never more than the limit in any window or at once', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), fc.integer({ min: 1, max: 4 }), (steps, limit) => {
      const ledger = new QuotaLedger();
      const open: { lease: Lease; startedAtMs: number }[] = [];
      const overspent: object[] = [];
      let started: number[] = [];
      let nowMs = 5_000;
      for (const [at, { waitMs, act, which, windowMs }] of steps.entries()) {
        nowMs += waitMs;
        if (act === 'start') {
          const draws = [
            { ...calls, limit, windowMs },
            { ...parallel, limit: 3 },
          ];
          const result = ledger.lease(draws, `call_${at}`, nowMs);
          if (!result.ok) continue;
          open.push({ lease: result.lease, startedAtMs: nowMs });
          started.push(nowMs);
          const inWindow = started.filter((time) => time > nowMs - 1_000).length;
          if (inWindow > limit || open.length > 3) overspent.push({ at, inWindow, parallel: open.length });
        } else {
          const [ended] = open.splice(which % Math.max(1, open.length), 1);
          ended?.lease[act]();
          if (act === 'cancel' && ended !== undefined) {
            const index = started.indexOf(ended.startedAtMs);
            started = started.filter((_, position) => position !== index);
          }
        }
      }
      expect(overspent).toEqual([]);
      expect(ledger.openLeases).toBe(open.length);
    }),
    { numRuns: 500 },
  );
});

test('what is refused could not have been allowed a sixtieth of the window later', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 900 }), { maxLength: 60 }), (waits) => {
      const ledger = new QuotaLedger();
      const draw = { ...calls, limit: 3, windowMs: 6_000 };
      const started: number[] = [];
      const needless: number[] = [];
      let nowMs = 10_000;
      for (const [at, wait] of waits.entries()) {
        nowMs += wait;
        const result = ledger.lease([draw], `call_${at}`, nowMs);
        if (result.ok) started.push(nowMs);
        else if (started.filter((time) => time > nowMs - 6_100).length < 3) needless.push(nowMs);
      }
      expect(needless).toEqual([]);
    }),
  );
});
