import { isScalar } from 'yaml';
import type { Node } from 'yaml';

/**
 * The offset in the file of character `offset` of a string value. Exact for one-line plain and quoted strings without
 * escapes and for literal blocks (`|`); any other style folds its text, and the start of the value is given instead.
 */
export function textPlace(text: string, node: Node, offset: number): number {
  const start = node.range?.[0] ?? 0;
  if (!isScalar(node) || typeof node.value !== 'string') return start;
  const value = node.value;
  for (const opening of [0, 1]) {
    if (text.startsWith(value, start + opening)) return start + opening + offset;
  }
  return node.type === 'BLOCK_LITERAL' ? (literalPlace(text, start, value, offset) ?? start) : start;
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
