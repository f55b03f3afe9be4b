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
    const waits = ['flood', 'flood', 'quiet'].map((tenant) =>
      slots.take(tenant).then((slot) => (order.push(tenant), slot)),
    );
    first?.[Symbol.dispose]();
    await waits[2];
    expect(order).toEqual(['quiet']);
    slots.refuseWaiting();
    await Promise.all(waits);
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
