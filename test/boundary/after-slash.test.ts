import { expect, test } from 'vitest';
import { secretDetectors } from '../../src/boundary/detectors.ts';
import { buildBoundary, bytes, output } from './support/filter.ts';

const boundary = buildBoundary();

/** Tokens that need no context: an example that begins with its literal. */
const tokens = secretDetectors.flatMap(({ id, literals, format, examples }) =>
  examples.hit.flatMap((example) =>
    format.kind === 'pattern' &&
    !format.pattern.source.includes('(?<secret>') &&
    literals.some((literal) => example.startsWith(literal))
      ? [{ id, example, hasSlash: format.alphabet.test('/') }]
      : [],
  ),
);

function finds(id: string, text: string): boolean {
  const { report } = boundary.filterOutput(output({ stdout: bytes(text) }), []);
  return report.findings.some(({ detector }) => detector === id);
}

test('a token is found as a part of a path', () => {
  const missed = tokens.filter(({ id, example }) => !finds(id, `https://h.example/p/${example}`));

  expect(tokens.length).toBeGreaterThan(200);
  expect(missed).toEqual([]);
});

test('what a slash of base64 stands before is no token of an alphabet with a slash', () => {
  const ofBase64 = tokens.filter(({ id, hasSlash }) => hasSlash && id !== 'password-hash');
  const found = ofBase64.filter(({ id, example }) => finds(id, `${'q7Lm2VtR9xKd'.repeat(3)}/${example}`));

  expect(ofBase64.length).toBeGreaterThan(10);
  expect(found).toEqual([]);
});
