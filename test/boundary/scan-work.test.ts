import { describe, expect, test } from 'vitest';
import { detectors, literalDetectors } from '../../src/boundary/detectors.ts';
import { buildBoundary, bytes, output } from './support/filter.ts';

const boundary = buildBoundary();

type Method = (this: unknown, ...options: unknown[]) => unknown;

/** Until it is disposed of, each call of the method is told with what it answered. */
function watch(owner: object, name: string, onCall: (self: unknown, answer: unknown) => void): Disposable {
  const original = Reflect.get(owner, name) as Method;
  Object.assign(owner, {
    [name](this: unknown, ...options: unknown[]): unknown {
      const answer = original.apply(this, options);
      onCall(this, answer);
      return answer;
    },
  });
  return { [Symbol.dispose]: () => void Object.assign(owner, { [name]: original }) };
}

/**
 * Steps that the filter takes over a text: each character that is looked at by itself, each try of a pattern with what
 * it matched, each part that is taken out of it. A failing try counts as one: how far it reads is bounded by its
 * quantifiers, which `detectors.test.ts` looks at.
 */
function countSteps(text: string): number {
  let steps = 0;
  using watching = new DisposableStack();
  for (const name of ['charCodeAt', 'charAt', 'codePointAt', 'slice'])
    watching.use(watch(String.prototype, name, () => (steps += 1)));
  watching.use(watch(String.prototype, 'includes', (self) => (steps += String(self).length)));
  const countMatch = (match: unknown): number => (Array.isArray(match) ? String(match[0]).length : 0);
  watching.use(watch(RegExp.prototype, 'exec', (_, match) => (steps += 1 + countMatch(match))));
  boundary.filterOutput(output({ stdout: bytes(text) }), []);
  return steps;
}

const size = 2048;

function repeated(unit: string, units: number): string {
  return unit.repeat(Math.ceil(units / unit.length));
}

/** Steps for each unit at n, 2n and 4n. */
function stepsOf(unit: string): readonly [number, number, number] {
  const at = (times: number): number => {
    const text = repeated(unit, times * size);
    return countSteps(text) / text.length;
  };
  return [at(1), at(2), at(4)];
}

const hostile = [
  ...new Set([
    ...literalDetectors.map(({ literals }) => literals[0] ?? ''),
    ...detectors.flatMap(({ examples }) => [examples.hit[0] ?? '', (examples.hit[0] ?? '').slice(0, -1)]),
    '![a](https://e/?q=',
    'eyJhbGciOiJIUzI1NiJ9.',
    'password=',
    '%41',
    '\\u0041',
    '&#65;',
    '4111 1111 1111 1112 ',
  ]),
].filter((unit) => unit !== '');

describe('what the filter does for a text of one thing over and over', () => {
  test('counts', () => {
    expect(countSteps('AKIA'.repeat(100))).toBeGreaterThan(100);
    expect(hostile.length).toBeGreaterThan(400);
  });

  test('grows with the text and no faster, for every detector', () => {
    const superlinear = hostile.flatMap((unit) => {
      const [one, two, four] = stepsOf(unit);
      return two > 1.5 * one + 8 || four > 1.5 * one + 8 ? [{ unit, one, two, four }] : [];
    });
    expect(superlinear).toEqual([]);
  });
});
