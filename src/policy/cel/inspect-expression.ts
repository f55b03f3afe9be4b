/**
 * Reads a parsed expression for what the type checker does not say: names to expand, work that a caller could make
 * unbounded, literals that do not parse, optional arguments read without `has()`. Offsets are into the source text.
 */
import type { ASTNode } from '@marcbachmann/cel-js';
import type { JsonObject } from '../../model/json.ts';
import { compileLinearPattern } from '../linear-pattern.ts';
import { argumentHint } from './key-hint.ts';
import { CidrValue, IpValue, UrlValue } from './network-values.ts';
import { guardsOfOperands, pathText, presentIfFalse, presentIfTrue } from './presence-guards.ts';
import { variableNames } from './principal-values.ts';
import { itemSchema, memberSchema } from './schema-path.ts';

/** Steps that all nested comprehensions of one expression may take together, by what schemas promise. */
const COMPREHENSION_STEPS_MAX = 1_000;
/** What a list that no caller writes (roles, labels, attributes) is taken to hold at most. */
const TRUSTED_ITEMS = 100;

const COMPREHENSIONS = new Set(['all', 'exists', 'exists_one', 'map', 'filter']);
/** Searches whose cost is the product of both texts when the needle is hostile too. */
const SEARCHES = new Set(['contains', 'indexOf', 'lastIndexOf', 'split']);

export interface ExpressionMistake {
  readonly offset: number;
  readonly message: string;
  readonly hint?: string;
}

export interface ExpressionFacts {
  readonly mistakes: readonly ExpressionMistake[];
  /** Free names, in order of appearance. */
  readonly names: readonly { readonly name: string; readonly start: number; readonly end: number }[];
  /** Texts that are looked for in `session.taints`. */
  readonly taints: readonly { readonly name: string; readonly offset: number }[];
  /** Optional arguments without a default, and attributes of the principal, that are read where no `has()` protects them. */
  readonly unguarded: readonly { readonly path: string; readonly offset: number }[];
}

interface Binding {
  readonly hostile: boolean;
  readonly schema: JsonObject | undefined;
}
type Scope = ReadonlyMap<string, Binding>;

/** `input`: the tool's schema, or null while it is not known. `taken`: names that an inner variable may not shadow. */
export function inspectExpression(
  ast: ASTNode,
  input: JsonObject | null,
  taken: ReadonlySet<string>,
): ExpressionFacts {
  const inspector = new Inspector(input, taken);
  inspector.visit(ast, new Map(), 1);
  const { mistakes, names, taints, unguarded } = inspector;
  return { mistakes, names, taints, unguarded };
}

class Inspector {
  readonly mistakes: ExpressionMistake[] = [];
  readonly names: { name: string; start: number; end: number }[] = [];
  readonly taints: { name: string; offset: number }[] = [];
  readonly unguarded: { path: string; offset: number }[] = [];
  readonly #input: JsonObject | null;
  readonly #taken: ReadonlySet<string>;
  /** Field paths that are present where the visit is. */
  #present: ReadonlySet<string> = new Set();

  constructor(input: JsonObject | null, taken: ReadonlySet<string>) {
    this.#input = input;
    this.#taken = taken;
  }

  /** `steps`: how often this node may run, by the comprehensions around it. */
  visit(node: ASTNode, scope: Scope, steps: number): void {
    switch (node.op) {
      case 'id':
        if (!scope.has(node.args)) this.names.push({ name: node.args, start: node.start, end: node.end });
        return;
      case '.':
        this.#noteRead(node, scope);
        this.visit(node.args[0], scope, steps);
        return;
      case 'call':
        this.#visitCall(node, scope, steps);
        return;
      case 'rcall':
        this.#visitMethod(node, scope, steps);
        return;
      case '&&':
      case '||': {
        const guards = guardsOfOperands(node);
        for (const [at, part] of node.args.entries()) this.#visitWith(guards[at], part, scope, steps);
        return;
      }
      case '?:': {
        const [condition, consequent, alternate] = node.args;
        this.visit(condition, scope, steps);
        this.#visitWith(presentIfTrue(condition), consequent, scope, steps);
        this.#visitWith(presentIfFalse(condition), alternate, scope, steps);
        return;
      }
      case 'in':
        this.#noteTaint(node);
        for (const part of node.args) this.visit(part, scope, steps);
        return;
      default:
        for (const child of childrenOf(node)) this.visit(child, scope, steps);
    }
  }

