import { array, assert, constantFrom, oneof, option, property, tuple } from 'fast-check';
import { expect, test } from 'vitest';
import { literalDetectors } from '../../src/boundary/detectors.ts';
import { buildAlphabet, encodeText } from '../../src/boundary/scan/text-codes.ts';

const alphabet = buildAlphabet(literalDetectors.flatMap(({ literals }) => literals));

const quick = literalDetectors.flatMap(({ id, literals, format, examples }) =>
  format.kind === 'pattern' && format.mayMatch !== undefined
    ? [
        {
          id,
          literals,
          pattern: format.pattern,
          mayMatch: format.mayMatch,
          tails: tailsOf(examples.hit, literals),
        },
      ]
    : [],
);

/** What follows a literal in the examples that must be hit. */
function tailsOf(examples: readonly string[], literals: readonly string[]): readonly string[] {
  return examples.flatMap((example) =>
    literals.flatMap((literal) => {
      const at = example.toLowerCase().indexOf(literal.toLowerCase());
      return at === -1 ? [] : [example.slice(at + literal.length)];
    }),
  );
}

/** The words of a pattern, in an order in which it may want them, with as much between as it may allow. */
function phrasesOf(pattern: RegExp) {
  const source = pattern.source.replaceAll(/\[([^^])[^\]]*\]/g, '$1').replaceAll(/[^)]\?|\\[a-z]/g, ' ');
  const words = source.match(/[\p{L}\p{M}'][\p{L}\p{M}' ,-]*/gu) ?? [''];
  const between = constantFrom('', ' ', ' ', 'x'.repeat(8), ` ${'x'.repeat(14)} `, ` ${'x'.repeat(22)} `);
  return array(tuple(between, constantFrom(...words)), { maxLength: 4 }).map((parts) =>
    parts.flat().join(''),
  );
}

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
  ' | sh',
  ' -u me:q7Lm2VtR9x ',
  '/',
];
const word = constantFrom(...pieces, ...more, ...wholes, ...wholes, ...wholes);
const filler = array(word, { maxLength: 14 }).map((words) => words.join(''));

test('there are detectors that look at the text first', () => {
  expect(quick.length).toBeGreaterThan(20);
});

test.each(quick)(
  'the first look of $id refuses nothing that its pattern takes',
  ({ literals, tails, ...detector }) => {
    const { pattern, mayMatch } = detector;
    const rest = tuple(
      option(oneof(filler, phrasesOf(pattern)), { nil: '' }),
      constantFrom('', ...tails),
    ).map((parts) => parts.join(''));
    let taken = 0;
    assert(
      property(constantFrom(...literals), rest, (literal, rest) => {
        const text = ` ${literal}${rest}`;
        pattern.lastIndex = 1;
        if (!pattern.test(text)) return;
        taken++;
        expect([text, mayMatch(encodeText(text, alphabet).codes, 1)]).toEqual([text, true]);
      }),
      { numRuns: 20_000 },
    );
    expect(taken).toBeGreaterThan(50);
  },
);
