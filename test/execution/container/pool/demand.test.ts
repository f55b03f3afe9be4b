import { expect, test } from 'vitest';

import { Demand } from '../../../../src/execution/container/pool/demand.ts';
import { TenantShares } from '../../../../src/execution/container/pool/tenant-shares.ts';

test('without calls it is the floor', () => {
  expect(new Demand({ floor: 2, ceiling: 8 }).target(0)).toBe(2);
});

test('as many as came within one refill at the busiest moment, and no more than the ceiling', () => {
  const demand = new Demand({ floor: 0, ceiling: 4 });
  demand.note(0, 2000);
  demand.note(1500, 2000);
  demand.note(1900, 2000);
  demand.note(5000, 2000);
  expect(demand.target(5000)).toBe(3);
  for (let call = 0; call < 10; call++) demand.note(6000, 2000);
  expect(demand.target(6000)).toBe(4);
});

test('a busy moment counts for a minute', () => {
  const demand = new Demand({ floor: 1, ceiling: 4 });
  for (let call = 0; call < 3; call++) demand.note(5000, 500);
  expect(demand.target(65_000)).toBe(3);
  expect(demand.target(75_000)).toBe(1);
});

test('who had more than another tenant of the last minute is ahead', () => {
  const shares = new TenantShares();
  shares.note('flood', 0);
  expect(shares.isAheadOfOthers('flood', 0)).toBe(false);
  shares.note('flood', 1);
  shares.note('quiet', 2);
  expect(shares.isAheadOfOthers('flood', 3)).toBe(true);
  expect(shares.isAheadOfOthers('quiet', 3)).toBe(false);
  expect(shares.isAheadOfOthers('flood', 60_003)).toBe(false);
});
