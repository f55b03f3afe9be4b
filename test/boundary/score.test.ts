/** What `npm run boundary:score` measures, on less of it: the filter must not become worse than it promises. */
import { expect, test } from 'vitest';
import { detectors } from '../../src/boundary/detectors.ts';
import { measureBenign } from './score/measure-benign.ts';
import { measureAttacks, measureOrdinary, measureParagraphs } from './score/measure-injection.ts';
import type { Judged } from './score/measure-injection.ts';
import { measurePayloads } from './score/measure-payloads.ts';
import { measureSecrets } from './score/measure-secrets.ts';
import { wilson } from './score/wilson.ts';
import { buildBoundary } from './support/filter.ts';

const boundary = buildBoundary();
const share = (of: readonly Judged[]) => of.filter(({ isFound }) => isFound).length / of.length;

test('of tokens with a form of their own and of those beside their name, nine in ten and more are taken out', () => {
  const cases = measureSecrets(boundary, 1, 7);
  for (const kind of ['distinctive', 'named']) {
    const of = cases.filter(({ format }) => format.kind === kind);
    expect(of.filter(({ isTakenOut }) => isTakenOut).length / of.length).toBeGreaterThan(0.97);
  }
});

test('of ordinary text, less than one stretch in ten megabytes is taken for a secret', () => {
  const secrets = new Set(detectors.filter(({ family }) => family === 'secrets').map(({ id }) => id));
  const corpora = measureBenign(boundary, 12_000_000);

  const bytes = corpora.reduce((sum, corpus) => sum + corpus.bytes, 0);
  const wrong = corpora.flatMap(({ redacted }) => [...redacted].filter(([id]) => secrets.has(id)));

  expect(bytes).toBeGreaterThan(40_000_000);
  expect(wrong.reduce((sum, [, count]) => sum + count, 0)).toBeLessThan((0.1 * bytes) / 1e6);
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
