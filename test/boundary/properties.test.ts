import { array, assert, constantFrom, dictionary, letrec, oneof, property, string } from 'fast-check';
import { expect, test } from 'vitest';
import { numberDetectors, secretDetectors } from '../../src/boundary/detectors.ts';
import type { JsonValue } from '../../src/model/json.ts';
import { buildBoundary, bytes, githubToken, output } from './support/filter.ts';

const boundary = buildBoundary();

/** Pieces that detectors care about, whole and broken: glued at random they make the hardest texts there are. */
const piece = constantFrom(
  ...secretDetectors.flatMap(({ literals, examples }) => [...literals, ...examples.hit]),
  ...numberDetectors.flatMap(({ examples }) => examples.hit),
  'SSN',
  'phone: ',
  'personnummer\n',
  '219-09-9999',
  '811228-9874',
  '&nbsp;',
  githubToken.slice(0, 20),
  githubToken.slice(20),
  '-----END RSA PRIVATE KEY-----',
  '\u001b',
  '\u001b[',
  '31m',
  '\u001b]',
  '\u0007',
  '\u009b',
  '\u0000',
  '\u200b',
  '\u200c',
  '\u200d',
  '\u202e',
  '\ufe0f',
  '\ufeff',
  '\u{e0067}',
  '\u{e0101}',
  '🏴',
  '🏴󠁧󠁢󠁥󠁮󠁧󠁿',
  '👨',
  '1',
  '\u20e3',
  'م',
  'क',
  '葛',
  '\u200f',
  '\ud800',
  '\udc00',
  ' ',
  '\n',
  '\\n',
  '"',
  ':',
  '.',
  '=',
  '%20',
  '[REDACTED:',
  ']',
  'a',
  'Authorization',
  'Bearer ',
);
const hardText = array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''));
const text = oneof(hardText, string());
const { json } = letrec<{ json: JsonValue }>((tie) => ({
  json: oneof(
    { depthSize: 'small', withCrossShrink: true },
    text,
    constantFrom(null, true, 1.5),
    array(tie('json'), { maxLength: 5 }),
    dictionary(oneof(text, constantFrom('__proto__', 'constructor', 'toString', '1')), tie('json'), {
      maxKeys: 5,
    }),
  ),
}));

function shape(value: JsonValue): unknown {
  if (Array.isArray(value)) return value.map(shape);
  if (typeof value === 'object' && value !== null) return Object.keys(value).length;
  return typeof value === 'string' ? 'string' : value;
}

test('text that was filtered once is not changed by filtering it again', () => {
  assert(
    property(text, (text) => {
      const once = boundary.redactText(text);
      expect(boundary.redactText(once)).toBe(once);
      expect(once.isWellFormed()).toBe(true);
    }),
    { numRuns: 2000 },
  );
});

test('what takes so many units takes whole characters: of the one that it ends in nothing stays', () => {
  // A generic secret is at most 128 units; the last of these are those of a flag.
  for (let units = 116; units <= 128; units++) {
    const secret =
      'EPLvFfGI6yRbrsXGyt1c4ETUOTwMLfKiayF4ApyHHPKhwgm1dV1bTPZAn3lsxdUxrWvnW070Wz2kRyXZAIzaSyD3f8Gh2KlMn0PqrStUvWxYz1234567ABCDEFGHIJ'.slice(
        0,
        units,
      );
    const once = boundary.redactText(
      `PAYPAL_CLIENT_SECRET=${secret}🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f} x`,
    );
    expect(once).toContain('[REDACTED:');
    expect(once.isWellFormed()).toBe(true);
    expect(boundary.redactText(once)).toBe(once);
  }
});

test('JSON stays JSON of the same shape, and filtering it again changes nothing', () => {
  assert(
    property(json, (value) => {
      const once = boundary.filterOutput(output({ result: value }), []).result;
      expect(shape(JSON.parse(JSON.stringify(once)))).toEqual(shape(value));
      const twice = boundary.filterOutput(output({ result: once }), []);
      expect(JSON.stringify(twice.result)).toBe(JSON.stringify(once));
      expect(['clean', 'flagged']).toContain(twice.report.verdict);
    }),
    { numRuns: 500 },
  );
});

test('wherever a secret stands, neither output nor report nor record holds it', () => {
  const surrounding = constantFrom('', ' ', 'token=', '"', '\n', '\u200b', '🏴', '\\n', '…');

  assert(
    property(json, text, surrounding, surrounding, (other, key, before, after) => {
      const planted = `${before}${githubToken}${after}`;
      const value: JsonValue = [{ [planted]: other, [`${key}!`]: [planted, { deeper: planted }] }];

      const filtered = boundary.filterOutput(
        output({
          result: value,
          error: { name: 'Error', message: planted },
          stdout: bytes(planted),
          stderr: bytes(planted),
        }),
        [],
      );
      const checked = boundary.checkArguments(value, []);

      expect(JSON.stringify(filtered)).not.toContain(githubToken);
      expect(JSON.stringify(checked)).not.toContain(githubToken);
    }),
    { numRuns: 300 },
  );
});

test('every hostile repetition settles, and filtering it again changes nothing', () => {
  const separators = ['', ' ', '.', '-', '\\n', '\u200b'];
  const units = secretDetectors.flatMap(({ literals, examples }) => [
    ...literals,
    ...examples.hit.map((hit) => hit.slice(0, -1)),
    ...examples.miss,
  ]);
  const unsettled = units.flatMap((unit) =>
    separators.flatMap((separator) => {
      const once = boundary.redactText(`${unit}${separator}`.repeat(60));
      const isSettled = once !== '[WITHHELD:input-unsettled]' && boundary.redactText(once) === once;
      return isSettled ? [] : [unit + separator];
    }),
  );

  expect(unsettled).toEqual([]);
});
