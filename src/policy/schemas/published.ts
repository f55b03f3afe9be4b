/**
 * The schemas as editors get them. They differ from what documents are held against in one point: wherever a value may
 * stand, `{$const: name.key}` may stand as well.
 */
import { kinds } from '../documents.ts';
import type { Kind } from '../documents.ts';
import { policySchemas } from './index.ts';
import { conditional } from './parts.ts';

type Schema = Readonly<Record<string, unknown>>;

const CONSTANT = {
  type: 'object',
  additionalProperties: false,
  required: ['$const'],
  properties: {
    $const: { type: 'string', description: 'a value from a Constants document, such as env.warehouse' },
  },
} as const;
const CONSTANT_REFERENCE = { $ref: '#/$defs/constant' } as const;

/** JSON Schema (draft 2020-12) for documents of one kind. */
function publishedSchema(kind: Kind): object {
  const schema = policySchemas[kind] as Schema;
  if (kind === 'Constants') return schema;
  const properties = schema['properties'] as Readonly<Record<string, Schema>>;
  const definitions = (schema['$defs'] ?? {}) as Readonly<Record<string, Schema>>;
  return {
    ...schema,
    properties: { ...properties, spec: withConstants(properties['spec'] ?? {}) },
    $defs: { ...mapValues(definitions, withConstants), constant: CONSTANT },
  };
}

/** By kind in lower case; `document` for files that hold documents of any kind. */
export function publishedSchemas(): ReadonlyMap<string, object> {
  return new Map([
    ['document', publishedDocumentSchema()] as const,
    ...kinds.map((kind) => [kind.toLowerCase(), publishedSchema(kind)] as const),
  ]);
}

function publishedDocumentSchema(): object {
  const schemas = kinds.map((kind) => [kind, publishedSchema(kind) as Schema] as const);
  const definitions = schemas.flatMap(([kind, schema]) => [
    [kind, Object.fromEntries(Object.entries(schema).filter(([name]) => !name.startsWith('$')))] as const,
    ...Object.entries((schema['$defs'] ?? {}) as Schema),
  ]);
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: 'urn:sallyport:schema:document',
    title: 'Policy document (sallyport/v1)',
    type: 'object',
    required: ['apiVersion', 'kind', 'spec'],
    properties: { apiVersion: { const: 'sallyport/v1' }, kind: { enum: kinds } },
    allOf: kinds.map((kind) =>
      conditional({ properties: { kind: { const: kind } }, required: ['kind'] }, { $ref: `#/$defs/${kind}` }),
    ),
    $defs: Object.fromEntries(definitions),
  };
}

/** Lets a reference stand in the place of every member and element; what tells branches apart stays as it is. */
function withConstants(schema: Schema): Schema {
  return Object.fromEntries(
    Object.entries(schema).map(([keyword, value]) => {
      if (keyword === 'properties') return [keyword, mapValues(value as Record<string, Schema>, orConstant)];
      if (keyword === 'items' || keyword === 'additionalProperties') {
        return [keyword, isSchema(value) ? orConstant(value) : value];
      }
      if (keyword === 'then' || keyword === 'else') return [keyword, withConstants(value as Schema)];
      if (keyword === 'allOf') return [keyword, (value as readonly Schema[]).map(withConstants)];
      return [keyword, value];
    }),
  );
}

function orConstant(schema: Schema): Schema {
  if (schema['const'] !== undefined || schema['not'] !== undefined || Object.keys(schema).length === 0) {
    return schema;
  }
  return { anyOf: [withConstants(schema), CONSTANT_REFERENCE] };
}

function isSchema(value: unknown): value is Schema {
  return value !== null && typeof value === 'object';
}

function mapValues(object: Readonly<Record<string, Schema>>, map: (value: Schema) => Schema): Schema {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [name, map(value)]));
}
