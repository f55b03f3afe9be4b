/**
 * Finds the plain bounds in a rule's condition: conjunctions of comparisons of one argument with literals. They are
 * what a denial may honestly offer; everything else in a condition is left alone.
 */
import type { ASTNode } from '@marcbachmann/cel-js';
import { distance } from 'fastest-levenshtein';
import type { JsonValue } from '../../model/json.ts';

/** Literals of an `in` list that a text names. */
const LISTED_MAX = 12;
/** Longer strings are not compared with each other. */
const COMPARED_CHARS_MAX = 256;

/** What an argument must be for one conjunct to hold. */
export interface Bound {
  /** Member names from the arguments down. */
  readonly path: readonly string[];
  /** What the value itself is compared with; null where its size is. */
  readonly compared: Compared | null;
  /** For people: `at most 100`, `one of "a", "b"`. */
  readonly allowed: string;
  /** A value within the bound, as near to `current` as is plain to see; undefined where none can be named. */
  suggest(current: JsonValue | undefined): JsonValue | undefined;
}

export type Compared =
  | { readonly op: Comparison; readonly limit: number }
  | { readonly op: 'in'; readonly values: readonly Literal[] };

/** The parts of a condition that must all hold. */
export function conjunctsOf(ast: ASTNode): readonly ASTNode[] {
  return ast.op === '&&' ? ast.args.flatMap(conjunctsOf) : [ast];
}

/** The bound that a conjunct puts on one argument, or null when it is anything else. */
export function boundOf(node: ASTNode): Bound | null {
  switch (node.op) {
    case '<=':
    case '<':
    case '>=':
    case '>':
      return comparison(node.op, node.args[0], node.args[1]);
    case '==':
      return (
        oneOf(argumentPath(node.args[0]), [node.args[1]]) ?? oneOf(argumentPath(node.args[1]), [node.args[0]])
      );
    case 'in':
      return node.args[1].op === 'list' ? oneOf(argumentPath(node.args[0]), node.args[1].args) : null;
    case '||':
      return guarded(node.args[0], node.args[1]) ?? guarded(node.args[1], node.args[0]);
    default:
      return null;
  }
}

/** `!has(args.x) || <bound on args.x>`: the bound of an optional argument. */
function guarded(guard: ASTNode, rest: ASTNode): Bound | null {
  if (guard.op !== '!_' || guard.args.op !== 'call' || guard.args.args[0] !== 'has') return null;
  const asked = guard.args.args[1][0];
  const path = asked === undefined ? null : argumentPath(asked);
  const bound = boundOf(rest);
  return path !== null && bound !== null && path.join('\n') === bound.path.join('\n') ? bound : null;
}

type Comparison = '<=' | '<' | '>=' | '>';
const flipped: Readonly<Record<Comparison, Comparison>> = { '<=': '>=', '<': '>', '>=': '<=', '>': '<' };

function comparison(op: Comparison, left: ASTNode, right: ASTNode): Bound | null {
  const limit = literalOf(right);
  if (limit === undefined) return literalOf(left) === undefined ? null : comparison(flipped[op], right, left);
  if (typeof limit !== 'number') return null;
  const path = argumentPath(left);
  if (path !== null) {
    const allowed = `${words[op]} ${limit}`;
    return { path, compared: { op, limit }, allowed, suggest: () => within(op, limit) };
  }
  const sized = sizePath(left);
  return sized === null
    ? null
    : {
        path: sized,
        compared: null,
        allowed: `${words[op]} ${limit} long`,
        suggest: () => undefined,
      };
}

const words: Readonly<Record<Comparison, string>> = {
  '<=': 'at most',
  '<': 'less than',
  '>=': 'at least',
  '>': 'more than',
};

/** The nearest whole number within; of fractions there is no nearest. */
function within(op: Comparison, limit: number): number | undefined {
  if (op === '<=' || op === '>=') return limit;
  if (!Number.isInteger(limit)) return undefined;
  return op === '<' ? limit - 1 : limit + 1;
}

function oneOf(path: readonly string[] | null, nodes: readonly ASTNode[]): Bound | null {
  const values = nodes.map(literalOf).filter((value) => value !== undefined);
  if (path === null || values.length === 0 || values.length < nodes.length) return null;
  const listed = values.slice(0, LISTED_MAX).map((value) => JSON.stringify(value));
  const more = values.length > LISTED_MAX ? `, … (${values.length} in all)` : '';
  const allowed = values.length === 1 ? `exactly ${listed.join('')}` : `one of ${listed.join(', ')}${more}`;
  const compared = { op: 'in', values } as const;
  return { path, compared, allowed, suggest: (current) => nearest(values, current) };
}

type Literal = number | string | boolean;

function nearest(values: readonly Literal[], current: JsonValue | undefined): Literal | undefined {
  const apart = (value: Literal): number => {
    if (typeof value === 'number' && typeof current === 'number') return Math.abs(value - current);
    if (typeof value !== 'string' || typeof current !== 'string') return 0;
    return Math.max(value.length, current.length) > COMPARED_CHARS_MAX ? 0 : distance(value, current);
  };
  return values.toSorted((a, b) => apart(a) - apart(b))[0];
}

/** `args.a.b` as `['a', 'b']`. */
function argumentPath(node: ASTNode): readonly string[] | null {
  if (node.op !== '.') return null;
  const [owner, name] = node.args;
  if (owner.op === 'id') return owner.args === 'args' ? [name] : null;
  const above = argumentPath(owner);
  return above === null ? null : [...above, name];
}

function sizePath(node: ASTNode): readonly string[] | null {
  if (node.op === 'rcall') return node.args[0] === 'size' ? argumentPath(node.args[1]) : null;
  const first = node.op === 'call' && node.args[0] === 'size' ? node.args[1][0] : undefined;
  return first === undefined ? null : argumentPath(first);
}

function literalOf(node: ASTNode): Literal | undefined {
  if (node.op === '-_') {
    const value = literalOf(node.args);
    return typeof value === 'number' ? -value : undefined;
  }
  if (node.op !== 'value') return undefined;
  const { args } = node;
  if (typeof args === 'bigint') return Number.isSafeInteger(Number(args)) ? Number(args) : undefined;
  return typeof args === 'number' || typeof args === 'string' || typeof args === 'boolean' ? args : undefined;
}
