import { conditional, documentSchema, identifier } from './parts.ts';

/** Values under one name: `{$const: name.key}` in fields, `const.name.key` in expressions. */
export const constantsSchema = documentSchema(
  'Constants',
  { type: 'object', $ref: '#/$defs/members' },
  {
    metadata: { name: identifier },
    $defs: {
      members: {
        type: 'object',
        minProperties: 1,
        maxProperties: 1_000,
        propertyNames: identifier,
        additionalProperties: { $ref: '#/$defs/value' },
      },
      value: {
        type: ['object', 'array', 'string', 'number', 'boolean'],
        description: 'a text, number, true, false, a list or further members',
        ...conditional({ type: 'object' }, { $ref: '#/$defs/members' }),
      },
    },
  },
);
