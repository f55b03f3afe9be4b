/** The pool's rules without its processes: who may follow whom, who comes next, how long to wait. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BackOff } from '../../../src/execution/isolate/back-off.ts';
import { LogMeter } from '../../../src/execution/isolate/log-meter.ts';
import { afterServing, mayServe } from '../../../src/execution/isolate/ownership.ts';
import type { Owner, Served } from '../../../src/execution/isolate/ownership.ts';
import { TenantQueue } from '../../../src/execution/isolate/tenant-queue.ts';
import { limits } from './support.ts';

const owners: fc.Arbitrary<Owner> = fc.record({
  tenant: fc.constantFrom('acme', 'umbrella'),
  principal: fc.constantFrom('alice', 'bob'),
  reuse: fc.constantFrom('never', 'principal', 'tenant'),
});

describe('ownership', () => {
  test('whoever is let in: one tenant a process, one principal if any call asked for it, nobody after never', () => {
    fc.assert(
      fc.property(fc.array(owners, { maxLength: 30 }), (callers) => {
        let served: Served | null = null;
        const history: Owner[] = [];
        for (const owner of callers) {
          if (!mayServe(served, owner)) continue;
          served = afterServing(served, owner);
          history.push(owner);
        }
        expect(new Set(history.map(({ tenant }) => tenant)).size).toBeLessThanOrEqual(1);
        expect(history.slice(1).filter(({ reuse }) => reuse === 'never')).toEqual([]);
        const isBound = history.some(({ reuse }) => reuse === 'principal');
        const principals = new Set(history.map(({ principal }) => (isBound ? principal : 'anyone')));
        expect(principals.size).toBeLessThanOrEqual(1);
      }),
    );
  });

  test('a principal is not let into a process that several have used', () => {
    const alice = { tenant: 'acme', principal: 'alice', reuse: 'tenant' } as const;
    const bob = { tenant: 'acme', principal: 'bob', reuse: 'tenant' } as const;
    const served = afterServing(afterServing(null, alice), bob);
    expect(mayServe(served, { ...alice, reuse: 'principal' })).toBe(false);
    expect(mayServe(served, alice)).toBe(true);
  });
});

describe('the queue', () => {
  test('gives each tenant a turn before anyone has a second', () => {
    const queue = new TenantQueue<{ tenant: string; isPatient: boolean; at: number }>({
      lengthMax: 10,
      tenantLengthMax: 5,
    });
    for (const at of [1, 2, 3]) queue.push({ tenant: 'busy', isPatient: false, at });
    queue.push({ tenant: 'late', isPatient: false, at: 4 });
    const order: number[] = [];
    while (queue.length > 0) {
      const [head] = queue.heads();
      if (head === undefined) break;
      order.push(head.at);
      queue.remove(head, true);
    }
    expect(order).toEqual([1, 4, 2, 3]);
  });

  test('takes no more than it may, in all and of one tenant', () => {
    const queue = new TenantQueue<{ tenant: string; isPatient: boolean }>({
      lengthMax: 3,
      tenantLengthMax: 2,
    });
    expect([1, 2, 3].map(() => queue.push({ tenant: 'a', isPatient: false }))).toEqual([true, true, false]);
    expect([1, 2].map(() => queue.push({ tenant: 'b', isPatient: false }))).toEqual([true, false]);
  });
});

describe('patient ones in the queue', () => {
  test('come after those of their tenant that somebody waits for, in the order in which they came', () => {
    const queue = new TenantQueue<{ tenant: string; isPatient: boolean; at: number }>({
      lengthMax: 10,
      tenantLengthMax: 10,
    });
    for (const [at, isPatient] of [true, true, false, false].entries())
      queue.push({ tenant: 'a', isPatient, at });
    const order: number[] = [];
    for (let [head] = queue.heads(); head !== undefined; [head] = queue.heads()) {
      order.push(head.at);
      queue.remove(head, true);
    }
    expect(order).toEqual([2, 3, 0, 1]);
  });

  test('have half of the room, and keep nobody from the rest', () => {
    const queue = new TenantQueue<{ tenant: string; isPatient: boolean }>({
      lengthMax: 6,
      tenantLengthMax: 4,
    });
    const push = (tenant: string, isPatient: boolean): boolean => queue.push({ tenant, isPatient });
    expect([push('a', true), push('a', true), push('a', true)]).toEqual([true, true, false]);
    expect([push('b', true), push('b', true)]).toEqual([true, false]);
    expect([push('a', false), push('b', false), push('c', false), push('c', false)]).toEqual([
      true,
      true,
      true,
      false,
    ]);
  });
});

describe('pauses', () => {
  test('grow after each failure beyond the allowance, up to the longest, and end with a success', () => {
    let nowMs = 0;
    const backOff = new BackOff({ firstMs: 100, longestMs: 350, allowance: 1 }, () => nowMs);
    const pauses = [1, 2, 3, 4, 5].map(() => {
      backOff.fail();
      return backOff.remainingMs;
    });
    expect(pauses).toEqual([0, 100, 200, 350, 350]);
    nowMs += 300;
    expect(backOff.remainingMs).toBe(50);
    backOff.succeed();
    expect(backOff.remainingMs).toBe(0);
  });
});

test('a log meter keeps no more than its cap and counts every byte, whatever comes', () => {
  const chunks = fc.array(
    fc.record({ stream: fc.constantFrom('stdout' as const, 'stderr' as const), size: fc.nat(90) }),
  );
  fc.assert(
    fc.property(chunks, fc.nat(500), (list, logBytes) => {
      const meter = new LogMeter({ ...limits, logBytes, hostCalls: 1000 });
      const kept = list.map(({ size, stream }) => meter.take(stream, Buffer.alloc(size)).length);
      const sent = list.reduce((sum, { size }) => sum + size, 0);
      const keptBytes = kept.reduce((sum, length) => sum + length, 0);
      const dropped = meter.truncations().reduce((sum, { droppedBytes }) => sum + droppedBytes, 0);
      expect(keptBytes).toBe(Math.min(sent, logBytes));
      expect(keptBytes + dropped).toBe(sent);
    }),
  );
});
