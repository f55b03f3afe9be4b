import { expect, test } from 'vitest';
import { literalDetectors } from '../../src/boundary/detectors.ts';

const contextual = literalDetectors.flatMap(({ id, format }) =>
  format.kind === 'pattern' && format.pattern.source.includes('(?<secret>')
    ? [{ id, pattern: format.pattern }]
    : [],
);

/** Where the group of the secret ends, how deep in others it stands, and whether an alternative lies outside of all groups. */
function placeOfSecret(source: string): { end: number; depth: number; hasAlternatives: boolean } {
  const start = source.indexOf('(?<secret>');
  const found = { end: -1, depth: -1, hasAlternatives: false };
  let depth = 0;
  let isInClass = false;
  for (let at = 0; at < source.length; at += 1) {
    const character = source[at];
    if (character === '\\') at += 1;
    else if (isInClass) isInClass = character !== ']';
    else if (character === '[') isInClass = true;
    else if (character === '(') {
      if (at === start) found.depth = depth;
      depth += 1;
    } else if (character === ')') {
      depth -= 1;
      if (at > start && found.end === -1 && depth === found.depth) found.end = at + 1;
    } else if (character === '|' && depth === 0) found.hasAlternatives = true;
  }
  return found;
}

test.each(contextual)('what $id takes ends with its secret, its only group', ({ pattern }) => {
  const { source } = pattern;
  const groups = new RegExp(`${source}|`).exec('');
  expect(groups).toHaveLength(2);
  const { end, depth, hasAlternatives } = placeOfSecret(source);
  expect({ depth, hasAlternatives }).toEqual({ depth: 0, hasAlternatives: false });
  expect(source.slice(end)).toMatch(/^(?:$|\(\?[=!])/);
});
