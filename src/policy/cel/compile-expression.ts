/** Expressions of one tool: parsed, type-checked against the tool's arguments, and made ready to evaluate. */
import type { Environment, ParseResult, TypeError as CelTypeError } from '@marcbachmann/cel-js';
import { EvaluationError, ParseError } from '@marcbachmann/cel-js';
import type { JsonObject } from '../../model/json.ts';
import { didYouMeanHint } from '../did-you-mean.ts';
import { boundOf, conjunctsOf } from './argument-bounds.ts';
import type { Bound } from './argument-bounds.ts';
import { EXPANDED_CHARS_MAX, expandConditions } from './expand-conditions.ts';
import type { Expansion } from './expand-conditions.ts';
import { inspectExpression, reservedNames } from './inspect-expression.ts';
import type { ExpressionFacts, ExpressionMistake } from './inspect-expression.ts';
import { NetworkValueError } from './network-values.ts';
import { variableNames } from './principal-values.ts';
import type { Variables } from './principal-values.ts';

/** A part of a condition that must hold, with the bound that it is, where it is one. */
export interface Conjunct {
  readonly bound: Bound | null;
  /** Throws like `Expression.evaluate`. */
  evaluate(variables: Variables): boolean;
}

export interface Expression {
  /** As the file has it, with the conditions that it names spelled out. */
  readonly source: string;
  /** Throws when a value is missing or of another type than the expression needs. */
  evaluate(variables: Variables): unknown;
  /** Empty unless at least one conjunct is a bound. */
  readonly conjuncts: readonly Conjunct[];
}

export interface CompiledExpression {
  readonly expression: Expression | null;
  /** Offsets are into the source; for an expression that uses conditions, into the source that names them. */
  readonly mistakes: readonly ExpressionMistake[];
  readonly warnings: readonly ExpressionMistake[];
  /** Names of the policy's conditions that it uses. */
  readonly conditions: readonly string[];
}

/** What the result must be: `bool` for conditions, `scalar` for quota keys. */
export type ResultType = 'bool' | 'scalar';
const SCALARS = new Set(['string', 'int', 'bool']);

export interface ExpressionContext {
  readonly environment: Environment;
  readonly input: JsonObject;
}

/** Compiles one expression for one tool. `conditions` are the policy's named parts. */
export function compileExpression(
  source: string,
  context: ExpressionContext,
  conditions: ReadonlyMap<string, string>,
  result: ResultType,
): CompiledExpression {
  const taken = new Set([...reservedNames, ...conditions.keys()]);
  try {
    const expansion = expand(source, context, conditions, taken);
    if (expansion === null) {
      const message = `longer than ${EXPANDED_CHARS_MAX} characters with its conditions put in`;
      return { expression: null, mistakes: [{ offset: 0, message }], warnings: [], conditions: [] };
    }
    const parsed = context.environment.parse(expansion.text);
    const facts = inspectExpression(parsed.ast, context.input, taken);
    const mistakes = [...facts.mistakes, ...typeMistakes(parsed, facts, context.input, result)].map(
      (mistake) => ({
        ...mistake,
        offset: expansion.sourceOffset(mistake.offset),
      }),
    );
    const warnings = facts.unguarded.map(({ path, offset }) => ({
      offset: expansion.sourceOffset(offset),
      message: `${path} is optional and read without has()`,
      hint: 'when it is missing, an allow rule does not match, a deny or limit rule does',
    }));
    const expression =
      mistakes.length > 0 ? null : ready(shown(source, expansion, conditions), parsed, context);
    return { expression, mistakes, warnings, conditions: expansion.conditions };
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    return { expression: null, mistakes: [mistakeOf(error)], warnings: [], conditions: [] };
  }
}

/** Says what is wrong with an expression's syntax, without types; null when nothing is. */
export function checkSyntax(source: string, environment: Environment): ExpressionMistake | null {
  try {
    environment.parse(source);
    return null;
  } catch (error) {
    if (error instanceof ParseError) return mistakeOf(error);
    throw error;
  }
}

function expand(
  source: string,
  context: ExpressionContext,
  conditions: ReadonlyMap<string, string>,
  taken: ReadonlySet<string>,
): Expansion | null {
  if (conditions.size === 0) return { text: source, conditions: [], sourceOffset: (offset) => offset };
  const { names } = inspectExpression(context.environment.parse(source).ast, null, taken);
  return expandConditions(source, names, conditions);
}

function typeMistakes(
  parsed: ParseResult,
  facts: ExpressionFacts,
  input: JsonObject,
  result: ResultType,
): readonly ExpressionMistake[] {
  const unknown = facts.names.find(({ name }) => !isKnown(name));
  if (unknown !== undefined) return [unknownName(unknown.name, unknown.start)];
  const checked = parsed.check();
  if (!checked.valid)
    return checked.error === undefined ? [] : [withNearKey(mistakeOf(checked.error), input)];
  const type = checked.type ?? 'dyn';
  if (result === 'bool' && type !== 'bool') {
    return [
      { offset: 0, message: `must be a bool, is ${type}`, hint: 'compare it, for example with == true' },
    ];
  }
  if (result === 'scalar' && !SCALARS.has(type)) {
    return [{ offset: 0, message: `must be a string, int or bool, is ${type}`, hint: 'wrap it in string()' }];
  }
  return [];
}

function isKnown(name: string): boolean {
  return (variableNames as readonly string[]).includes(name) || TYPE_NAMES.has(name);
}

function shown(source: string, expansion: Expansion, conditions: ReadonlyMap<string, string>): string {
  const parts = expansion.conditions.map((name) => `${name} is ${conditions.get(name)}`);
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
const NOT_SUPPORTED = new Set(['session', 'run', 'const']);

function unknownName(name: string, offset: number): ExpressionMistake {
  const message = `Unknown variable: ${name}`;
  if (NOT_SUPPORTED.has(name)) return { offset, message, hint: `"${name}" is not supported by this version` };
  return {
    offset,
    message,
    hint: didYouMeanHint(name, variableNames) ?? `known: ${variableNames.join(', ')}`,
  };
}

/** Adds the argument that an unknown key was probably meant to be. */
function withNearKey(mistake: ExpressionMistake, input: JsonObject): ExpressionMistake {
  const key = /^No such key: (.+)$/.exec(mistake.message)?.[1];
  const hint = key === undefined ? undefined : didYouMeanHint(key, Object.keys(input['properties'] ?? {}));
  return hint === undefined ? mistake : { ...mistake, hint };
}

function mistakeOf(error: ParseError | CelTypeError): ExpressionMistake {
  return { offset: error.range?.start ?? 0, message: error.summary };
}

function ready(source: string, parsed: ParseResult, context: ExpressionContext): Expression {
  const parts = conjunctsOf(parsed.ast).map((node) => ({ node, bound: boundOf(node) }));
  const hasBound = parts.some(({ bound }) => bound !== null);
  const conjuncts = hasBound
    ? parts.map(({ node, bound }) => conjunct(node.input.slice(node.start, node.end), bound, context))
    : [];
  return Object.freeze({ source, evaluate: (variables: Variables): unknown => parsed(variables), conjuncts });
}

function conjunct(text: string, bound: Bound | null, context: ExpressionContext): Conjunct {
  const parsed = context.environment.parse(text);
  parsed.check();
  return Object.freeze({ bound, evaluate: (variables: Variables) => parsed(variables) === true });
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
