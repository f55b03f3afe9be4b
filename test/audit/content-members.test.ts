import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonicalJson } from '../../src/audit/canonical-json.ts';
import { commitmentsOf, fitsCommitments } from '../../src/audit/chain.ts';

const salt = '0123456789abcdef'.repeat(4);
const content = fc.dictionary(fc.string({ maxLength: 6, unit: 'binary' }), fc.jsonValue(), { maxKeys: 5 });

test('content fits what it was committed to, unless a name has to be looked at closer', () => {
  fc.assert(
    fc.property(content, (value) => {
      const text = canonicalJson(value);
      const commitments = commitmentsOf(text, salt);
      expect(commitments).not.toBeNull();
      const isPlain = Object.keys(value).every((name) => JSON.stringify(name) === `"${name}"`);
      if (isPlain) expect(fitsCommitments(text, salt, commitments ?? {})).toBe(true);
    }),
  );
});

test('content that was changed in any way does not fit, also where it is no JSON any more', () => {
  const change = fc.tuple(
    fc.nat(),
    fc.nat(3),
    fc.constantFrom('', '"', ',', '}', '{', '\\', ':', ']', '0', '"a":1,'),
  );
  fc.assert(
    fc.property(content, change, (value, [at, removed, added]) => {
      const text = canonicalJson(value);
      const place = at % (text.length + 1);
      const changed = text.slice(0, place) + added + text.slice(place + removed);
      fc.pre(changed !== text);
      expect(fitsCommitments(changed, salt, commitmentsOf(text, salt) ?? {})).toBe(false);
    }),
    { numRuns: 1_000 },
  );
});

test('members that were exchanged, doubled or left out do not fit', () => {
  const commitments = commitmentsOf('{"a":1,"b":2}', salt) ?? {};
  expect(fitsCommitments('{"a":1,"b":2}', salt, commitments)).toBe(true);
  for (const text of ['{"b":2,"a":1}', '{"a":1,"a":1}', '{"a":1}', '{}', '', '{"a":1,"b":2,"c":3}'])
    expect(fitsCommitments(text, salt, commitments)).toBe(false);
});
