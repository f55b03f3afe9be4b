/**
 * Which `has(…)` hold where the other operand of `&&`, `||` or `?:` counts. CEL absorbs an error of one operand when
 * the other decides (cel-spec, doc/langdef.md, Logical Operators), so a guard protects from either side.
 */
import type { ASTNode } from '@marcbachmann/cel-js';

/** Field paths that are present whenever the node is true. */
export function presentIfTrue(node: ASTNode): ReadonlySet<string> {
  switch (node.op) {
    case 'call': {
      const asked = node.args[0] === 'has' ? node.args[1][0] : undefined;
      return asked?.op === '.' ? new Set([pathText(asked)]) : NONE;
    }
    case '&&':
      return union(node.args.map(presentIfTrue));
    case '||':
      return intersection(node.args.map(presentIfTrue));
    case '!_':
      return presentIfFalse(node.args);
    default:
      return NONE;
  }
}

/** Field paths that are present whenever the node is false. */
export function presentIfFalse(node: ASTNode): ReadonlySet<string> {
  switch (node.op) {
    case '&&':
      return intersection(node.args.map(presentIfFalse));
    case '||':
      return union(node.args.map(presentIfFalse));
    case '!_':
      return presentIfTrue(node.args);
    default:
      return NONE;
  }
}

/** A field path as it is written, without white space. */
export function pathText(node: ASTNode): string {
  return node.input.slice(node.start, node.end).replaceAll(/\s/g, '');
}

/** What guards each operand: the others. */
export function guardsOfOperands(node: ASTNode & { op: '&&' | '||' }): readonly ReadonlySet<string>[] {
  const present = node.args.map(node.op === '&&' ? presentIfTrue : presentIfFalse);
  return present.map((_, at) => union(present.filter((__, other) => other !== at)));
}

const NONE: ReadonlySet<string> = new Set();

function union(sets: readonly ReadonlySet<string>[]): ReadonlySet<string> {
  return new Set(sets.flatMap((set) => [...set]));
}

function intersection(sets: readonly ReadonlySet<string>[]): ReadonlySet<string> {
  const [first = NONE, ...others] = sets;
  return new Set([...first].filter((path) => others.every((set) => set.has(path))));
}
