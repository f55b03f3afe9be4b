import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { QuotaLedger } from '../../src/policy/quotas/quota-ledger.ts';
import type { Lease, QuotaStoreState } from '../../src/policy/quotas/quota-store.ts';
import { RedisQuotaStore } from '../../src/policy/quotas/redis-quota-store.ts';
import type { RedisQuotaStoreOptions } from '../../src/policy/quotas/redis-quota-store.ts';
import { by, describeQuotaStore, drawOn } from '../contract/quota-store.ts';
import { SetClock } from '../contract/record-fixtures.ts';
import { RedisServer } from '../support/redis-server.ts';

let redis: RedisServer;
let processes = 0;
beforeAll(async () => {
  redis = await RedisServer.start();
});
afterAll(() => redis[Symbol.asyncDispose]());

/** A process of its own, unless `more` names one. */
function open(
  namespace: string,
  more: Partial<RedisQuotaStoreOptions> & { readonly server?: RedisServer } = {},
): Promise<RedisQuotaStore> {
  const { server = redis, ...options } = more;
  return RedisQuotaStore.open({
    url: server.url,
    process: `process-${(processes += 1)}`,
    keyspace: `${namespace}:`,
    ledger: new QuotaLedger(),
    onChange: () => {},
    ...options,
  });
}

describeQuotaStore('Redis', {
  examples: 60,
  // The clock jumps: nobody is dead for that.
  open: (name, clock) => open(name, { clock, deadAfterMs: 1e12 }),
});

async function leased(
  store: RedisQuotaStore,
  draw: ReturnType<typeof drawOn>,
  nowMs = Date.now(),
): Promise<Lease> {
  const result = await store.lease([draw], by(`call_${(processes += 1)}`), nowMs);
  if (!result.ok) throw new Error(`refused: ${JSON.stringify(result)}`);
  return result.lease;
}

async function fits(store: RedisQuotaStore, draw: ReturnType<typeof drawOn>): Promise<boolean> {
  return (await store.lease([draw], by(`call_${(processes += 1)}`), Date.now())).ok;
}

