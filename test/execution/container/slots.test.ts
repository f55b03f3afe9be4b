import { expect, test } from 'vitest';

import { Slots } from '../../../src/execution/container/slots.ts';

const never = new AbortController().signal;

test('tenants take turns, calls of one tenant keep their order', async () => {
  const slots = new Slots({ runningMax: 1, waitingMax: 10 });
  const order: string[] = [];
  const first = await slots.take('a', never);
  const calls = ['a1', 'a2', 'a3', 'b1', 'b2'].map(async (name) => {
    using _slot = await slots.take(name.slice(0, 1), never);
    order.push(name);
  });
  first[Symbol.dispose]();
  await Promise.all(calls);
  expect(order).toEqual(['a1', 'b1', 'a2', 'b2', 'a3']);
});

test('when too many wait, the next is refused as overloaded', async () => {
  const slots = new Slots({ runningMax: 1, waitingMax: 1 });
  const running = await slots.take('a', never);
  const waiting = slots.take('a', never);
  await expect(slots.take('b', never)).rejects.toMatchObject({ name: 'NotStarted', code: 'overloaded' });
  running[Symbol.dispose]();
  (await waiting)[Symbol.dispose]();
});

test('a call that is aborted while it waits leaves the queue', async () => {
  const slots = new Slots({ runningMax: 1, waitingMax: 1 });
  const running = await slots.take('a', never);
  const controller = new AbortController();
  const waiting = slots.take('a', controller.signal);
  controller.abort(new Error('enough'));
  await expect(waiting).rejects.toThrow('enough');
  const next = slots.take('b', never);
  running[Symbol.dispose]();
  running[Symbol.dispose]();
  using _slot = await next;
});

test('a slot that is given back twice is given back once', async () => {
  const slots = new Slots({ runningMax: 1, waitingMax: 0 });
  const slot = await slots.take('a', never);
  slot[Symbol.dispose]();
  slot[Symbol.dispose]();
  using _slot = await slots.take('a', never);
  await expect(slots.take('a', never)).rejects.toMatchObject({ code: 'overloaded' });
});

test('a tenant of which no call runs has a place beside the long calls of another, until the reserve is used up', async () => {
  const slots = new Slots({ runningMax: 1, reserveMax: 1, waitingMax: 10 });
  const flood = await slots.take('flood', never);
  const order: string[] = [];
  const take = async (tenant: string): Promise<void> => {
    using _slot = await slots.take(tenant, never);
    order.push(tenant);
  };
  const quiet = await slots.take('quiet', never);
  const waits = ['flood', 'quiet', 'late'].map(take);
  quiet[Symbol.dispose]();
  await waits[2];
  await waits[1];
  expect(order).toEqual(['quiet', 'late']);
  flood[Symbol.dispose]();
  await waits[0];
});

test('a tenant that has filled its part of the queue is refused, another still waits', async () => {
  const slots = new Slots({ runningMax: 1, waitingMax: 10, tenantWaitingMax: 1 });
  const running = await slots.take('flood', never);
  const first = slots.take('flood', never);
  await expect(slots.take('flood', never)).rejects.toMatchObject({ code: 'overloaded' });
  const other = slots.take('quiet', never);
  running[Symbol.dispose]();
  (await first)[Symbol.dispose]();
  (await other)[Symbol.dispose]();
});

test('a tenant whose calls are killed has one at a time, until others ended by themselves', async () => {
  const slots = new Slots({ runningMax: 4, waitingMax: 10 });
  for (let call = 0; call < 3; call += 1) slots.ended('looping', true);
  const running = await slots.take('looping', never);
  const begun: string[] = [];
  const begin = async (tenant: string): Promise<Disposable> => {
    const slot = await slots.take(tenant, never);
    begun.push(tenant);
    return slot;
  };
  const next = begin('looping');
  const afterNext = begin('looping');
  const others = [await begin('calm'), await begin('calm')];
  expect(begun).toEqual(['calm', 'calm']);
  slots.ended('looping', false);
  running[Symbol.dispose]();
  await Promise.all([next, afterNext]);
  expect(begun).toEqual(['calm', 'calm', 'looping', 'looping']);
  for (const slot of [...others, await next, await afterNext]) slot[Symbol.dispose]();
});
