/** Expressions of one tool: parsed, type-checked against the tool's arguments, and made ready to evaluate. */
import type { ASTNode, Environment, ParseResult, TypeError as CelTypeError } from '@marcbachmann/cel-js';
import { EvaluationError, ParseError } from '@marcbachmann/cel-js';
import type { JsonObject } from '../../model/json.ts';
import { didYouMeanHint } from '../did-you-mean.ts';
import { boundOf, conjunctsOf } from './argument-bounds.ts';
import type { Bound } from './argument-bounds.ts';
import { inspectExpression, reservedNames } from './inspect-expression.ts';
import type { ExpressionFacts, ExpressionMistake } from './inspect-expression.ts';
import { findConstantReferences } from './constant-references.ts';
import type { FindConstant } from './constant-references.ts';
import { keyHint } from './key-hint.ts';
import { NetworkValueError } from './network-values.ts';
import { nodeText } from './node-text.ts';
import { variableNames } from './principal-values.ts';
import type { Variables } from './principal-values.ts';
import { substitute } from './substitute.ts';
import type { Origin, Substituted } from './substitute.ts';

/** A part of a condition that must hold, with the bound that it is, where it is one. */
export interface Conjunct {
  readonly text: string;
  readonly bound: Bound | null;
  /** Throws like `Expression.evaluate`. */
  evaluate(variables: Variables): boolean;
}

export interface Expression {
  /** As the file has it, with the conditions that it names spelled out. */
  readonly source: string;
  /** As it is evaluated: conditions and constants put in. Equal texts for one tool mean the same. */
  readonly text: string;
  /** Throws when a value is missing or of another type than the expression needs. */
  evaluate(variables: Variables): unknown;
  /** The clauses of a conjunction, else the whole as the only one. */
  readonly conjuncts: readonly Conjunct[];
  readonly ast: ASTNode;
}

/** A mistake where its author made it: in the expression, or in a condition that it names. */
export interface PlacedMistake extends Origin {
  readonly message: string;
  readonly hint?: string;
}

export interface CompiledExpression {
  readonly expression: Expression | null;
  readonly mistakes: readonly PlacedMistake[];
  readonly warnings: readonly PlacedMistake[];
  /** Names of the policy's conditions that it uses. */
  readonly conditions: readonly string[];
  /** Names that it looks for in `session.taints`. */
  readonly taints: readonly PlacedTaint[];
}

export interface PlacedTaint extends Origin {
  readonly name: string;
}

/** What the result must be: `bool` for conditions, `scalar` for quota keys, `int` for amounts. */
export type ResultType = 'bool' | 'scalar' | 'int';
const SCALARS = new Set(['string', 'int', 'bool']);

/** Longest expression after its constants and conditions are put in. */
const EXPANDED_CHARS_MAX = 65_536;

export interface ExpressionContext {
  readonly environment: Environment;
  readonly input: JsonObject;
}

/** A source text with its constants put in. */
export interface PreparedText {
  readonly source: string;
  readonly substituted: Substituted;
  /** With one, the text is not to be compiled. */
  readonly mistakes: readonly PlacedMistake[];
  /** Names a constant that may be in a document that cannot be read. */
  readonly isLost: boolean;
}

/** Puts constants in. `condition`: the name of the text, when it is one of the policy's conditions. */
export function prepareText(source: string, condition: string | null, find: FindConstant): PreparedText {
  const written = (offset: number): Origin => ({ condition, offset });
  const { replacements, mistakes, isLost } = findConstantReferences(source, find);
  const substituted = substitute(source, replacements, written);
  const placed = mistakes.map((mistake) => ({ ...mistake, condition }));
  if (substituted.text.length > EXPANDED_CHARS_MAX) placed.push({ ...written(0), message: TOO_LONG });
  return { source, substituted, mistakes: placed, isLost };
}

const TOO_LONG = `longer than ${EXPANDED_CHARS_MAX} characters with its constants and conditions put in`;

