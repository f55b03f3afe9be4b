/** What `npm run boundary:score` measures, on less of it: the filter must not become worse than it promises. */
import { expect, test } from 'vitest';
import { detectors } from '../../src/boundary/detectors.ts';
import { measureBenign } from './score/measure-benign.ts';
import { measureAttacks, measureOrdinary, measureParagraphs } from './score/measure-injection.ts';
import type { Judged } from './score/measure-injection.ts';
import type { Alarm } from './score/measure-personal.ts';
import { measureNearMisses, measurePersonal } from './score/measure-personal.ts';
import { measurePayloads } from './score/measure-payloads.ts';
import { measureSecrets } from './score/measure-secrets.ts';
import { wilson } from './score/wilson.ts';
import { buildBoundary } from './support/filter.ts';

const boundary = buildBoundary();
const personalCases = measurePersonal(boundary, 1, 7);
const nearMisses = measureNearMisses(boundary, 1, 7);
const corpora = measureBenign(boundary, 12_000_000);
const bytes = corpora.reduce((sum, corpus) => sum + corpus.bytes, 0);
const share = (of: readonly Judged[]) => of.filter(({ isFound }) => isFound).length / of.length;

test('of tokens with a form of their own and of those beside their name, nine in ten and more are taken out', () => {
  const cases = measureSecrets(boundary, 1, 7);
  for (const kind of ['distinctive', 'named']) {
    const of = cases.filter(({ format }) => format.kind === kind);
    expect(of.filter(({ isTakenOut }) => isTakenOut).length / of.length).toBeGreaterThan(0.97);
  }
});

test.each([
  ['payment card', 0.998],
  ['IBAN', 0.999],
  ['national id', 0.99],
  ['telephone, international', 0.998],
  ['telephone, national', 0.94],
  ['e-mail address', 0.99],
] as const)(
  'of numbers of the kind %s as systems and people print them, more than %d are taken out',
  (kind, floor) => {
    const of = personalCases.filter(({ form }) => form.kind === kind);

    expect(of.filter(({ isTakenOut }) => isTakenOut).length / of.length).toBeGreaterThan(floor);
  },
);

test('numbers with a wrong check digit stay, and so does what only looks like a number of a person', () => {
  const share = (alarms: readonly Alarm[]) =>
    alarms.filter(({ found }) => found.length > 0).length / alarms.length;
  const isChance = ({ shape }: Alarm) => shape.startsWith('random plain numbers');

  expect(share(nearMisses.filter(isChance))).toBeLessThan(0.02);
  expect(share(nearMisses.filter((alarm) => !isChance(alarm)))).toBeLessThan(0.003);
});

test.each([
  ['secrets', 0.1],
  ['pii', 0.02],
] as const)('of ordinary text, fewer stretches in a megabyte are taken for %s than %d', (family, most) => {
  const ids = new Set(detectors.filter((detector) => detector.family === family).map(({ id }) => id));
  const wrong = corpora.flatMap(({ redacted }) => [...redacted].filter(([id]) => ids.has(id)));

  expect(bytes).toBeGreaterThan(40_000_000);
  expect(wrong.reduce((sum, [, count]) => sum + count, 0)).toBeLessThan((most * bytes) / 1e6);
});
test('attacks are found in most cases, ordinary texts in few', () => {
  expect(share(measureAttacks(boundary))).toBeGreaterThan(0.85);
  expect(share(measureOrdinary(boundary))).toBeLessThan(0.02);
  const { of, found } = measureParagraphs(boundary);
  expect(found.length / of).toBeLessThan(0.001);
});

test('every payload of invisible characters, terminal escapes and images that load by themselves is neutralised', () => {
  expect(measurePayloads(boundary).filter(({ isNeutralised }) => !isNeutralised)).toEqual([]);
});

test('intervals are those of Wilson', () => {
  expect(wilson(9, 10).low).toBeCloseTo(0.5958, 4);
  expect(wilson(9, 10).high).toBeCloseTo(0.9821, 4);
  expect(wilson(0, 100).high).toBeCloseTo(0.037, 3);
});
