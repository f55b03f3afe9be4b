import { expect, test } from 'vitest';
import { readPrefer } from '../../src/api/prefer.ts';
import { Problem } from '../../src/api/problem.ts';

test.each([
  [undefined, null, null],
  ['respond-async', 0, 'respond-async'],
  ['Respond-Async, Wait=10', 10_000, 'respond-async, wait=10'],
  ['wait=0', 0, 'wait=0'],
  ['wait = "5"', 5000, 'wait=5'],
  ['wait=601', 600_000, 'wait=600'],
  [`wait=${'9'.repeat(400)}`, 600_000, 'wait=600'],
  ['wait=ten', null, null],
  ['wait=-1, respond-async', 0, 'respond-async'],
  ['wait=1.5', null, null],
  ['wait=', null, null],
  ['return=minimal', null, null],
  ['return=minimal; foo=1, respond-async', 0, 'respond-async'],
])('%s', (header, waitMs, applied) => {
  expect(readPrefer(header)).toEqual({ waitMs, applied });
});

test('a header beyond all measure is refused', () => {
  expect(() => readPrefer(`wait=1,${'x'.repeat(1100)}`)).toThrow(Problem);
});
