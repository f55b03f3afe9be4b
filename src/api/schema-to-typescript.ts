/** A JSON Schema as a TypeScript type, for declarations that a language model reads. What it cannot say becomes `unknown`. */
import type { JsonObject, JsonValue } from '../model/json.ts';

/** Deeper schemas end in `unknown`: a declaration is a hint, the schema is what validates. */
const depthMax = 16;

export function typeOf(schema: JsonValue | Readonly<JsonObject>, depth = 0): string {
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema) || depth > depthMax)
    return 'unknown';
  if ('const' in schema) return JSON.stringify(schema['const']);
  if (Array.isArray(schema['enum']))
    return schema['enum'].map((value) => JSON.stringify(value)).join(' | ') || 'never';
  const choices = schema['anyOf'] ?? schema['oneOf'];
  if (Array.isArray(choices)) return choices.map((choice) => typeOf(choice, depth + 1)).join(' | ');
  const { type } = schema;
  if (Array.isArray(type)) return type.map((one) => typeOf({ ...schema, type: one }, depth + 1)).join(' | ');
  switch (type) {
    case 'string':
    case 'boolean':
    case 'null':
      return type;
    case 'integer':
    case 'number':
      return 'number';
    case 'array': {
      const items = typeOf(schema['items'] ?? true, depth + 1);
      return items.includes(' ') ? `(${items})[]` : `${items}[]`;
    }
    case 'object':
      return objectType(schema, depth);
    default:
      return 'unknown';
  }
}

function objectType(schema: Readonly<JsonObject>, depth: number): string {
  const required = new Set(Array.isArray(schema['required']) ? schema['required'] : []);
  const properties = schema['properties'];
  const members =
    typeof properties === 'object' && properties !== null && !Array.isArray(properties)
      ? Object.entries(properties).map(([name, value]) => {
          const key = /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name);
          return `${key}${required.has(name) ? '' : '?'}: ${typeOf(value, depth + 1)}`;
        })
      : [];
  if (schema['additionalProperties'] !== false) members.push('[key: string]: unknown');
  return members.length === 0 ? 'Record<string, never>' : `{ ${members.join('; ')} }`;
}
