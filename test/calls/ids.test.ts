import { expect, test } from 'vitest';
import { createIdSource, createRandomSource } from '../../src/calls/ids.ts';

test('random bytes differ from block to block and are never handed out twice', () => {
  const randomBytes = createRandomSource();
  const seen = new Set(Array.from({ length: 2000 }, () => Buffer.from(randomBytes(16)).toString('hex')));
  expect(seen.size).toBe(2000);
  expect(randomBytes(10_000)).toHaveLength(10_000);
});

test('what was handed out does not change when more is drawn', () => {
  const randomBytes = createRandomSource();
  const first = randomBytes(32);
  const copy = Buffer.from(first).toString('hex');
  for (let count = 0; count < 1000; count += 1) randomBytes(32);
  expect(Buffer.from(first).toString('hex')).toBe(copy);
});

test('ids are prefixed ULIDs in order', () => {
  const newId = createIdSource(createRandomSource());
  const ids = Array.from({ length: 100 }, () => newId('call'));
  expect(ids.every((id) => /^call_[0-9A-HJKMNP-TV-Z]{26}$/.test(id))).toBe(true);
  expect(ids.toSorted()).toEqual(ids);
});
