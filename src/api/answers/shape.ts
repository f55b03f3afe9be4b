/** JSON Schemas of answers, held to the types of what is answered: the compiler names a member that is missing or too much. */
import { idPattern } from '../../model/id-pattern.ts';

export type Schema = Readonly<Record<string, unknown>>;

type OptionalKeys<T> = { [K in keyof T]-?: object extends Pick<T, K> ? K : never }[keyof T] & string;

/** An object with exactly these members. */
export function shapeOf<T extends object>(
  properties: { readonly [K in keyof Required<T>]: Schema },
  description?: string,
  ...optional: readonly OptionalKeys<T>[]
): Schema {
  const left: readonly string[] = optional;
  return {
    type: 'object',
    ...(description === undefined ? {} : { description }),
    required: Object.keys(properties).filter((name) => !left.includes(name)),
    properties,
  };
}

/** One component by its name. */
export const ref = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });

export const text: Schema = { type: 'string' };
export const integer: Schema = { type: 'integer' };
export const number: Schema = { type: 'number' };
export const boolean: Schema = { type: 'boolean' };
/** Of any type. */
export const anything: Schema = {};
export const object: Schema = { type: 'object', additionalProperties: true };
export const time: Schema = {
  type: 'string',
  pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}\\.\\d{3}Z$',
  description: 'RFC 3339, UTC, with milliseconds.',
};
export const oneOf = (values: readonly string[]): Schema => ({ type: 'string', enum: values });
export const listOf = (items: Schema): Schema => ({ type: 'array', items });
export const mapOf = (values: Schema): Schema => ({ type: 'object', additionalProperties: values });
export const orNull = (schema: Schema): Schema => ({ anyOf: [schema, { type: 'null' }] });
export const idOf = (prefix: string): Schema => ({
  type: 'string',
  pattern: idPattern(prefix),
});
export const sha256: Schema = { type: 'string', pattern: '^[0-9a-f]{64}$', description: 'Hex SHA-256.' };

export const pageOf = (items: Schema, description?: string): Schema => ({
  type: 'object',
  ...(description === undefined ? {} : { description }),
  required: ['items', 'nextCursor'],
  properties: { items: listOf(items), nextCursor: orNull(text) },
});