/** Resolves with each change of a store's state, in order. */
function changes(): {
  readonly onChange: (state: QuotaStoreState) => void;
  readonly next: () => Promise<QuotaStoreState>;
} {
  const seen: QuotaStoreState[] = [];
  let wake: (() => void) | null = null;
  return {
    onChange(state) {
      seen.push(state);
      wake?.();
    },
    async next() {
      while (seen.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      return seen.shift() as QuotaStoreState;
    },
  };
}

const used = { cpuMs: 10, wallMs: 0, outputBytes: 0, artifactBytes: 0 };

describe('several processes', () => {
  test('count together, by the clock of Redis', async () => {
    await using a = await open('together');
    await using b = await open('together');
    const draw = drawOn('calls', 3);
    await leased(a, draw);
    await leased(b, draw);
    await leased(b, draw, 0);
    expect([await fits(a, draw), await fits(b, draw)]).toEqual([false, false]);
  });

  test('64 leases at once give exactly the limit', async () => {
    await using a = await open('at-once');
    await using b = await open('at-once');
    const draw = drawOn('calls', 25);
    const results = await Promise.all(
      Array.from({ length: 64 }, (_, at) => fits(at % 2 === 0 ? a : b, draw)),
    );
    expect(results.filter(Boolean)).toHaveLength(25);
  });

  test('a lease is one round trip', async () => {
    await using store = await open('round-trips');
    const draws = [drawOn('calls', 9), drawOn('concurrent', 9), drawOn('cpu_ms', 99)];
    await store.lease(draws, by('a'), Date.now());
    const before = await commands();
    await store.lease(draws, by('b'), Date.now());
    expect((await commands()) - before).toBe(1);
  });

  /** EVALSHA and EVAL that clients sent so far. */
  async function commands(): Promise<number> {
    const stats = String(await redis.command('INFO', 'commandstats'));
    const counts = [...stats.matchAll(/cmdstat_(?:eval|evalsha):calls=(\d+)/g)];
    return counts.reduce((sum, [, count]) => sum + Number(count), 0);
  }

  test('what a dead process held comes free, what its calls may have used counts in full', async () => {
    const clock = new SetClock();
    await using alive = await open('dead', { clock });
    const dead = await open('dead', { clock });
    const [one, cpu] = [drawOn('concurrent', 1), drawOn('cpu_ms', 100, { amount: 60 })];
    await leased(dead, one);
    await leased(dead, cpu);
    clock.advance(14_999);
    expect([await fits(alive, one), await fits(alive, cpu)]).toEqual([false, false]);
    clock.advance(1);
    expect([await fits(alive, one), await fits(alive, cpu)]).toEqual([true, false]);
    clock.advance(59_000);
    await alive.lease([], by('beat'), 0);
    expect(await fits(alive, cpu)).toBe(false);
    clock.advance(3_000);
    expect(await fits(alive, cpu)).toBe(true);
    await dead[Symbol.asyncDispose]();
  });

  test('a process that was taken for dead and is not begins anew with what it holds', async () => {
    const clock = new SetClock();
    const { onChange, next } = changes();
    await using alive = await open('back', { clock });
    await using late = await open('back', { clock, onChange });
    const one = drawOn('concurrent', 1, { onStoreLoss: 'local' });
    const held = await leased(late, one);
    clock.advance(20_000);
    const other = await leased(alive, one);
    expect(await fits(late, { ...one, key: 'x', onStoreLoss: 'deny' })).toBe(false);
    expect(await next()).toMatchObject({ state: 'lost' });
    expect(await next()).toMatchObject({ state: 'ok' });
    await other.settle(used, 0);
    expect(await fits(alive, one)).toBe(false);
    await held.settle(used, 0);
    expect(await fits(alive, one)).toBe(true);
  });

  test('a process that starts again frees what it held, and writes what its record says', async () => {
    await using other = await open('again');
    await using first = await open('again', { process: 'same' });
    await leased(first, drawOn('concurrent', 1));
    await leased(first, drawOn('calls', 5));
    await leased(first, drawOn('calls', 5));
    const ledger = new QuotaLedger();
    await ledger.replay([{ kind: 'leased', atMs: Date.now(), tenant: 't', draws: [drawOn('calls', 5)] }]);
    await using second = await open('again', { process: 'same', ledger });
    expect(await fits(second, drawOn('concurrent', 1))).toBe(true);
    for (let left = 4; left > 0; left--) expect(await fits(other, drawOn('calls', 5))).toBe(true);
    expect(await fits(other, drawOn('calls', 5))).toBe(false);
  });
});

test('a process that stops does not shut out the next one of its name, which is there already', async () => {
  const first = await open('overlap', { process: 'overlap' });
  const { onChange, next } = changes();
  await using second = await open('overlap', { process: 'overlap', onChange });
  await first[Symbol.asyncDispose]();
  expect(await fits(second, drawOn('calls', 1))).toBe(true);
  expect(second.state().state).toBe('ok');
  // Whatever is told next, it is not that the store was lost.
  expect(await Promise.race([next(), Promise.resolve('nothing')])).toBe('nothing');
});

describe('what Redis keeps', () => {
  test('a key that only counts goes soon after its window, one that a call holds stays while it can run', async () => {
    await using store = await open('kept');
    const short = { windowMs: 1_000, key: 'x' };
    const draws = [
      drawOn('calls', 9, short),
      drawOn('cpu_ms', 9, short),
      drawOn('concurrent', 9, { key: 'x' }),
    ];
    const running = await store.lease(draws, by('kept-1'), Date.now());
    const ending = await store.lease(draws, by('kept-2'), Date.now());
    if (!running.ok || !ending.ok) throw new Error('refused');
    const days25 = 25 * 24 * 3600;
    expect(await expiriesS()).toEqual([61, days25 + 1, days25]);
    await ending.lease.settle(used, Date.now());
    expect(await expiriesS()).toEqual([61, days25 + 1, days25]);
    await running.lease.settle(used, Date.now());
    expect(await expiriesS()).toEqual([61, 61, 0]);
  });

  /** Rounded up; 0 where there is no such key. */
  async function expiriesS(): Promise<readonly number[]> {
    const units = ['calls', 'cpu_ms', 'concurrent'];
    const left = await Promise.all(
      units.map((unit) => redis.command('PTTL', `{sallyport}:quota:kept:${unit}/p/${unit}/x`)),
    );
    return left.map((ms) => Math.max(0, Math.ceil(Number(ms) / 1000)));
  }
});

describe('when Redis goes away', () => {
  const strict = drawOn('calls', 3, { name: 'strict' });
  const local = drawOn('calls', 3, { name: 'local', onStoreLoss: 'local' });

  test('a quota gives nothing, or what this process counts by itself; it comes back by itself, and nothing is forgotten', async () => {
    await using server = await RedisServer.start();
    const { onChange, next } = changes();
    await using store = await open('loss', { server, onChange });
    await using other = await open('loss', { server });
    const running = await leased(store, drawOn('concurrent', 1));
    for (const draw of [strict, local]) await leased(store, draw);
    await leased(other, local);
    expect(store.state()).toMatchObject({ store: 'redis', state: 'ok', reason: null });
    await server.kill();
    expect(await next()).toMatchObject({
      store: 'redis',
      state: 'lost',
      reason: expect.stringContaining('Redis: '),
    });
    const refused = await store.lease([local, strict], by('strict'), Date.now());
    expect(refused).toEqual({ ok: false, draw: strict, retryAfterMs: 1_000, isStoreLost: true });
    expect([await fits(store, local), await fits(store, local), await fits(store, local)]).toEqual([
      true,
      true,
      false,
    ]);
    await server.up();
    expect(await next()).toMatchObject({ store: 'redis', state: 'ok', reason: null });
    expect([await fits(store, strict), await fits(store, strict), await fits(store, strict)]).toEqual([
      true,
      true,
      false,
    ]);
    expect([await fits(store, local), await fits(store, drawOn('concurrent', 1))]).toEqual([false, false]);
    await running.settle(used, Date.now());
    expect(await fits(store, drawOn('concurrent', 1))).toBe(true);
  });

  test('a start without Redis serves what policy allows then, and finds Redis later', async () => {
    await using server = await RedisServer.start();
    await server.kill();
    const { onChange, next } = changes();
    await using store = await open('start', { server, onChange });
    expect(await next()).toMatchObject({ state: 'lost' });
    expect([await fits(store, strict), await fits(store, local)]).toEqual([false, true]);
    await server.up();
    expect(await next()).toMatchObject({ state: 'ok' });
    expect([await fits(store, strict), await fits(store, local)]).toEqual([true, true]);
  });

  test('a Redis that hangs is lost within a second or so, and what it had not read has no effect later', async () => {
    await using server = await RedisServer.start();
    const { onChange, next } = changes();
    await using store = await open('hang', { server, onChange });
    await leased(store, strict);
    process.kill(server.pid, 'SIGSTOP');
    const answers = await Promise.all([fits(store, strict), fits(store, strict)]);
    expect(answers).toEqual([false, false]);
    expect(await next()).toMatchObject({
      state: 'lost',
      reason: expect.stringContaining('no answer within 1000 ms'),
    });
    process.kill(server.pid, 'SIGCONT');
    expect(await next()).toMatchObject({ state: 'ok' });
    expect([await fits(store, strict), await fits(store, strict), await fits(store, strict)]).toEqual([
      true,
      true,
      false,
    ]);
  });

  test('a restart that keeps its data loses nothing of anybody', async () => {
    await using server = await RedisServer.start({ isDurable: true });
    const gone = await open('durable', { server });
    const { onChange, next } = changes();
    await using store = await open('durable', { server, onChange });
    await leased(gone, strict);
    await leased(store, strict);
    await gone[Symbol.asyncDispose]();
    await server.kill();
    expect(await next()).toMatchObject({ state: 'lost' });
    await server.up();
    expect(await next()).toMatchObject({ state: 'ok' });
    expect([await fits(store, strict), await fits(store, strict)]).toEqual([true, false]);
  });

  test('a flushed script is told again', async () => {
    await using store = await open('flush');
    await leased(store, strict);
    await redis.command('SCRIPT', 'FLUSH');
    expect([await fits(store, strict), await fits(store, strict), await fits(store, strict)]).toEqual([
      true,
      true,
      false,
    ]);
    expect(store.state().state).toBe('ok');
  });

  test('a fail-over to a replica that missed the last writes overspends nothing', async () => {
    const primary = await RedisServer.start();
    await using replica = await RedisServer.start({ primary });
    const { onChange, next } = changes();
    await using store = await open('fail-over', { server: primary, onChange });
    await leased(store, strict);
    await primary.command('WAIT', '1', '10000');
    await replica.command('REPLICAOF', 'NO', 'ONE');
    await leased(store, strict);
    const { port } = primary;
    await primary[Symbol.asyncDispose]();
    expect(await next()).toMatchObject({ state: 'lost' });
    await replica.command('CONFIG', 'SET', 'port', String(port));
    expect(await next()).toMatchObject({ state: 'ok' });
    expect([await fits(store, strict), await fits(store, strict)]).toEqual([true, false]);
  });

  test('a primary that became a replica is lost, not believed', async () => {
    await using server = await RedisServer.start();
    await using primary = await RedisServer.start();
    const { onChange, next } = changes();
    await using store = await open('read-only', { server, onChange });
    await leased(store, strict);
    await server.command('REPLICAOF', '127.0.0.1', String(primary.port));
    expect(await fits(store, strict)).toBe(false);
    expect(await next()).toMatchObject({ state: 'lost', reason: expect.stringContaining('READONLY') });
  });

  test('a Redis that may evict counters is not believed, until it may not', async () => {
    await using server = await RedisServer.start();
    await server.command('CONFIG', 'SET', 'maxmemory-policy', 'volatile-lru', 'maxmemory', '100mb');
    const { onChange, next } = changes();
    await using store = await open('evicting', { server, onChange });
    expect(await next()).toMatchObject({
      state: 'lost',
      reason: expect.stringContaining('its maxmemory-policy is volatile-lru'),
    });
    expect(await fits(store, strict)).toBe(false);
    await server.command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
    expect(await next()).toMatchObject({ state: 'ok' });
    expect(await fits(store, strict)).toBe(true);
  });

  test('a Redis without memory for another counter gives nothing', async () => {
    await using server = await RedisServer.start();
    const { onChange, next } = changes();
    await using store = await open('full', { server, onChange });
    await leased(store, strict);
    await server.command('CONFIG', 'SET', 'maxmemory', '1');
    expect(await fits(store, strict)).toBe(false);
    expect(await next()).toMatchObject({ state: 'lost', reason: expect.stringContaining('OOM') });
    await server.command('CONFIG', 'SET', 'maxmemory', '0');
    expect(await next()).toMatchObject({ state: 'ok' });
    expect([await fits(store, strict), await fits(store, strict), await fits(store, strict)]).toEqual([
      true,
      true,
      false,
    ]);
  });

  test('the reason holds no password', async () => {
    const { onChange, next } = changes();
    const url = redis.url.replace('redis://', 'redis://somebody:hunter2secret@');
    await using store = await open('password', { url, onChange });
    expect((await next()).reason).toMatch(/^Redis: WRONGPASS/);
    expect(JSON.stringify(store.state())).not.toContain('hunter2secret');
  });
});

test('says how far its clock is from ours', async () => {
  await using store = await open('clocks');
  await leased(store, drawOn('calls', 1), Date.now() - 60_000);
  expect(store.state().clockOffsetMs).toBeGreaterThan(59_000);
});
