/**
 * JSON Schema 2020-12 as tools may use it: the assertion, applicator and annotation vocabularies without identifiers
 * and dynamic references (JSON Schema Core and Validation, 2020-12). Written out flat, because the official meta-schema
 * takes longer to compile than all tools together, and so that every mistake is found at its place.
 */
import { conditional } from './parts.ts';

const schema = { $ref: '#/$defs/schema' } as const;
const schemas = { type: 'array', minItems: 1, items: schema } as const;
const named = { type: 'object', additionalProperties: schema } as const;
const count = { type: 'integer', minimum: 0 } as const;
const names = { type: 'array', uniqueItems: true, items: { type: 'string' } } as const;
const typeName = { enum: ['array', 'boolean', 'integer', 'null', 'number', 'object', 'string'] } as const;
const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;

const refused = { not: {}, description: 'is not allowed here: use $defs and $ref: "#/$defs/…"' } as const;

const keywords = {
  $id: refused,
  $anchor: refused,
  $dynamicRef: refused,
  $dynamicAnchor: refused,
  $recursiveRef: refused,
  $vocabulary: refused,
  $schema: text,
  $ref: {
    type: 'string',
    pattern: '^#(/|$)',
    description: 'a reference inside this schema, such as "#/$defs/…"',
  },
  $comment: text,
  $defs: named,
  definitions: named,
  type: {
    type: ['string', 'array'],
    ...conditional({ type: 'array' }, { minItems: 1, uniqueItems: true, items: typeName }, typeName),
  },
  enum: { type: 'array', minItems: 1 },
  const: {},
  multipleOf: { type: 'number', exclusiveMinimum: 0 },
  maximum: { type: 'number' },
  exclusiveMaximum: { type: 'number' },
  minimum: { type: 'number' },
  exclusiveMinimum: { type: 'number' },
  maxLength: count,
  minLength: count,
  pattern: text,
  format: text,
  maxItems: count,
  minItems: count,
  uniqueItems: flag,
  maxContains: count,
  minContains: count,
  maxProperties: count,
  minProperties: count,
  required: names,
  dependentRequired: { type: 'object', additionalProperties: names },
  prefixItems: schemas,
  items: schema,
  contains: schema,
  unevaluatedItems: schema,
  additionalProperties: schema,
  unevaluatedProperties: schema,
  properties: named,
  patternProperties: named,
  dependentSchemas: named,
  propertyNames: schema,
  if: schema,
  // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema
  then: schema,
  else: schema,
  allOf: schemas,
  anyOf: schemas,
  oneOf: schemas,
  not: schema,
  title: text,
  description: text,
  default: {},
  examples: { type: 'array' },
  deprecated: flag,
  readOnly: flag,
  writeOnly: flag,
  contentEncoding: text,
  contentMediaType: text,
  contentSchema: schema,
} as const;

export const jsonSchemaDefs = {
  schema: {
    type: ['object', 'boolean'],
    description: 'a JSON Schema',
    additionalProperties: false,
    properties: keywords,
  },
} as const;
