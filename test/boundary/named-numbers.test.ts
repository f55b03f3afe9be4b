import { array, assert, constantFrom, property, string } from 'fast-check';
import { expect, test } from 'vitest';
import { wordsOf } from '../../src/boundary/pii/named-numbers.ts';
import { numberContextUnits } from '../../src/boundary/scan/number-text.ts';
import { buildBoundary, bytes, filterStdout } from './support/filter.ts';

test.each([
  ['customerSsn: ', 'customer ssn '],
  ['CUSTOMER_SSN="', 'customer ssn '],
  ['<b>Customer SSN</b>', ' b customer ssn b '],
  ['myHTTPServer2Go\n  UID', 'my http server 2 go\n uid'],
  ['1SSN', '1 ssn'],
  ['ssn2: ', 'ssn 2 '],
  ['17 20Cpf', '17 20 cpf'],
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

test.each(['17Social Security No. ', 'row1SSN=', 'ssn2: ', '№5SSN2: '])(
  'a name beside a digit is one: %j',
  (name) => {
    expect(filterStdout(`${name}${['219', '09', '9999'].join('-')}`).stdout).toContain(
      '[REDACTED:national-id-us:',
    );
  },
);

/** Further off than names are looked for, as it is written, and near as it is read. */
const gaps = ['%20'.repeat(40), '%2520'.repeat(30), '\\u0020'.repeat(20), '&#x00000020;'.repeat(12)];

test.each(gaps)('a name is as near to a number as it is read: %j', (gap) => {
  const number = ['4405', '1401359'].join('');
  expect(filterStdout(`PESEL${gap}${number}`).stdout).toContain('[REDACTED:national-id-pl:');
  expect(filterStdout(`PESEL${gap}${' word'.repeat(20)} ${number}`).stdout).toContain(number);
});

test.each(gaps)('a stream is not cut between both: %j', (gap) => {
  const lines = [`PESEL${gap}\n`, `${['4405', '1401359'].join('')}\n`, 'and more\n'];
  const stream = buildBoundary().filterStream('stdout', []);
  const left = lines.map((line) => stream.push(bytes(line))).join('') + stream.end().text;
  expect(left).toBe(filterStdout(lines.join('')).stdout);
  expect(left).toContain('[REDACTED:national-id-pl:');
});

test('a name without a space in it is one, whatever else stands in the text', () => {
  const number = ['219', '-09-9999'].join('');
  for (const rest of ['', 'x\u200by\n'])
    expect(filterStdout(`SocSec: ${number}\n${rest}`).stdout).toContain('SocSec: [REDACTED:national-id-us:');
});

test('a name is found again for a number that reads further back than the one before it', () => {
  const gap = `%${'25'.repeat(8)}20${'abc def '.repeat(9)}abcdef`;
  const [first, second] = ['219', '220'].map((area) => `${area}099999`);
  const placeholder = expect.stringMatching(/:\[REDACTED:[^\]]{1,32}\],%20\[REDACTED:[^\]]{1,32}\]$/);
  expect(filterStdout(`SSN${gap}:${first},%20${second}`).stdout).toEqual(placeholder);
});
