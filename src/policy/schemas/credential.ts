import { conditional, documentSchema, tenants, toolSelectors } from './parts.ts';

/** A token of RFC 9110, section 5.6.2. */
const TOKEN_PATTERN = "^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$";

const methods = {
  type: 'array',
  minItems: 1,
  maxItems: 16,
  uniqueItems: true,
  items: { enum: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] },
} as const;

const hosts = {
  type: 'array',
  minItems: 1,
  maxItems: 1_000,
  items: {
    type: 'string',
    pattern: '^(\\*\\.)?[a-z0-9]([a-z0-9-]{0,62})(\\.[a-z0-9]([a-z0-9-]{0,62}))*$',
    description: 'a host name in lower case, such as db.example.com or *.example.com',
  },
} as const;

/** A secret that the platform puts into outgoing requests; tool code never sees it. */
export const credentialSchema = documentSchema('Credential', {
  type: 'object',
  additionalProperties: false,
  required: ['from'],
  properties: {
    from: {
      type: 'object',
      additionalProperties: false,
      oneOf: [{ required: ['file'] }, { required: ['env'] }],
      properties: {
        file: { type: 'string', pattern: '^/[^\\x00]{1,4095}$', description: 'an absolute path' },
        env: {
          type: 'string',
          pattern: '^[A-Za-z_][A-Za-z0-9_]{0,127}$',
          description: 'the name of an environment variable',
        },
      },
    },
    tenants,
    inject: {
      type: 'object',
      additionalProperties: false,
      required: ['header'],
      properties: {
        header: { type: 'string', pattern: TOKEN_PATTERN, description: 'the name of a header (RFC 9110)' },
        value: {
          type: 'string',
          pattern: '^[\\x20-\\x7e]*\\$\\{secret\\}[\\x20-\\x7e]*$',
          description: 'printable text with ${secret} in it, such as "Bearer ${secret}"',
          maxLength: 1_024,
        },
      },
    },
    allow: {
      type: 'object',
      additionalProperties: false,
      minProperties: 1,
      properties: { tools: toolSelectors, hosts, methods },
    },
    decoy: { type: 'boolean', default: false, description: 'a tripwire: nobody has a reason to use it' },
  },
  ...conditional(
    { properties: { decoy: { const: true } }, required: ['decoy'] },
    {},
    { required: ['inject', 'allow'], properties: { allow: { required: ['hosts'] } } },
  ),
});
