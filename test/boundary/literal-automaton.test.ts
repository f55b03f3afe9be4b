import { array, assert, constantFrom, integer, property, string } from 'fast-check';
import { expect, test } from 'vitest';
import { buildLiteralAutomaton } from '../../src/boundary/scan/literal-automaton.ts';
import { buildAlphabet, encodeText } from '../../src/boundary/scan/text-codes.ts';

/** `literal@start#index` in the order in which they are reported, and the places of what hides. */
function find(literals: readonly string[], text: string) {
  const alphabet = buildAlphabet(literals);
  const found: string[] = [];
  const hidden = buildLiteralAutomaton(literals, alphabet).scan(
    encodeText(text, alphabet).codes,
    (index, start) => found.push(`${literals[index]}@${start}#${index}`),
  );
  return { found, hidden };
}

test('it finds overlapping, nested and equal literals, in the order in which they end', () => {
  expect(find(['she', 'he', 'hers', 'he'], 'ushers').found).toEqual([
    'she@1#0',
    'he@2#1',
    'he@2#3',
    'hers@2#2',
  ]);
});

test('it finds exactly what a comparison at every place finds, in short texts and in long ones', () => {
  const letter = constantFrom('a', 'b', 'c', 'é');
  const literals = array(string({ unit: constantFrom('a', 'b', 'é'), minLength: 1, maxLength: 4 }), {
    maxLength: 6,
  });
  const text = string({ unit: letter, maxLength: 60 });

  assert(
    property(text, literals, integer({ min: 1, max: 40 }), (piece, literals, times) => {
      const text = piece.repeat(times);
      const expected: string[] = [];
      for (let end = 1; end <= text.length; end++) {
        const ending = literals.flatMap((literal, index) =>
          text.endsWith(literal, end) ? [{ literal, index, start: end - literal.length }] : [],
        );
        const longestFirst = ending.toSorted(
          (one, other) => one.start - other.start || one.index - other.index,
        );
        expected.push(...longestFirst.map(({ literal, index, start }) => `${literal}@${start}#${index}`));
      }
      expect(find(literals, text).found).toEqual(expected);
    }),
  );
});

test('an occurrence across two of the lanes, or two of the blocks, that a text is read in is found once', () => {
  const literal = 'needle';
  for (const length of [511, 512, 2048, 262_144, 262_150, 600_001]) {
    for (const start of [
      0,
      length / 4 - 3,
      length / 2 - 1,
      (3 * length) / 4 - 5,
      262_141,
      262_144,
      length - 6,
    ]) {
      const at = Math.floor(start);
      if (at + literal.length > length) continue;
      const text = `${'.'.repeat(at)}${literal}${'.'.repeat(length - at - literal.length)}`;
      expect(find([literal, 'edl'], text).found).toEqual([`edl@${at + 2}#1`, `needle@${at}#0`]);
    }
  }
});

test('the case of letters makes no difference', () => {
  expect(find(['Key-É'], 'KEY-É key-É key-e').found).toEqual(['Key-É@0#0', 'Key-É@6#0']);
});

test('an empty literal is refused', () => {
  expect(() => find(['a', ''], 'a')).toThrow('a literal cannot be empty');
});

test('it tells of every character that a reader may not see, and of no other', () => {
  const wrong: string[] = [];
  const mayHide = /[[\p{Cc}\p{Default_Ignorable_Code_Point}\ufff9-\ufffb]--[\t\n\r]]/v;
  const alphabet = buildAlphabet(['a\u0001', 'é\u200b', 'm\u00e9']);
  for (let codePoint = 0; codePoint < 0x11_00_00; codePoint++) {
    if (codePoint >= 0xd8_00 && codePoint <= 0xdf_ff) continue;
    const character = String.fromCodePoint(codePoint);
    const isHidden = alphabet.hidden.has(encodeText(character, alphabet).codes[0] ?? -1);
    // Beyond the basic plane only the first half of a character is looked at.
    const isWrong =
      codePoint < 0x1_00_00 ? isHidden !== mayHide.test(character) : !isHidden && mayHide.test(character);
    if (isWrong) wrong.push(codePoint.toString(16));
  }
  expect(wrong).toEqual([]);
});

test.each(['\u0000', '\u001b', '\u007f', '\u0085', '\u200b', '\u{e0067}', '\u0001', '\ufeff'])(
  'it tells of %j wherever it stands, also where literals hold it',
  (character) => {
    for (const before of ['', `${'x'.repeat(700)}a`, 'é'.repeat(900)]) {
      expect(find(['xy', 'a\u0001', 'a\u001b[b'], `${before}${character}b`).hidden).toContain(before.length);
    }
    expect(find(['xy', 'a\u0001'], 'x\t\r\nÄé語 a').hidden).toEqual([]);
  },
);

test('more literals than two bytes can number the states of are found as well', () => {
  const literals = Array.from({ length: 1_200 }, (_, index) => `${index}:${'abcdefghij'.repeat(6)}${index};`);
  const text = literals.join('');

  expect(text.length).toBeGreaterThan(0x1_00_00);
  expect(find(literals, text).found).toEqual(
    literals.map((literal, index) => `${literal}@${text.indexOf(literal)}#${index}`),
  );
});
