import { describe, expect, test } from 'vitest';
import { Slots } from '../../src/calls/slots.ts';

describe('execution slots', () => {
  test('hand out no more than their number and refuse beyond the queue', async () => {
    const slots = new Slots({ runningMax: 1, waitingMax: 1 });
    const first = await slots.take('a');
    const second = slots.take('a');
    expect(await slots.take('a')).toBeNull();
    first?.[Symbol.dispose]();
    expect(await second).not.toBeNull();
    expect(slots.runningCount).toBe(1);
  });

  test('the tenant with the fewest running calls goes next', async () => {
    const slots = new Slots({ runningMax: 2, waitingMax: 10 });
    const [first] = [await slots.take('flood'), await slots.take('flood')];
    const order: string[] = [];
    const waits = ['flood', 'flood', 'quiet'].map(async (tenant) => {
      await slots.take(tenant);
      order.push(tenant);
    });
    first?.[Symbol.dispose]();
    await waits[2];
    expect(order).toEqual(['quiet']);
    slots.refuseWaiting();
    await Promise.all(waits);
  });

  test('a tenant that fills the queue makes room for others, newest first, down to an equal share', async () => {
    const slots = new Slots({ runningMax: 1, waitingMax: 3 });
    const running = await slots.take('flood');
    const turnedAway: string[] = [];
    const take = async (name: string, tenant: string): Promise<void> => {
      using slot = await slots.take(tenant);
      if (slot === null) turnedAway.push(name);
    };
    const waits = ['first', 'second', 'third'].map((name) => take(name, 'flood'));
    waits.push(take('quiet', 'quiet'));
    await waits[2];
    await take('fourth', 'flood');
    await take('quiet again', 'quiet');
    expect(turnedAway).toEqual(['third', 'fourth', 'quiet again']);
    running?.[Symbol.dispose]();
    await Promise.all(waits);
    expect(turnedAway).toHaveLength(3);
  });

  test('a tenant with few running calls need not wait for the long ones of another', async () => {
    const slots = new Slots({ runningMax: 2, waitingMax: 10, reserve: { places: 3, eachMin: 2 } });
    for (const tenant of ['flood', 'flood', 'quiet', 'quiet', 'other'])
      expect(await slots.take(tenant)).not.toBeNull();
    void slots.take('flood');
    void slots.take('quiet');
    void slots.take('third');
    expect(slots.runningCount).toBe(5);
    expect(slots.waitingCount).toBe(3);
  });

  test('a place of the reserve that comes free goes to whoever it is for, and to nobody else', async () => {
    const slots = new Slots({ runningMax: 1, waitingMax: 10, reserve: { places: 1, eachMin: 1 } });
    const flood = await slots.take('flood');
    const quiet = await slots.take('quiet');
    const floodWaits = slots.take('flood');
    const otherWaits = slots.take('other');
    quiet?.[Symbol.dispose]();
    const other = await otherWaits;
    other?.[Symbol.dispose]();
    expect(slots.runningCount).toBe(1);
    expect(slots.waitingCount).toBe(1);
    flood?.[Symbol.dispose]();
    expect(await floodWaits).not.toBeNull();
  });

  test('giving a slot back twice frees one place only', async () => {
    const slots = new Slots({ runningMax: 2, waitingMax: 0 });
    const slot = await slots.take('a');
    await slots.take('a');
    slot?.[Symbol.dispose]();
    slot?.[Symbol.dispose]();
    expect(slots.runningCount).toBe(1);
  });

  test('everybody who waits is turned away at shutdown', async () => {
    const slots = new Slots({ runningMax: 1, waitingMax: 5 });
    await slots.take('a');
    const waiting = slots.take('b');
    slots.refuseWaiting();
    expect(await waiting).toBeNull();
  });
});

test('of tenants of which as many run the one that had a place longest ago goes next', async () => {
  const slots = new Slots({ runningMax: 1, waitingMax: 10 });
  const order: string[] = [];
  const first = await slots.take('flood');
  const queue = async (tenant: string): Promise<void> => {
    using _slot = await slots.take(tenant);
    order.push(tenant);
  };
  const all = ['flood', 'flood', 'flood', 'calm'].map(queue);
  first?.[Symbol.dispose]();
  await Promise.all(all);
  expect(order).toEqual(['flood', 'calm', 'flood', 'flood']);
});
