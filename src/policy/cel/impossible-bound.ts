/**
 * Bounds that no arguments meet, because their schema lets none through that would. Sound, not complete: keywords of one
 * property are looked at, and whatever stands beside them in a schema can only let through less.
 */
import type { JsonObject, JsonValue } from '../../model/json.ts';
import type { Bound, Compared } from './argument-bounds.ts';
import { derefer, memberSchema } from './schema-path.ts';

/** `isErrorTrue`: a value that is missing, for which the expression fails, counts as meeting the bound. */
export function isImpossible({ compared, path }: Bound, input: JsonObject, isErrorTrue: boolean): boolean {
  const schema = compared === null ? undefined : schemaAt(input, path, isErrorTrue);
  if (compared === null || schema === undefined) return false;
  const choices = choicesOf(schema);
  if (choices !== null) return !choices.some((choice) => mayHold(compared, choice));
  return (schema['type'] === 'integer' || schema['type'] === 'number') && isOutOfRange(compared, schema);
}

function schemaAt(input: JsonObject, path: readonly string[], mustBeThere: boolean): JsonObject | undefined {
  let schema = derefer(input, input);
  for (const [step, name] of path.entries()) {
    const member = memberSchema(input, schema, name);
    const isObject = step === 0 || schema?.['type'] === 'object';
    if (mustBeThere && !(isObject && isAlwaysThere(schema, name, member))) return undefined;
    schema = member;
  }
  return schema;
}

function isAlwaysThere(owner: JsonObject | undefined, name: string, member: JsonObject | undefined): boolean {
  const required = owner?.['required'];
  return (Array.isArray(required) && required.includes(name)) || member?.['default'] !== undefined;
}

/** The texts, or the numbers, of which the schema wants one; null where it wants something else. */
function choicesOf(schema: JsonObject): readonly (string | number)[] | null {
  const listed = schema['const'] === undefined ? schema['enum'] : [schema['const']];
  if (!Array.isArray(listed)) return null;
  return isAllOf(listed, 'string') || isAllOf(listed, 'number') ? (listed as (string | number)[]) : null;
}

function isAllOf(values: readonly JsonValue[], type: 'string' | 'number'): boolean {
  return values.every((value) => typeof value === type);
}

/** True also where the two are of different types: what comparing them says is the evaluator's. */
function mayHold(compared: Compared, choice: string | number): boolean {
  if (compared.op === 'in')
    return compared.values.some((value) => value === choice || typeof value !== typeof choice);
  if (typeof choice !== 'number') return true;
  switch (compared.op) {
    case '<=':
      return choice <= compared.limit;
    case '<':
      return choice < compared.limit;
    case '>=':
      return choice >= compared.limit;
    case '>':
      return choice > compared.limit;
  }
}

function isOutOfRange(compared: Compared, schema: JsonObject): boolean {
  const [least, most] = [numberOf(schema, 'minimum', -Infinity), numberOf(schema, 'maximum', Infinity)];
  const above = numberOf(schema, 'exclusiveMinimum', -Infinity);
  const below = numberOf(schema, 'exclusiveMaximum', Infinity);
  const isBelow = (value: number): boolean => value < least || value <= above;
  const isAbove = (value: number): boolean => value > most || value >= below;
  switch (compared.op) {
    case '<=':
      return isBelow(compared.limit);
    case '<':
      return isBelow(compared.limit) || compared.limit === least;
    case '>=':
      return isAbove(compared.limit);
    case '>':
      return isAbove(compared.limit) || compared.limit === most;
    case 'in':
      return compared.values.every(
        (value) => typeof value === 'number' && (isBelow(value) || isAbove(value)),
      );
  }
}

function numberOf(schema: JsonObject, keyword: string, otherwise: number): number {
  const value = schema[keyword];
  return typeof value === 'number' ? value : otherwise;
}