/** Compiles one expression for one tool. `conditions` are the policy's named parts, prepared. */
export function compileExpression(
  prepared: PreparedText,
  context: ExpressionContext,
  conditions: ReadonlyMap<string, PreparedText>,
  result: ResultType,
): CompiledExpression {
  const nothing = { expression: null, warnings: [], conditions: [], taints: [] };
  if (prepared.mistakes.length > 0 || prepared.isLost) return { ...nothing, mistakes: prepared.mistakes };
  const taken = new Set([...reservedNames, ...conditions.keys()]);
  let expanded: Expanded;
  try {
    expanded = expandConditions(prepared, context, conditions, taken);
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    return { ...nothing, mistakes: [placedIn(prepared.substituted, mistakeOf(error))] };
  }
  const { text } = expanded;
  if (text.length > EXPANDED_CHARS_MAX) {
    return { ...nothing, mistakes: [{ condition: null, offset: 0, message: TOO_LONG }] };
  }
  const place = (mistake: ExpressionMistake): PlacedMistake => placedIn(expanded, mistake);
  try {
    const parsed = context.environment.parse(text);
    const facts = inspectExpression(parsed.ast, context.input, taken);
    const mistakes = [...facts.mistakes, ...typeMistakes(parsed, facts, context, taken, result)].map(place);
    const warnings = facts.unguarded.map(({ path, offset }) =>
      place({
        offset,
        message: `${path} is optional and read without has()`,
        hint: 'when it is missing, an allow rule does not match, any other rule does',
      }),
    );
    const source = shown(prepared.source, expanded.names, conditions);
    const expression = mistakes.length > 0 ? null : new ReadyExpression(source, text, parsed, context);
    const taints = facts.taints.map(({ name, offset }) => ({ ...expanded.originOf(offset), name }));
    return { expression, mistakes, warnings, conditions: expanded.names, taints };
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    return { ...nothing, mistakes: [place(mistakeOf(error))], conditions: expanded.names };
  }
}

function placedIn({ originOf }: Substituted, { offset, message, hint }: ExpressionMistake): PlacedMistake {
  const placed = { ...originOf(offset), message };
  return hint === undefined ? placed : { ...placed, hint };
}

/** Says what is wrong with a text's syntax, without types; null when nothing is. */
export function checkSyntax({ substituted }: PreparedText, environment: Environment): PlacedMistake | null {
  try {
    environment.parse(substituted.text);
    return null;
  } catch (error) {
    if (error instanceof ParseError) return placedIn(substituted, mistakeOf(error));
    throw error;
  }
}

interface Expanded extends Substituted {
  /** Conditions put in. */
  readonly names: readonly string[];
}

/** Conditions cannot name each other, so one pass is enough. */
function expandConditions(
  { substituted }: PreparedText,
  context: ExpressionContext,
  conditions: ReadonlyMap<string, PreparedText>,
  taken: ReadonlySet<string>,
): Expanded {
  if (conditions.size === 0) return { ...substituted, names: [] };
  const { ast } = context.environment.parse(substituted.text);
  const used = new Set<string>();
  const replacements = inspectExpression(ast, null, taken)
    .names.toSorted((a, b) => a.start - b.start)
    .flatMap(({ name, start, end }) => {
      const condition = conditions.get(name);
      if (condition === undefined) return [];
      used.add(name);
      // The line break ends a comment that the condition may end with.
      const text = `(${condition.substituted.text}\n)`;
      const origin = (inner: number): Origin => condition.substituted.originOf(Math.max(0, inner - 1));
      return [{ start, end, text, origin }];
    });
  return { ...substitute(substituted.text, replacements, substituted.originOf), names: [...used] };
}

function typeMistakes(
  parsed: ParseResult,
  facts: ExpressionFacts,
  context: ExpressionContext,
  taken: ReadonlySet<string>,
  result: ResultType,
): readonly ExpressionMistake[] {
  const unknown = facts.names.filter(({ name }) => !isKnown(name));
  const checked = parsed.check();
  if (!checked.valid) {
    const others = clauseMistakes(parsed.ast, 0, context).filter(({ offset }) =>
      unknown.every(({ start }) => start !== offset),
    );
    return [...unknown.map(({ name, start }) => unknownName(name, start, taken)), ...others];
  }
  const type = checked.type ?? 'dyn';
  if (result === 'bool' && type !== 'bool') {
    return [
      { offset: 0, message: `must be a bool, is ${type}`, hint: 'compare it, for example with == true' },
    ];
  }
  if (result === 'int' && type !== 'int') {
    return [{ offset: 0, message: `must be an int, is ${type}`, hint: 'wrap it in int()' }];
  }
  if (result === 'scalar' && !SCALARS.has(type)) {
    return [{ offset: 0, message: `must be a string, int or bool, is ${type}`, hint: 'wrap it in string()' }];
  }
  return [];
}

