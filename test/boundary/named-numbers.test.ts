import { array, assert, constantFrom, property, string } from 'fast-check';
import { expect, test } from 'vitest';
import { wordsOf } from '../../src/boundary/pii/named-numbers.ts';
import { numberContextUnits } from '../../src/boundary/scan/number-text.ts';

test.each([
  ['customerSsn: ', 'customer ssn '],
  ['CUSTOMER_SSN="', 'customer ssn '],
  ['<b>Customer SSN</b>', ' b customer ssn b '],
  ['myHTTPServer2Go\n  UID', 'my http server2go\n uid'],
  ['tax%20id', 'tax id'],
])('%j is read as %j', (text, words) => {
  expect(wordsOf(text)).toBe(words);
});

const pieces = array(
  constantFrom('ssn', 'SSN', 'customerSsn', 'a', 'B', 'Cd', '_', '-', ' ', '  ', '\n', '9', '12', '<', '"'),
  { maxLength: 24 },
).map((parts) => parts.join(''));

test('plain text is read as it is beside other characters, which takes another way', () => {
  const read = (text: string) => {
    const short = text.slice(0, numberContextUnits);
    expect(wordsOf(`é\n${short}`)).toBe(`é\n${wordsOf(short)}`);
  };
  assert(property(pieces, read), { numRuns: 20_000 });
  assert(property(string({ unit: 'binary-ascii', maxLength: numberContextUnits }), read), { numRuns: 5000 });
});
