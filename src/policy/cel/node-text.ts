import type { ASTNode } from '@marcbachmann/cel-js';

/** Texts in quotes and comments, in which parentheses mean nothing. */
const OPAQUE =
  /[rRbB]{0,2}(?:"""[^]*?"""|'''[^]*?''')|[rR][bB]?(?:"[^"\n]*"|'[^'\n]*')|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|\/\/[^\n]*/g;

export interface NodeText {
  readonly text: string;
  /** Parentheses put before: offsets into `text` are larger by it than into the node. */
  readonly shift: number;
}

/**
 * The source of one node, ready to be parsed for itself. The parser's positions leave out a parenthesis that opens or
 * closes a node's first or last part; it is put back.
 */
export function nodeText({ input, start, end }: ASTNode): NodeText {
  const source = input.slice(start, end);
  let [open, missing] = [0, 0];
  for (const character of source.replaceAll(OPAQUE, '')) {
    if (character === '(') open++;
    else if (character === ')' && open > 0) open--;
    else if (character === ')') missing++;
  }
  // The line break ends a comment that the source may end with.
  const closing = open > 0 ? `\n${')'.repeat(open)}` : '';
  return { text: '('.repeat(missing) + source + closing, shift: missing };
}
