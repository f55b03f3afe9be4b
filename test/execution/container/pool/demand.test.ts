import { expect, test } from 'vitest';

import { Demand } from '../../../../src/execution/container/pool/demand.ts';
import { TenantShares } from '../../../../src/execution/tenant-shares.ts';

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

test('one is kept from who had more than another tenant of the last minute', () => {
  const shares = new TenantShares();
  shares.note('flood', 0);
  expect(shares.keptFrom('flood', 0)).toBe(0);
  shares.note('flood', 1);
  shares.note('quiet', 2);
  expect(shares.keptFrom('flood', 3)).toBe(1);
  expect(shares.keptFrom('quiet', 3)).toBe(0);
  expect(shares.keptFrom('flood', 60_003)).toBe(0);
});

test('one for each of the others is kept from who took more than one above what they did on average', () => {
  const shares = new TenantShares();
  for (const tenant of ['north', 'south', 'east']) shares.note(tenant, 0);
  for (let call = 0; call < 2; call++) shares.note('flood', 0);
  expect([shares.isFarAhead('flood', 0), shares.keptFrom('flood', 0)]).toEqual([false, 1]);
  shares.note('flood', 0);
  expect([shares.isFarAhead('flood', 0), shares.keptFrom('flood', 0)]).toEqual([true, 3]);
  expect([shares.isFarAhead('north', 0), shares.keptFrom('north', 0)]).toEqual([false, 0]);
});

test('who comes at an even pace is not behind a flood that has only just begun', () => {
  const shares = new TenantShares();
  for (let call = 0; call < 10; call++) shares.note('steady', call * 6_000);
  for (let call = 0; call < 8; call++) shares.note('flood', 57_000);
  expect(shares.countOf('flood', 58_000)).toBeGreaterThan(2 * shares.countOf('steady', 58_000));
});
