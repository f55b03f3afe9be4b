import { expect, test } from 'vitest';
import { TenantShares } from '../../src/execution/tenant-shares.ts';

test('far ahead is who took more than the margin above so many times the average of the others', () => {
  const shares = new TenantShares({ margin: 100, times: 2 });
  shares.note('flood', 0, 500);
  expect(shares.isFarAhead('flood', 0)).toBe(false);
  shares.note('calm', 0, 0);
  expect(shares.isFarAhead('flood', 0)).toBe(true);
  expect(shares.isFarAhead('calm', 0)).toBe(false);
  shares.note('calm', 0, 200);
  expect(shares.isFarAhead('flood', 0)).toBe(false);
});

test('what was taken counts half after ten seconds, and nothing after a minute', () => {
  const shares = new TenantShares({ margin: 100, times: 2 });
  shares.note('flood', 0, 300);
  shares.note('calm', 0, 0);
  expect(shares.countOf('flood', 10_000)).toBe(150);
  expect(shares.isFarAhead('flood', 10_000)).toBe(true);
  expect(shares.isFarAhead('flood', 20_000)).toBe(false);
  expect(shares.countOf('flood', 60_000)).toBe(0);
});
