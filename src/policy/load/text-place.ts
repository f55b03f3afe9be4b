import { isScalar } from 'yaml';
import type { Node } from 'yaml';

/**
 * The offset in the file of character `offset` of a string value. Exact for strings on one line and for literal blocks
 * (`|`); any other style folds its text, and the start of the value is given instead.
 */
export function textPlace(text: string, node: Node, offset: number): number {
  const start = node.range?.[0] ?? 0;
  if (!isScalar(node) || typeof node.value !== 'string') return start;
  switch (node.type) {
    case 'PLAIN':
      return text.startsWith(node.value, start) ? start + offset : start;
    case 'QUOTE_SINGLE':
    case 'QUOTE_DOUBLE':
      return quotedPlace(text, start, node.type === 'QUOTE_DOUBLE', offset) ?? start;
    case 'BLOCK_LITERAL':
      return literalPlace(text, start, node.value, offset) ?? start;
    default:
      return start;
  }
}

/** Characters of the source that an escape of a double-quoted string takes, by the one after the backslash. */
const ESCAPE_CHARS: ReadonlyMap<string, number> = new Map([
  ['x', 4],
  ['u', 6],
  ['U', 10],
]);

function quotedPlace(text: string, start: number, isDouble: boolean, offset: number): number | null {
  let place = start + 1;
  for (let passed = 0; passed < offset; passed++) {
    const character = text[place];
    if (character === undefined || character === '\n' || character === '\r') return null;
    if (isDouble && character === '\\') place += ESCAPE_CHARS.get(text[place + 1] ?? '') ?? 2;
    else place += !isDouble && character === "'" ? 2 : 1;
  }
  return place;
}

function literalPlace(text: string, start: number, value: string, offset: number): number | null {
  const before = value.slice(0, offset).split('\n');
  let lineStart = text.indexOf('\n', start) + 1;
  const indent = /^[\n ]*?( +)(?=\S)/.exec(text.slice(lineStart))?.[1]?.length ?? 0;
  for (let line = 1; line < before.length; line++) lineStart = text.indexOf('\n', lineStart) + 1;
  const place = lineStart + indent + (before.at(-1)?.length ?? 0);
  const expected = value.slice(offset, offset + 1);
  return expected === '' || text[place] === expected ? place : null;
}
