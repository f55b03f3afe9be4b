/** What every `QuotaStore` must do, whatever it counts in. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { QuotaDraw, QuotaUnit } from '../../src/model/decision.ts';
import type { Lease, LeaseHolder, LeaseRefused, QuotaStore } from '../../src/policy/quotas/quota-store.ts';
import { SetClock } from './record-fixtures.ts';

export interface QuotaStoreUnderTest {
  /** Opened again under the same name, it counts together with the others of that name. */
  open(name: string, clock: SetClock): Promise<QuotaStore>;
  /** Examples of the property test. */
  readonly examples: number;
}

const windowMs = 60_000;

export function by(callId: string, tenant = 't'): LeaseHolder {
  return { callId, tenant };
}

export function drawOn(unit: QuotaUnit, limit: number, more: Partial<QuotaDraw> = {}): QuotaDraw {
  const common = { policy: 'p', name: unit, key: 'ana', onStoreLoss: 'deny' } as const;
  return { ...common, unit, limit, windowMs: unit === 'concurrent' ? 0 : windowMs, amount: 1, ...more };
}

const used = { cpuMs: 0, wallMs: 0, outputBytes: 0, artifactBytes: 0 };

export function describeQuotaStore(name: string, store: QuotaStoreUnderTest): void {
  describe(`quota store: ${name}`, () => {
    test('calls are refused past the limit, with the time at which there is room again', async () => {
      await using one = await Counting.open(store);
      const calls = drawOn('calls', 2);
      await (await one.lease([calls])).settle(used, one.now);
      one.now += 30_000;
      await (await one.lease([calls])).settle(used, one.now);
      one.now += 1_000;
      expect(await one.refused([calls])).toEqual({ ok: false, draw: calls, retryAfterMs: 30_000 });
      one.now += 29_999;
      expect(await one.fits([calls])).toBe(false);
      one.now += 1;
      expect(await one.fits([calls])).toBe(true);
    });

    test.each(['calls', 'amount', 'cost_usd', 'cpu_ms', 'wall_ms', 'output_bytes', 'concurrent'] as const)(
      '%s of a call that never started are given back',
      async (unit) => {
        await using one = await Counting.open(store);
        const draw = drawOn(unit, 10, { amount: unit === 'concurrent' ? 1 : 10 });
        const all = unit === 'concurrent' ? { ...draw, limit: 1 } : draw;
        const never = await one.lease([all]);
        expect(await one.fits([all])).toBe(false);
        await never.cancel(one.now);
        expect(await one.fits([all])).toBe(true);
      },
    );

    test.each([
      ['cpu_ms', { ...used, cpuMs: 40.5 }],
      ['wall_ms', { ...used, wallMs: 40.5 }],
      ['output_bytes', { ...used, outputBytes: 30, artifactBytes: 11 }],
    ] as const)('%s are held in full while a call runs, then what it used counts', async (unit, use) => {
      await using one = await Counting.open(store);
      const draw = drawOn(unit, 100, { amount: 60 });
      const first = await one.lease([draw]);
      expect(await one.refused([draw])).toMatchObject({ retryAfterMs: 1_000 });
      one.now += 2 * windowMs;
      expect(await one.fits([draw])).toBe(false);
      await first.settle(use, one.now);
      const second = await one.lease([{ ...draw, amount: 59 }]);
      expect(await one.fits([{ ...draw, amount: 1 }])).toBe(false);
      await second.cancel(one.now);
      one.now += windowMs + 1_000;
      expect(await one.fits([{ ...draw, amount: 100 }])).toBe(true);
    });

    test.each(['egress_bytes', 'tokens'] as const)('%s: a call uses none', async (unit) => {
      await using one = await Counting.open(store);
      const draw = drawOn(unit, 1, { amount: 0 });
      await (await one.lease([draw])).settle(used, one.now);
      expect(await one.fits([{ ...draw, amount: 1 }])).toBe(true);
    });

    test('a call whose use is not known counts in full, one that used more than its lease counts with that', async () => {
      await using one = await Counting.open(store);
      const draw = drawOn('cpu_ms', 100, { amount: 30 });
      await (await one.lease([draw])).settle(null, one.now);
      await (await one.lease([draw])).settle({ ...used, cpuMs: 50 }, one.now);
      expect(await one.fits([{ ...draw, amount: 21 }])).toBe(false);
      expect(await one.fits([{ ...draw, amount: 20 }])).toBe(true);
    });

    test('dollars are counted in millionths, without a rounding error that adds up', async () => {
      await using one = await Counting.open(store);
      const draw = drawOn('cost_usd', 0.3, { amount: 0.1 });
      for (let call = 0; call < 3; call++) expect(await one.fits([draw])).toBe(true);
      expect(await one.fits([{ ...draw, amount: 0.000001 }])).toBe(false);
    });

    test('a call that needs more than the whole limit is refused, with the window as the time to wait', async () => {
      await using one = await Counting.open(store);
      const draw = drawOn('amount', 5, { amount: 6 });
      expect(await one.refused([draw])).toEqual({ ok: false, draw, retryAfterMs: windowMs });
    });

    test('concurrent calls are refused past the limit until one ends, whichever way, and given back once', async () => {
      await using one = await Counting.open(store);
      const draw = drawOn('concurrent', 2);
      const first = await one.lease([draw]);
      const second = await one.lease([draw]);
      expect(await one.refused([draw])).toEqual({ ok: false, draw, retryAfterMs: 1_000 });
      await first.settle(used, one.now);
      await first.settle(used, one.now);
      await first.cancel(one.now);
      expect(await one.fits([draw])).toBe(true);
      expect(await one.fits([draw])).toBe(false);
      await second.cancel(one.now);
      expect(await one.fits([draw])).toBe(true);
      expect(await one.fits([draw])).toBe(false);
    });

    test('a lease takes all draws or none', async () => {
      await using one = await Counting.open(store);
      const [calls, parallel] = [drawOn('calls', 2), drawOn('concurrent', 1)];
      const held = await one.lease([parallel]);
      expect(await one.refused([calls, parallel])).toMatchObject({ draw: { name: 'concurrent' } });
      await held.settle(used, one.now);
      await (await one.lease([calls, parallel])).settle(used, one.now);
      await (await one.lease([calls, parallel])).settle(used, one.now);
      expect(await one.refused([calls, parallel])).toMatchObject({ draw: { name: 'calls' } });
      expect(await one.fits([parallel])).toBe(true);
    });

    test('every key, name, policy and unit is counted apart', async () => {
      await using one = await Counting.open(store);
      const draw = drawOn('calls', 1);
      for (const other of [{}, { key: 'bob' }, { name: 'n' }, { policy: 'q' }, { unit: 'amount' }] as const) {
        expect(await one.fits([{ ...draw, ...other }])).toBe(true);
        expect(await one.fits([{ ...draw, ...other }])).toBe(false);
      }
    });

    test('a changed limit keeps the count, and so does a longer window', async () => {
      await using one = await Counting.open(store);
      const calls = drawOn('calls', 2);
      expect(await one.fits([calls])).toBe(true);
      expect(await one.fits([calls])).toBe(true);
      expect(await one.fits([{ ...calls, limit: 3 }])).toBe(true);
      one.now += 2 * windowMs;
      expect(await one.fits([{ ...calls, limit: 3, windowMs: 3_600_000 }])).toBe(false);
    });

    test('a clock that steps back wins nothing', async () => {
      await using one = await Counting.open(store);
      const calls = drawOn('calls', 2);
      expect(await one.fits([calls])).toBe(true);
      one.now -= 100_000;
      expect(await one.fits([calls])).toBe(true);
      expect(await one.fits([calls])).toBe(false);
      one.now += 130_000;
      expect(await one.fits([calls])).toBe(false);
    });

    test('a call cannot hold two leases', async () => {
      await using one = await Counting.open(store);
      await one.lease([], 'a');
      await expect(async () => one.lease([], 'a')).rejects.toThrow('the call a holds a lease already');
    });

    test('no interleaving overspends, and nothing is refused that a sixtieth of the window more would allow', async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(step, { maxLength: 60 }),
          fc.integer({ min: 1, max: 4 }),
          async (steps, n) => {
            await using model = await Model.open(store, n);
            for (const one of steps) await model.take(one);
            expect(model.mistakes).toEqual([]);
          },
        ),
        { numRuns: store.examples },
      );
    });
  });
}

