import { expect, test } from 'vitest';
import { eventWords, searchWords } from '../../src/audit/search-terms.ts';

test('thousands of accents in disorder cost no more than other text', () => {
  // To put one of them in order takes a tenth of a second: all of them together would take longer than a test may.
  const note = 'a' + '\u0300\u0323'.repeat(8_192);
  for (let times = 0; times < 500; times += 1) expect(eventWords(null, { note })).toEqual(['a']);
});

test('a long word is found by its beginning, cut between characters', () => {
  const word = `a${'𠀀'.repeat(100)}`;
  const [cut] = eventWords(null, { word });
  expect(cut?.isWellFormed()).toBe(true);
  expect(searchWords(word)).toEqual([{ text: cut, isPrefix: false }]);
});
