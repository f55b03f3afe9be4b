import { expect, test } from 'vitest';
import { QuotaLedger } from '../../src/policy/quotas/quota-ledger.ts';
import { describeQuotaStore, drawOn } from '../contract/quota-store.ts';

const opened = new Map<string, QuotaLedger>();

describeQuotaStore('in process', {
  examples: 500,
  async open(name) {
    const ledger = opened.get(name) ?? new QuotaLedger();
    opened.set(name, ledger);
    return ledger;
  },
});

const calls = drawOn('calls', 2);
const parallel = drawOn('concurrent', 1);
const cpu = drawOn('cpu_ms', 100, { amount: 60 });

test('a lease is one step: nothing can come between', () => {
  expect(new QuotaLedger().lease([calls], 'a', 0)).toMatchObject({ ok: true });
});

test('counters are bounded: the next one is refused until an old one runs out', () => {
  const ledger = new QuotaLedger({ countersMax: 2 });
  for (const key of ['a', 'b']) expect(ledger.lease([{ ...calls, key }], key, 0).ok).toBe(true);
  expect(ledger.lease([{ ...calls, key: 'c' }], 'c', 0)).toMatchObject({ ok: false, retryAfterMs: 1_000 });
  expect(ledger.lease([{ ...calls, key: 'a' }], 'c', 0).ok).toBe(true);
  expect(ledger.lease([{ ...calls, key: 'c' }], 'd', 62_000).ok).toBe(true);
});

test('counters of calls that run are never swept', () => {
  const ledger = new QuotaLedger({ countersMax: 2 });
  for (const key of ['a', 'b']) expect(ledger.lease([{ ...cpu, key }], key, 0).ok).toBe(true);
  expect(ledger.lease([{ ...calls, key: 'c' }], 'c', 999_000).ok).toBe(false);
  expect(ledger.lease([{ ...cpu, key: 'a' }], 'd', 999_000).ok).toBe(false);
});

test('a replay of the record rebuilds the windows and leaves nothing running', () => {
  const ledger = new QuotaLedger();
  ledger.replay([
    { kind: 'leased', atMs: 50_000, draws: [calls, parallel, cpu] },
    { kind: 'leased', atMs: 20_000, draws: [calls, parallel, cpu] },
    { kind: 'leased', atMs: -100_000, draws: [calls] },
  ]);
  expect(ledger.openLeases).toBe(0);
  expect(ledger.lease([parallel, cpu], 'a', 60_000).ok).toBe(true);
  expect(ledger.lease([calls], 'b', 60_000)).toMatchObject({ ok: false, retryAfterMs: 21_000 });
  expect(ledger.lease([calls], 'b', 82_000).ok).toBe(true);
});

test('a replay counts what calls used, and not those that never ran', () => {
  const ledger = new QuotaLedger();
  ledger.replay([
    { kind: 'leased', atMs: 10_000, draws: [calls, cpu] },
    { kind: 'leased', atMs: 10_000, draws: [calls, cpu] },
    { kind: 'withdrawn', atMs: 10_000, draws: [calls, cpu] },
    { kind: 'ended', atMs: 30_000, draws: [{ ...cpu, used: 30.5 }] },
    { kind: 'ended', atMs: 30_000, draws: [{ ...cpu, amount: 10 }] },
  ]);
  expect(ledger.lease([{ ...cpu, amount: 59.6 }], 'a', 40_000).ok).toBe(false);
  expect(ledger.lease([calls, { ...cpu, amount: 59.5 }], 'a', 40_000).ok).toBe(true);
  expect(ledger.lease([calls], 'b', 40_000).ok).toBe(false);
});
