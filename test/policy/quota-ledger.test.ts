import { expect, test } from 'vitest';
import { QuotaLedger } from '../../src/policy/quotas/quota-ledger.ts';
import type { ReplayedUse } from '../../src/policy/quotas/quota-ledger.ts';
import { by, describeQuotaStore, drawOn } from '../contract/quota-store.ts';

const opened = new Map<string, QuotaLedger>();

describeQuotaStore('in process', {
  examples: 500,
  async open(name) {
    const ledger = opened.get(name) ?? new QuotaLedger();
    opened.set(name, ledger);
    return ledger;
  },
});

const tenant = 't';
const calls = drawOn('calls', 2);
const parallel = drawOn('concurrent', 1);
const cpu = drawOn('cpu_ms', 100, { amount: 60 });

test('a lease is one step: nothing can come between', () => {
  expect(new QuotaLedger().lease([calls], by('a'), 0)).toMatchObject({ ok: true });
});

test('counters are bounded: the next one is refused until an old one runs out', () => {
  const ledger = new QuotaLedger({ countersMax: 4 });
  for (const key of ['a', 'b']) expect(ledger.lease([{ ...calls, key }], by(key), 0).ok).toBe(true);
  expect(ledger.lease([{ ...calls, key: 'c' }], by('c'), 0)).toMatchObject({
    ok: false,
    retryAfterMs: 1_000,
  });
  expect(ledger.lease([{ ...calls, key: 'a' }], by('c'), 0).ok).toBe(true);
  expect(ledger.lease([{ ...calls, key: 'c' }], by('d'), 62_000).ok).toBe(true);
});

test('counters of calls that run are never swept', () => {
  const ledger = new QuotaLedger({ countersMax: 4 });
  for (const key of ['a', 'b']) expect(ledger.lease([{ ...cpu, key }], by(key), 0).ok).toBe(true);
  expect(ledger.lease([{ ...calls, key: 'c' }], by('c'), 999_000).ok).toBe(false);
  expect(ledger.lease([{ ...cpu, key: 'a' }], by('d'), 999_000).ok).toBe(false);
});

test('a replay of the record rebuilds the windows and leaves nothing running', async () => {
  const ledger = new QuotaLedger();
  await ledger.replay([
    { kind: 'leased', atMs: 50_000, tenant, draws: [calls, parallel, cpu] },
    { kind: 'leased', atMs: 20_000, tenant, draws: [calls, parallel, cpu] },
    { kind: 'leased', atMs: -100_000, tenant, draws: [calls] },
  ]);
  expect(ledger.openLeases).toBe(0);
  expect(ledger.lease([parallel, cpu], by('a'), 60_000).ok).toBe(true);
  expect(ledger.lease([calls], by('b'), 60_000)).toMatchObject({ ok: false, retryAfterMs: 21_000 });
  expect(ledger.lease([calls], by('b'), 82_000).ok).toBe(true);
});

test('a replay counts what calls used, and not those that never ran', async () => {
  const ledger = new QuotaLedger();
  await ledger.replay([
    { kind: 'leased', atMs: 10_000, tenant, draws: [calls, cpu] },
    { kind: 'leased', atMs: 10_000, tenant, draws: [calls, cpu] },
    { kind: 'withdrawn', atMs: 10_000, tenant, draws: [calls, cpu] },
    { kind: 'ended', atMs: 30_000, tenant, draws: [{ ...cpu, used: 30.5 }] },
    { kind: 'ended', atMs: 30_000, tenant, draws: [{ ...cpu, amount: 10 }] },
  ]);
  expect(ledger.lease([{ ...cpu, amount: 59.6 }], by('a'), 40_000).ok).toBe(false);
  expect(ledger.lease([calls, { ...cpu, amount: 59.5 }], by('a'), 40_000).ok).toBe(true);
  expect(ledger.lease([calls], by('b'), 40_000).ok).toBe(false);
});

test('a tenant that makes up keys leaves room for every other', () => {
  const ledger = new QuotaLedger({ countersMax: 8 });
  const keysOf = (owner: string): number => {
    const fits = [1, 2, 3, 4, 5, 6, 7, 8].filter((at) => {
      const key = `${owner}-${at}`;
      return ledger.lease([{ ...calls, key }], by(key, owner), 0).ok;
    });
    return fits.length;
  };
  expect([keysOf('hog'), keysOf('second'), keysOf('third')]).toEqual([4, 2, 1]);
  expect(ledger.lease([{ ...calls, key: 'x' }], by('x', 'hog'), 0)).toMatchObject({
    ok: false,
    isFull: true,
  });
  expect(keysOf('fourth')).toBe(1);
  expect(ledger.lease([{ ...calls, key: 'hog-1' }], by('y', 'hog'), 0).ok).toBe(true);
});

test('a share comes back when its counters have left their windows, and at once for calls that ended', () => {
  const ledger = new QuotaLedger({ countersMax: 2 });
  const running = ledger.lease([{ ...parallel, key: 'a' }], by('a'), 0);
  expect(ledger.lease([{ ...parallel, key: 'b' }], by('b'), 0).ok).toBe(false);
  if (running.ok) void running.lease.settle(null, 0);
  expect(ledger.lease([{ ...calls, key: 'b' }], by('b'), 0).ok).toBe(true);
  expect(ledger.lease([{ ...calls, key: 'c' }], by('c'), 30_000).ok).toBe(false);
  expect(ledger.lease([{ ...calls, key: 'c' }], by('c'), 62_000).ok).toBe(true);
});

test('a replay leaves nothing out for want of room, and keeps no counter that says nothing', async () => {
  const ledger = new QuotaLedger({ countersMax: 4 });
  const at = (atMs: number, key: string): ReplayedUse => {
    return { kind: 'leased', atMs, tenant, draws: [{ ...calls, limit: 1, key }] };
  };
  const old = Array.from({ length: 50 }, (_, index) => at(index * 100_000, `old-${index}`));
  const keys = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'];
  await ledger.replay([...old, ...keys.map((key) => at(5_000_000, key))]);
  const refused = keys.filter((key) => !ledger.lease([{ ...calls, limit: 1, key }], by(key), 5_000_001).ok);
  expect(refused).toEqual(keys);
  expect([...ledger.counters()].map(({ key }) => key)).toEqual(keys.map((key) => `calls/p/calls/${key}`));
});
