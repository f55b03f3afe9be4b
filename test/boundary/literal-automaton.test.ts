import { array, assert, constantFrom, property, string } from 'fast-check';
import { expect, test } from 'vitest';
import { buildLiteralAutomaton } from '../../src/boundary/literal-automaton.ts';

test('it finds overlapping, nested and equal literals, in the order in which they end', () => {
  const found: string[] = [];
  const literals = ['she', 'he', 'hers', 'he'];

  buildLiteralAutomaton(literals).scan('ushers', (literal, start) =>
    found.push(`${literals[literal]}@${start}#${literal}`),
  );

  expect(found).toEqual(['she@1#0', 'he@2#1', 'he@2#3', 'hers@2#2']);
});

test('it finds exactly what a comparison at every place finds', () => {
  const text = string({ unit: constantFrom('a', 'b', 'c', 'é'), maxLength: 60 });
  const literals = array(string({ unit: constantFrom('a', 'b', 'é'), minLength: 1, maxLength: 4 }), {
    maxLength: 6,
  });

  assert(
    property(text, literals, (text, literals) => {
      const automaton = buildLiteralAutomaton(literals);
      const found = new Set<string>();
      automaton.scan(text, (literal, start) => found.add(`${literal}@${start}`));

      const expected = new Set<string>();
      for (const [index, literal] of literals.entries()) {
        for (let at = 0; at < text.length; at++)
          if (text.startsWith(literal, at)) expected.add(`${index}@${at}`);
      }
      expect(found).toEqual(expected);
      expect(automaton.test(text)).toBe(expected.size > 0);
    }),
  );
});

test('the case of letters makes no difference', () => {
  const found: number[] = [];

  buildLiteralAutomaton(['Key-É']).scan('KEY-É key-É key-e', (_, start) => found.push(start));

  expect(found).toEqual([0, 6]);
});

test('an empty literal is refused', () => {
  expect(() => buildLiteralAutomaton(['a', ''])).toThrow('a literal cannot be empty');
});
