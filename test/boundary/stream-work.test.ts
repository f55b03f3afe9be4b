import { describe, expect, test } from 'vitest';
import { literalDetectors } from '../../src/boundary/detectors.ts';
import type { LiteralScanner } from '../../src/boundary/scan/literal-scanner.ts';
import { buildLiteralScanner } from '../../src/boundary/scan/literal-scanner.ts';
import { followLineEnds } from '../../src/boundary/stream/line-ends.ts';

const scanner = buildLiteralScanner(literalDetectors);

/** Units that are read for a stream: once by the survey, and once more with each look at a candidate. */
function countUnits(lines: readonly string[]): number {
  let units = 0;
  const counting: LiteralScanner = {
    ...scanner,
    survey(text) {
      units += text.length;
      return scanner.survey(text);
    },
    candidates: (survey) =>
      scanner.candidates(survey).map(({ start, isOpen }) => ({
        start,
        isOpen(text, at) {
          units += text.length;
          return isOpen(text, at);
        },
      })),
  };
  const ends = followLineEnds(counting, () => false);
  for (const line of lines) ends.isCut(line);
  return units;
}

const size = 8192;

function repeated(lines: string, units: number): string[] {
  const once = lines.split(/(?<=\n)/);
  return Array.from({ length: Math.ceil(units / lines.length) }, () => once).flat();
}

const unitsMax = 48;

/** Units read for each unit of text, the most of n, 2n and 4n; it must not grow with n either. */
function mostOfAny(build: (units: number) => readonly string[]): number {
  const [one = 0, two = 0, four = 0] = [1, 2, 4].map(
    (times) => countUnits(build(times * size)) / (times * size),
  );
  return four > 1.5 * one + 1 ? Number.POSITIVE_INFINITY : Math.max(one, two, four);
}

describe('what a line of a live stream costs', () => {
  const literals = [...new Set(literalDetectors.flatMap(({ literals }) => literals))];

  test('does not grow with the lines before, whatever keyword each opens a candidate with', () => {
    const openers = literals.filter((literal) => countUnits([`${literal}\n`, '\n']) > literal.length + 2);
    expect(openers.length).toBeGreaterThan(100);
    const dear = openers
      .flatMap((literal) => [`${literal}\n`, `${literal} key\n\n\n`])
      .filter((line) => countUnits(repeated(line, 1024)) > 1024 * unitsMax);
    expect(dear).toEqual([]);
  });

  test.each([
    ['a name that may go on', 'linode\n'],
    ['names of one letter more than nothing', 'okta\n\n'],
    ['all names in turn', literals.map((literal) => `${literal}\n`).join('')],
  ])('is the same at n, 2n and 4n: %s', (_, lines) => {
    expect(mostOfAny((units) => repeated(lines, units))).toBeLessThan(unitsMax);
  });

  test.each([
    ['a private key without an end', `-----BEGIN ${'PRIVATE'} KEY-----\n`],
    ['the lines of a PuTTY key', 'Private-Lines: 1\n'],
  ])('is the same at n, 2n and 4n after one opening: %s', (_, opening) => {
    for (const line of ['\n', 'a\n', 'ab\\n\n'])
      expect(mostOfAny((units) => [opening, ...repeated(line, units)])).toBeLessThan(unitsMax);
  });

  test('stays the same once many names that were open are over', () => {
    const closing = (units: number) => [...repeated('linode\n', units), '(over, and over)\n'];
    expect(mostOfAny(closing)).toBeLessThan(unitsMax);
  });
});
