import { expect, test } from 'vitest';
import { JobQueue } from '../../../src/boundary/threads/job-queue.ts';

const limits = { lengthMax: 4, tenantLengthMax: 3 };

test('tenants take turns, and jobs of one keep their order', () => {
  const queue = new JobQueue<{ tenant: string; name: string }>(limits);
  for (const name of ['f1', 'f2', 'f3']) queue.push({ tenant: 'flood', name });
  queue.push({ tenant: 'quiet', name: 'q1' });
  const order = [1, 2, 3, 4, 5].map(() => queue.shift()?.name);
  expect(order).toEqual(['f1', 'q1', 'f2', 'f3', undefined]);
});

test('it takes no more than it may, in all and of one tenant', () => {
  const queue = new JobQueue<{ tenant: string }>(limits);
  const pushed = ['flood', 'flood', 'flood', 'flood', 'quiet', 'quiet'].map((tenant) =>
    queue.push({ tenant }),
  );
  expect(pushed).toEqual([true, true, true, false, true, false]);
  queue.shift();
  expect(queue.push({ tenant: 'quiet' })).toBe(true);
});