let names = 0;

/** A store with a clock that stands still until it is moved. */
class Counting implements AsyncDisposable {
  readonly #store: QuotaStore;
  readonly #clock: SetClock;
  #calls = 0;

  constructor(store: QuotaStore, clock: SetClock) {
    this.#store = store;
    this.#clock = clock;
  }

  static async open(store: QuotaStoreUnderTest): Promise<Counting> {
    const clock = new SetClock(600_000);
    return new Counting(await store.open(`store-${(names += 1)}`, clock), clock);
  }

  get now(): number {
    return this.#clock.now();
  }

  set now(nowMs: number) {
    this.#clock.set(nowMs);
  }

  async lease(draws: readonly QuotaDraw[], callId = `call_${(this.#calls += 1)}`): Promise<Lease> {
    const result = await this.#store.lease(draws, by(callId), this.now);
    if (!result.ok) throw new Error(`refused by ${result.draw.name}`);
    return result.lease;
  }

  async fits(draws: readonly QuotaDraw[]): Promise<boolean> {
    return (await this.#store.lease(draws, by(`call_${(this.#calls += 1)}`), this.now)).ok;
  }

  async refused(draws: readonly QuotaDraw[]): Promise<LeaseRefused> {
    const result = await this.#store.lease(draws, by(`call_${(this.#calls += 1)}`), this.now);
    if (result.ok) throw new Error('leased');
    return result;
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.#store[Symbol.asyncDispose]();
  }
}

const step = fc.record({
  waitMs: fc.integer({ min: 0, max: 400 }),
  act: fc.constantFrom('start', 'start', 'start', 'settle', 'cancel'),
  /** Which open call; at a start, which process. */
  which: fc.nat({ max: 7 }),
  share: fc.integer({ min: 0, max: 10 }),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

interface ModelCall {
  readonly lease: Lease;
  readonly startedAtMs: number;
  readonly amount: number;
}

/** Two processes on one store, and by their side every call with its exact time. */
class Model implements AsyncDisposable {
  static readonly windowMs = 1_000;
  static readonly widthMs = 17;
  readonly mistakes: object[] = [];
  readonly #nodes: readonly QuotaStore[];
  readonly #clock: SetClock;
  readonly #n: number;
  readonly #open: ModelCall[] = [];
  readonly #started: { atMs: number; amount: number }[] = [];
  readonly #ended: { atMs: number; cpuMs: number }[] = [];
  #calls = 0;

  constructor(nodes: readonly QuotaStore[], clock: SetClock, n: number) {
    this.#nodes = nodes;
    this.#clock = clock;
    this.#n = n;
  }

  static async open(store: QuotaStoreUnderTest, n: number): Promise<Model> {
    const clock = new SetClock(600_000);
    const name = `model-${(names += 1)}`;
    return new Model([await store.open(name, clock), await store.open(name, clock)], clock, n);
  }

  async take({ waitMs, act, which, share }: Step): Promise<void> {
    this.#clock.advance(waitMs);
    if (act === 'start') return this.#start(which, share);
    const [call] = this.#open.splice(which % Math.max(1, this.#open.length), 1);
    if (call === undefined) return;
    if (act === 'settle') {
      await call.lease.settle({ ...used, cpuMs: share }, this.#clock.now());
      this.#ended.push({ atMs: this.#clock.now(), cpuMs: share });
    } else {
      await call.lease.cancel(this.#clock.now());
      const at = this.#started.findIndex(({ atMs }) => atMs === call.startedAtMs);
      const same = this.#started.findIndex(
        ({ atMs, amount }) => atMs === call.startedAtMs && amount === call.amount,
      );
      this.#started.splice(same === -1 ? at : same, 1);
    }
  }

  async #start(which: number, amount: number): Promise<void> {
    const node = this.#nodes[which % 2];
    const window = { windowMs: Model.windowMs };
    const result = await node?.lease(
      [
        drawOn('calls', 2 * this.#n, window),
        drawOn('concurrent', 3),
        drawOn('cpu_ms', 10 * this.#n, { ...window, amount: 10 }),
        drawOn('amount', 9 * this.#n, { ...window, amount }),
      ],
      by(`call_${(this.#calls += 1)}`),
      this.#clock.now(),
    );
    const fitsExactly = this.#fits(Model.windowMs, amount);
    const fitsLater = this.#fits(Model.windowMs + Model.widthMs, amount);
    if (result?.ok === true && !fitsExactly) this.mistakes.push({ overspent: this.#calls });
    if (result?.ok === false && fitsLater) this.mistakes.push({ needless: this.#calls, result });
    if (result?.ok !== true) return;
    this.#started.push({ atMs: this.#clock.now(), amount });
    this.#open.push({ lease: result.lease, startedAtMs: this.#clock.now(), amount });
  }

  /** Whether another call fits, counted over exactly this long. */
  #fits(spanMs: number, amount: number): boolean {
    const since = this.#clock.now() - spanMs;
    const started = this.#started.filter(({ atMs }) => atMs > since);
    const spent = started.reduce((sum, one) => sum + one.amount, 0);
    const cpuMs = this.#ended
      .filter(({ atMs }) => atMs > since)
      .reduce((sum, one) => sum + one.cpuMs, 10 * this.#open.length);
    return (
      started.length < 2 * this.#n &&
      this.#open.length < 3 &&
      cpuMs + 10 <= 10 * this.#n &&
      spent + amount <= 9 * this.#n
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const node of this.#nodes) await node[Symbol.asyncDispose]();
  }
}
