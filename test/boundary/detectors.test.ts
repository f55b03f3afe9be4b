import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { detectorIds, detectors, literalDetectors } from '../../src/boundary/detectors.ts';
import { filterResult, filterStdout, profile } from './support/filter.ts';
import { readPattern } from './support/pattern-source.ts';

/** Detectors that keep quiet unless a profile asks for them are asked here. */
const quiet = detectors.filter(({ outbound }) => outbound === 'allow');
const profiles = [profile('outbound', Object.fromEntries(quiet.map(({ id }) => [id, 'flag'] as const)))];
const found = (text: string) =>
  filterStdout(text, profiles).report.findings.map((finding) => finding.detector);

/** Known secrets and what is too much to decode have no published format; their tests are files of their own. */
const published = detectors.filter(({ id }) => id !== 'known-secret' && id !== 'undecoded');

describe.each(published)('$id', ({ id, outbound, examples }) => {
  test.each(examples.hit)('finds %j', (example) => {
    expect(found(example)).toContain(id);
  });

  test.each(examples.hit)('takes %j out of JSON too', (example) => {
    const { result, report } = filterResult({ text: example }, profiles);

    expect(report.findings.map((finding) => finding.detector)).toContain(id);
    const isTakenOut = outbound === 'redact';
    if (isTakenOut) expect(JSON.stringify(result)).not.toContain(JSON.stringify(example).slice(1, -1));
  });

  test.each(examples.miss)('leaves %j', (example) => {
    expect(found(example)).not.toContain(id);
  });
});

test('every detector names its source and shows a hit and a miss', () => {
  const incomplete = published.filter(
    ({ title, source, examples }) =>
      title === '' || source === '' || examples.hit.length * examples.miss.length === 0,
  );

  expect(incomplete).toEqual([]);
});

test('the ids that policy files may name are these', () => {
  const ids = readFileSync(join(import.meta.dirname, 'detector-ids.txt'), 'utf8')
    .trimEnd()
    .split('\n');

  expect([...detectorIds].toSorted()).toEqual(ids);
  expect(detectors.length).toBe(ids.length - 1);
});

const patterns = literalDetectors.flatMap(({ id, family, literals, format }) =>
  format.kind === 'pattern' ? [{ id, family, literals, format }] : [],
);

describe.each(patterns)('the pattern of $id', ({ family, literals, format: { pattern, alphabet } }) => {
  const facts = readPattern(pattern.source);

  test('has bounded quantifiers only, none nested and none lazy', () => {
    expect(facts).toMatchObject({ unboundedQuantifiers: 0, nestedQuantifiers: 0, lazyQuantifiers: 0 });
  });

  test('is sticky, so that it is tried at its literal and nowhere else', () => {
    expect(pattern.sticky).toBe(true);
    expect(pattern.global).toBe(false);
  });

  test('reads far only through its own alphabet, so that no second try starts inside a long one', () => {
    if (pattern.source.includes('(?<secret>') || family === 'exfiltration') return;
    const ascii = Array.from({ length: 128 }, (_, unit) => String.fromCharCode(unit));
    for (const { source } of facts.repeatedClasses.filter(({ max }) => max > 128)) {
      const readable = ascii.filter((character) => new RegExp(source).test(character));
      expect(readable.filter((character) => !alphabet.test(character))).toEqual([]);
    }
  });

  test('has literals of at least three characters', () => {
    const ideographs = /^[^\u0000-\u007f]{2}$/;
    expect(literals.filter((literal) => literal.length < 3 && !ideographs.test(literal))).toEqual(
      literals.filter((literal) => literal === '![' || literal === ']('),
    );
  });
});

test('the reader of patterns sees what it is asked about', () => {
  expect(readPattern('a+[b-c]{2,}(?:d{1,3}e){4}f*?')).toEqual({
    unboundedQuantifiers: 3,
    nestedQuantifiers: 1,
    lazyQuantifiers: 1,
    repeatedClasses: [{ source: '[b-c]', max: 0 }],
  });
});
