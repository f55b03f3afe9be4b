import { kinds } from '../documents.ts';
import { documentSchema, tenants, toolSelectors } from './parts.ts';

/** What the documents of one part of the directory may define and name. */
export const scopeSchema = documentSchema(
  'Scope',
  {
    type: 'object',
    additionalProperties: false,
    required: ['path'],
    minProperties: 2,
    properties: {
      path: {
        type: 'string',
        maxLength: 512,
        pattern: '^[^/\\\\]+(/[^/\\\\]+)*$',
        description: 'a path inside the policy directory, such as payments/** or rules/payments-*.yaml',
      },
      kinds: { type: 'array', minItems: 1, uniqueItems: true, items: { enum: [...kinds] } },
      tools: toolSelectors,
      tenants,
      credentials: {
        type: 'array',
        minItems: 1,
        items: {
          type: 'string',
          pattern: '^[A-Za-z0-9_*-]{1,64}$',
          description: 'the name of a credential, or a pattern such as payments-*',
        },
      },
    },
  },
  { isNamed: false },
);