/** The checker stops at its first mistake: each clause of `&&` and `||` is asked for itself, so that all are found. */
function clauseMistakes(
  node: ASTNode,
  offset: number,
  context: ExpressionContext,
): readonly ExpressionMistake[] {
  const parts = node.op === '&&' || node.op === '||' ? node.args : [];
  const inParts = parts.flatMap((part) => {
    const { text, shift } = nodeText(part);
    const parsed = context.environment.parse(text);
    return parsed.check().valid ? [] : clauseMistakes(parsed.ast, offset + part.start - shift, context);
  });
  if (inParts.length > 0) return inParts;
  const { error } = context.environment.parse(node.input).check();
  if (error === undefined) return [];
  const mistake = withKeyHint(error, context.input);
  return [{ ...mistake, offset: offset + mistake.offset }];
}

function isKnown(name: string): boolean {
  return (variableNames as readonly string[]).includes(name) || TYPE_NAMES.has(name);
}

function shown(
  source: string,
  names: readonly string[],
  conditions: ReadonlyMap<string, PreparedText>,
): string {
  const parts = names.map((name) => `${name} is ${conditions.get(name)?.source}`);
  return parts.length === 0 ? source : `${source} (where ${parts.join(', ')})`;
}

/** Names that the language itself defines. */
const TYPE_NAMES = new Set([
  'string',
  'bool',
  'int',
  'uint',
  'double',
  'map',
  'list',
  'bytes',
  'null_type',
  'type',
]);
const NOT_SUPPORTED = new Set(['run']);

function unknownName(name: string, offset: number, taken: ReadonlySet<string>): ExpressionMistake {
  const message = `Unknown variable: ${name}`;
  if (NOT_SUPPORTED.has(name)) return { offset, message, hint: `"${name}" is not supported by this version` };
  if (taken.has(name)) return { offset, message, hint: 'conditions cannot name each other: write it out' };
  return {
    offset,
    message,
    hint: didYouMeanHint(name, variableNames) ?? `known: ${variableNames.join(', ')}`,
  };
}

/** Adds what to write in the place of a member that is not there. */
function withKeyHint(error: ParseError | CelTypeError, input: JsonObject): ExpressionMistake {
  const node = error.code === 'no_such_key' && !(error instanceof ParseError) ? error.node : undefined;
  const hint = node?.op === '.' ? keyHint(node, input) : undefined;
  return hint === undefined ? mistakeOf(error) : { ...mistakeOf(error), hint };
}

function mistakeOf(error: ParseError | CelTypeError): ExpressionMistake {
  return { offset: error.range?.start ?? 0, message: error.summary };
}

/** Its clauses are compiled when somebody first asks for them: a denial, or a person who wants to know. */
class ReadyExpression implements Expression {
  readonly source: string;
  readonly text: string;
  readonly ast: ASTNode;
  readonly #parsed: ParseResult;
  readonly #environment: Environment;
  #conjuncts: readonly Conjunct[] | null = null;

  constructor(source: string, text: string, parsed: ParseResult, { environment }: ExpressionContext) {
    this.source = source;
    this.text = text;
    this.ast = parsed.ast;
    this.#parsed = parsed;
    this.#environment = environment;
    Object.freeze(this);
  }

  evaluate(variables: Variables): unknown {
    return this.#parsed(variables);
  }

  get conjuncts(): readonly Conjunct[] {
    this.#conjuncts ??= Object.freeze(conjunctsOf(this.ast).map((node) => this.#conjunct(node)));
    return this.#conjuncts;
  }

  #conjunct(node: ASTNode): Conjunct {
    const { text } = nodeText(node);
    const parsed = this.#environment.parse(text);
    parsed.check();
    const evaluate = (variables: Variables): boolean => parsed(variables) === true;
    return Object.freeze({ text, bound: boundOf(node), evaluate });
  }
}

/** Failures whose text is made of types and the expression's own names. */
const PLAIN_FAILURES = new Set([
  'no_such_overload',
  'no_matching_overload',
  'division_by_zero',
  'modulo_by_zero',
]);

/** An evaluation's failure in a few words. Never holds a value: those may be secret. */
export function describeFailure(error: unknown): string {
  if (error instanceof NetworkValueError) return error.message;
  if (!(error instanceof EvaluationError)) return 'a function in it failed';
  const isNamedField = error.code === 'no_such_key' && error.node?.op === '.';
  return isNamedField || PLAIN_FAILURES.has(error.code) ? error.summary : error.code.replaceAll('_', ' ');
}
