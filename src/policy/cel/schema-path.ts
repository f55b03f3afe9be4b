import type { JsonObject, JsonValue } from '../../model/json.ts';
import { resolvePointer } from '../arguments/check-input-schema.ts';

const REFERENCES_MAX = 64;

/** The schema itself, with `$ref`s inside its document followed; undefined for a boolean schema or a lost reference. */
export function derefer(root: JsonObject, value: JsonValue | undefined): JsonObject | undefined {
  let schema = value;
  for (let step = 0; step < REFERENCES_MAX; step++) {
    if (schema === undefined || schema === null || typeof schema !== 'object' || Array.isArray(schema))
      return undefined;
    const reference = schema['$ref'];
    if (typeof reference !== 'string') return schema;
    schema = resolvePointer(root, reference.slice(1));
  }
  return undefined;
}

/** The schema of a member: `undefined` where the schema leaves it open. */
export function memberSchema(
  root: JsonObject,
  schema: JsonObject | undefined,
  name: string,
): JsonObject | undefined {
  const properties = schema?.['properties'];
  if (properties === undefined || properties === null || typeof properties !== 'object') return undefined;
  return derefer(root, Object.hasOwn(properties, name) ? (properties as JsonObject)[name] : undefined);
}

/** The schema of a list's elements, where all have the same. */
export function itemSchema(root: JsonObject, schema: JsonObject | undefined): JsonObject | undefined {
  return schema?.['prefixItems'] === undefined ? derefer(root, schema?.['items']) : undefined;
}
