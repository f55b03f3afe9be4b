import { expect, test } from 'vitest';
import { readPrefer } from '../../src/api/prefer.ts';
import { Problem } from '../../src/api/problem.ts';

test.each([
  [undefined, null, null],
  ['respond-async', 0, 'respond-async'],
  ['Respond-Async, Wait=10', 10_000, 'respond-async, wait=10'],
  ['wait=0', 0, 'wait=0'],
  ['wait = "5"', 5000, 'wait=5'],
  ['return=minimal', null, null],
  ['return=minimal; foo=1, respond-async', 0, 'respond-async'],
])('%s', (header, waitMs, applied) => {
  expect(readPrefer(header)).toEqual({ waitMs, applied });
});

test.each(['wait=601', 'wait=-1', 'wait=1.5', 'wait=', 'wait=ten', `wait=1,${'x'.repeat(1100)}`])(
  '%s is refused',
  (header) => {
    expect(() => readPrefer(header)).toThrow(Problem);
  },
);