  #noteTaint({ args: [name, list] }: ASTNode & { op: 'in' }): void {
    if (name.op !== 'value' || typeof name.args !== 'string' || pathText(list) !== 'session.taints') return;
    this.taints.push({ name: name.args, offset: name.start });
  }

  #visitWith(guards: ReadonlySet<string> | undefined, node: ASTNode, scope: Scope, steps: number): void {
    const before = this.#present;
    this.#present = guards === undefined ? before : before.union(guards);
    this.visit(node, scope, steps);
    this.#present = before;
  }

  #visitCall(node: ASTNode & { op: 'call' }, scope: Scope, steps: number): void {
    const [name, args] = node.args;
    const first = args[0];
    if (name === 'has' && first?.op === '.') {
      this.#checkKnown(first, scope);
      this.visit(first.args[0], scope, steps);
      return;
    }
    if (first !== undefined) this.#checkLiteral(name, first);
    for (const argument of args) this.visit(argument, scope, steps);
  }

  #checkLiteral(name: string, node: ASTNode): void {
    const literal = node.op === 'value' && typeof node.args === 'string' ? node.args : null;
    if (name === 'duration' && literal === null) {
      this.#complain(
        node,
        'duration() needs a text written out here',
        'reading a hostile one takes too long',
      );
    }
    const parse = parsers.get(name);
    if (parse === undefined || literal === null) return;
    try {
      parse(literal);
    } catch (error) {
      this.#complain(node, error instanceof Error ? error.message : String(error));
    }
  }

  #visitMethod(node: ASTNode & { op: 'rcall' }, scope: Scope, steps: number): void {
    const [name, receiver, args] = node.args;
    const first = args[0];
    if (COMPREHENSIONS.has(name) && first?.op === 'id') {
      this.#visitComprehension(receiver, first, args.slice(1), scope, steps);
      return;
    }
    if (name === 'bind' && receiver.op === 'id' && receiver.args === 'cel') {
      this.#complain(node, 'cel.bind() is not allowed', 'name the part under `conditions` instead');
      return;
    }
    if (name === 'matches' && first !== undefined) this.#checkPattern(first);
    const isNetwork = first?.op === 'call' && first.args[0] === 'ip';
    if (SEARCHES.has(name) && first !== undefined && !isNetwork && this.#isHostile(first, scope)) {
      this.#complain(
        first,
        `the text given to ${name}() must not come from args`,
        'its cost would have no bound',
      );
    }
    this.visit(receiver, scope, steps);
    for (const argument of args) this.visit(argument, scope, steps);
  }

  #checkPattern(node: ASTNode): void {
    if (node.op !== 'value' || typeof node.args !== 'string') {
      this.#complain(node, 'matches() needs a pattern written out here', 'it is compiled once, at load');
      return;
    }
    try {
      compileLinearPattern(node.args);
    } catch (error) {
      this.#complain(node, error instanceof Error ? error.message : String(error));
    }
  }

  #visitComprehension(
    range: ASTNode,
    variable: ASTNode & { op: 'id' },
    bodies: readonly ASTNode[],
    scope: Scope,
    steps: number,
  ): void {
    this.visit(range, scope, steps);
    const name = variable.args;
    if (this.#taken.has(name) || scope.has(name)) {
      this.#complain(variable, `"${name}" already means something else here`, 'choose another name');
      return;
    }
    const items = this.#itemsMax(range, scope);
    if (items === null) {
      const hint = 'declare maxItems in the input schema of the tool';
      this.#complain(range, 'goes over a list that the caller may make as long as it likes', hint);
    } else if (steps * items > COMPREHENSION_STEPS_MAX) {
      const message = `up to ${steps * items} steps, more than ${COMPREHENSION_STEPS_MAX}`;
      this.#complain(range, message, 'lower maxItems in the input schema, or nest less');
    }
    const schema = itemSchema(this.#input ?? {}, this.#schemaOf(range, scope));
    const inner = new Map(scope).set(name, { hostile: this.#isHostile(range, scope), schema });
    for (const body of bodies) this.visit(body, inner, steps * Math.max(1, items ?? 1));
  }

  /** How long a list can get, or null when only its writer knows and its writer is the caller. */
  #itemsMax(node: ASTNode, scope: Scope): number | null {
    if (node.op === 'list') return node.args.length;
    if (!this.#isHostile(node, scope)) return TRUSTED_ITEMS;
    if (node.op === 'rcall' && (node.args[0] === 'filter' || node.args[0] === 'map')) {
      return this.#itemsMax(node.args[1], scope);
    }
    const itemsMax = this.#schemaOf(node, scope)?.['maxItems'];
    return typeof itemsMax === 'number' ? itemsMax : null;
  }

  /** Whether the caller has a say in this value. */
  #isHostile(node: ASTNode, scope: Scope): boolean {
    if (node.op === 'id') return scope.get(node.args)?.hostile ?? node.args === 'args';
    return childrenOf(node).some((child) => this.#isHostile(child, scope));
  }

  #schemaOf(node: ASTNode, scope: Scope): JsonObject | undefined {
    const root = this.#input;
    if (root === null) return undefined;
    switch (node.op) {
      case 'id':
        return scope.has(node.args) ? scope.get(node.args)?.schema : node.args === 'args' ? root : undefined;
      case '.':
        return memberSchema(root, this.#schemaOf(node.args[0], scope), node.args[1]);
      case '[]':
        return itemSchema(root, this.#schemaOf(node.args[0], scope));
      case 'rcall':
        return node.args[0] === 'filter' ? this.#schemaOf(node.args[1], scope) : undefined;
      default:
        return undefined;
    }
  }

  /** The type checker lets `has()` ask for a field that cannot exist; a mistyped guard would be silent. */
  #checkKnown(node: ASTNode & { op: '.' }, scope: Scope): void {
    const owner = this.#schemaOf(node.args[0], scope);
    const known = Object.keys(owner?.['properties'] ?? {});
    if (owner?.['additionalProperties'] !== false || known.includes(node.args[1])) return;
    this.#complain(node, `No such key: ${node.args[1]}`, argumentHint(node.args[1], known));
  }

  #noteRead(node: ASTNode & { op: '.' }, scope: Scope): void {
    const [owner, name] = node.args;
    const mayMiss =
      isAttributes(owner, scope) || (this.#isArgument(owner, scope) && this.#mayLack(owner, name, scope));
    const path = pathText(node);
    if (mayMiss && !this.#present.has(path)) this.unguarded.push({ path, offset: node.start });
  }

  /** Whether it is `args`, or a part of it that is reached by name or place. */
  #isArgument(node: ASTNode, scope: Scope): boolean {
    if (this.#input === null) return false;
    return node.op === '.' || node.op === '[]'
      ? this.#isArgument(node.args[0], scope)
      : node.op === 'id' && this.#isHostile(node, scope);
  }

  /** Whether the schema lets arguments come without this member. One that it forbids is the type checker's to name. */
  #mayLack(owner: ASTNode, name: string, scope: Scope): boolean {
    const schema = this.#schemaOf(owner, scope);
    const required = schema?.['required'];
    if (Array.isArray(required) && required.includes(name)) return false;
    const member = memberSchema(this.#input ?? {}, schema, name);
    if (member !== undefined) return member['default'] === undefined;
    // What several schemas say together is not worked out.
    return (
      schema?.['additionalProperties'] !== false && !combining.some((keyword) => keyword in (schema ?? {}))
    );
  }

  #complain(node: ASTNode, message: string, hint?: string): void {
    this.mistakes.push(
      hint === undefined ? { offset: node.start, message } : { offset: node.start, message, hint },
    );
  }
}

const combining = ['allOf', 'anyOf', 'oneOf', 'if', 'dependentSchemas', 'dependentRequired'];

/** Everybody has attributes, nobody has to have a certain one. */
function isAttributes(node: ASTNode, scope: Scope): boolean {
  if (node.op !== '.' || node.args[1] !== 'attributes') return false;
  const [owner] = node.args;
  return owner.op === 'id' && owner.args === 'principal' && !scope.has('principal');
}

const parsers: ReadonlyMap<string, (text: string) => unknown> = new Map<string, (text: string) => unknown>([
  ['url', (text) => new UrlValue(text)],
  ['ip', (text) => new IpValue(text)],
  ['cidr', (text) => new CidrValue(text)],
]);

/** Names that conditions and inner variables may not take. */
export const reservedNames: ReadonlySet<string> = new Set([
  ...variableNames,
  'run',
  'const',
  'cel',
  'google',
]);

/** The direct parts of a node; `[]` for literals and names. */
function childrenOf(node: ASTNode): readonly ASTNode[] {
  switch (node.op) {
    case 'value':
    case 'id':
      return [];
    case '.':
    case '.?':
      return [node.args[0]];
    case 'call':
      return node.args[1];
    case 'rcall':
      return [node.args[1], ...node.args[2]];
    case 'map':
      return node.args.flat();
    case '!_':
    case '-_':
      return [node.args];
    default:
      return node.args;
  }
}
