import { setFlagsFromString } from 'node:v8';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { literalDetectors } from '../../src/boundary/detectors.ts';
import { withCasesSpelledOut } from '../../src/boundary/scan/any-case.ts';
import { unfinished } from '../../src/boundary/stream/unfinished-pattern.ts';

const patterns = literalDetectors.flatMap(({ id, format, examples }) =>
  format.kind === 'pattern' ? [{ id, pattern: format.pattern, examples }] : [],
);

test.each([
  ['(?i:ab|c)d', '(?:[aA][bB]|[cC])d'],
  ['x(?i:(?:é)[\\w-k]{0,4}(?=[a-f]))[a-z]', 'x(?:(?:[éÉ])[\\w-kK]{0,4}(?=[a-fA-F]))[a-z]'],
  ['(?i:[^A-C\\]n1]\\s)(?<name>a)', '(?:[^A-C\\]n1a-cN]\\s)(?<name>a)'],
  ['no(?:group)', 'no(?:group)'],
])('%s is spelled out', (source, spelledOut) => {
  expect(withCasesSpelledOut(new RegExp(source, 'y'))).toEqual(new RegExp(spelledOut, 'y'));
});

/** As in a process that has compiled a megabyte of expressions. */
describe('where expressions are compiled without optimising', () => {
  beforeAll(() => setFlagsFromString('--no-regexp-optimization'));
  afterAll(() => setFlagsFromString('--regexp-optimization'));

  test.each(patterns)('the expressions of $id match what they match otherwise', ({ pattern, examples }) => {
    const texts = examples.hit.flatMap((hit) => [hit, hit.replace(/^[\w ]+/, (name) => name.toUpperCase())]);
    const expressions = [withCasesSpelledOut(pattern), unfinished(pattern).pattern];
    const plain = expressions.map((each) => texts.map((text) => matches(each, text)));

    setFlagsFromString('--regexp-optimization');
    // Of another source: what was compiled once is kept.
    const others = [pattern, unfinished(pattern).pattern].map(
      ({ source, flags }) => new RegExp(`(?:)${source}`, flags),
    );
    const optimised = others.map((each) => texts.map((text) => matches(each, text)));
    setFlagsFromString('--no-regexp-optimization');

    expect(plain).toEqual(optimised);
  });
});

/** What is matched from each place on. */
function matches(pattern: RegExp, text: string): (string | undefined)[] {
  return Array.from({ length: text.length }, (_, at) => {
    pattern.lastIndex = at;
    return pattern.exec(text)?.[0];
  });
}
