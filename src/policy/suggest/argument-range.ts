/** What arguments of a tool were, as a condition that calls like them meet. */
import type { JsonObject, JsonValue } from '../../model/json.ts';

/** Fewer calls say nothing of what is usual. */
export const rangeCallsMin = 20;
/** Different texts that are listed; more are no choice from a few. */
const choicesMax = 5;
const choiceCharsMax = 64;

/** CEL over top-level whole numbers, truth values and texts of few kinds; empty where nothing narrows the schema. */
export function argumentRange(input: JsonObject, calls: readonly JsonObject[]): readonly string[] {
  if (calls.length < rangeCallsMin) return [];
  const properties = input['properties'];
  if (typeof properties !== 'object' || properties === null || Array.isArray(properties)) return [];
  return Object.entries(properties).flatMap(([name, schema]) => {
    if (!/^[A-Za-z][A-Za-z0-9_]*$/.test(name) || typeof schema !== 'object' || schema === null) return [];
    const given = calls.flatMap((args) => (Object.hasOwn(args, name) ? [args[name] ?? null] : []));
    const range = rangeOf(`args.${name}`, schema as JsonObject, given);
    if (range === null) return [];
    return [given.length < calls.length ? `(!has(args.${name}) || ${range})` : range];
  });
}

function rangeOf(path: string, schema: JsonObject, values: readonly JsonValue[]): string | null {
  if (values.length < rangeCallsMin) return null;
  switch (schema['type']) {
    case 'integer':
      return integerRange(path, schema, values);
    case 'boolean':
      return new Set(values).size === 1 ? `${path} == ${JSON.stringify(values[0])}` : null;
    case 'string':
      return textChoice(path, schema, values);
    default:
      return null;
  }
}

function integerRange(path: string, schema: JsonObject, values: readonly JsonValue[]): string | null {
  if (!values.every((value) => Number.isSafeInteger(value))) return null;
  const numbers = values as readonly number[];
  const [least, most] = [Math.min(...numbers), Math.max(...numbers)];
  const bounds = [
    schema['minimum'] === least ? '' : `${path} >= ${least}`,
    schema['maximum'] === most ? '' : `${path} <= ${most}`,
  ].filter((bound) => bound !== '');
  return bounds.length === 0 ? null : bounds.join(' && ');
}

function textChoice(path: string, schema: JsonObject, values: readonly JsonValue[]): string | null {
  const texts = new Set(values);
  const isFew = texts.size <= choicesMax && schema['enum'] === undefined;
  const isShort = [...texts].every((text) => typeof text === 'string' && text.length <= choiceCharsMax);
  if (!isFew || !isShort) return null;
  return `${path} in [${[...texts].map((text) => JSON.stringify(text)).join(', ')}]`;
}
