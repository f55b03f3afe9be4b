import { array, assert, constantFrom, property } from 'fast-check';
import { expect, test } from 'vitest';
import { literalDetectors } from '../../src/boundary/detectors.ts';

const quick = literalDetectors.flatMap(({ id, literals, format }) =>
  format.kind === 'pattern' && format.mayMatch !== undefined
    ? [{ id, literals, pattern: format.pattern, mayMatch: format.mayMatch }]
    : [],
);

/** What the patterns of these detectors are made of, and what ends them. */
const pieces = [
  'a',
  'Z',
  '9',
  '_',
  '-',
  ' ',
  '\t',
  '\u00a0',
  ':',
  '/',
  '@',
  '"',
  "'",
  '(',
  ')',
  '[',
  '<',
  '>',
];
const more = [
  '?',
  '&',
  'q=',
  '=',
  '.',
  ',',
  '!',
  '*',
  'to the ',
  'AI',
  'assistant',
  'llm',
  'user',
  'pass',
  'é',
  's',
];
const wholes = [
  ':secret@',
  'q7Lm2VtR9x;',
  '&',
  'user:pass@host',
  'host/a?q=',
  '&b=',
  'a'.repeat(20),
  'b'.repeat(80),
];
const word = constantFrom(...pieces, ...more, ...wholes, ...wholes, ...wholes);
const rest = array(word, { maxLength: 14 }).map((words) => words.join(''));

test('there are detectors that look at the text first', () => {
  expect(quick.length).toBe(4);
});

test.each(quick)(
  'the first look of $id refuses nothing that its pattern takes',
  ({ literals, ...detector }) => {
    const { pattern, mayMatch } = detector;
    let taken = 0;
    assert(
      property(constantFrom(...literals), rest, (literal, rest) => {
        const text = ` ${literal}${rest}`;
        pattern.lastIndex = 1;
        if (!pattern.test(text)) return;
        taken++;
        expect([text, mayMatch(text, 1)]).toEqual([text, true]);
      }),
      { numRuns: 20_000 },
    );
    expect(taken).toBeGreaterThan(50);
  },
);
