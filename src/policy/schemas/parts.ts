/**
 * Pieces that the kinds' JSON Schemas share. A `description` next to a `pattern` is what an operator reads when the
 * value does not fit: "must be <description>".
 */
import { DURATION_PATTERN, SIZE_PATTERN } from '../quantity.ts';

const NAME_PATTERN = '^[A-Za-z0-9_-]{1,64}$';
const LABEL_PATTERN = '^[A-Za-z0-9_.:/-]{1,64}$';
const EXPRESSION_CHARS_MAX = 8_192;
const TEXT_CHARS_MAX = 8_192;
const LIST_ITEMS_MAX = 10_000;

export const name = {
  type: 'string',
  pattern: NAME_PATTERN,
  description: 'a name of 1 to 64 letters, digits, _ or -',
} as const;

export const label = {
  type: 'string',
  pattern: LABEL_PATTERN,
  description: 'a label of 1 to 64 letters, digits or _ . : / -',
} as const;

export const duration = {
  type: 'string',
  pattern: DURATION_PATTERN,
  description: 'a duration such as 500ms, 5s, 2m or 24h',
} as const;

const size = {
  type: 'string',
  pattern: SIZE_PATTERN,
  description: 'a size such as 64KiB, 128MiB or 1GiB',
} as const;

export const text = { type: 'string', minLength: 1, maxLength: TEXT_CHARS_MAX } as const;

export const expression = { type: 'string', minLength: 1, maxLength: EXPRESSION_CHARS_MAX } as const;

/** Ids, roles and tenants are compared whole; a pattern would silently never match. */
const exactNames = {
  type: 'array',
  minItems: 1,
  maxItems: LIST_ITEMS_MAX,
  items: {
    type: 'string',
    pattern: '^[^*]{1,256}$',
    description: 'an exact name (patterns do not work here; leave the key out to mean any)',
  },
} as const;

export const tenants = exactNames;

const subjectKeys = { ids: exactNames, roles: exactNames, tenants: exactNames } as const;

export const subjects = {
  type: 'array',
  minItems: 1,
  maxItems: LIST_ITEMS_MAX,
  items: {
    type: 'object',
    additionalProperties: false,
    properties: {
      ...subjectKeys,
      except: {
        type: 'array',
        minItems: 1,
        items: { type: 'object', additionalProperties: false, minProperties: 1, properties: subjectKeys },
      },
    },
  },
} as const;

export const toolSelectors = {
  type: 'array',
  minItems: 1,
  maxItems: LIST_ITEMS_MAX,
  items: {
    type: ['string', 'object'],
    pattern: '^[A-Za-z0-9_*-]{1,64}$',
    description: 'a tool name, a pattern such as sql_* or {labels: [read]}',
    additionalProperties: false,
    required: ['labels'],
    properties: { labels: { type: 'array', minItems: 1, items: label } },
  },
} as const;

export const limits = {
  type: 'object',
  additionalProperties: false,
  minProperties: 1,
  properties: {
    timeout: duration,
    memory: size,
    cpus: { type: 'number', exclusiveMinimum: 0 },
    pids: { type: 'integer', minimum: 1 },
    output: size,
    logs: size,
    artifacts: size,
    hostCalls: { type: 'integer', minimum: 1 },
  },
} as const;

/** Who may approve: unlike subjects, `tenants: ["*"]` means every tenant, and silence the caller's own. */
export const approvers = {
  type: 'array',
  minItems: 1,
  maxItems: 100,
  items: {
    type: 'object',
    additionalProperties: false,
    properties: {
      ids: exactNames,
      roles: exactNames,
      tenants: {
        type: 'array',
        minItems: 1,
        maxItems: LIST_ITEMS_MAX,
        items: {
          type: 'string',
          pattern: '^([^*]{1,256}|\\*)$',
          description: 'an exact name, or "*" for every tenant',
        },
      },
    },
  },
} as const;

/** Taint: `session.taints` in expressions. */
export const taints = {
  type: 'array',
  maxItems: 16,
  uniqueItems: true,
  items: {
    type: 'string',
    pattern: '^[a-z][a-z0-9_-]{0,31}$',
    description: 'a name such as untrusted: a lower-case letter, then letters, digits, _ or -',
  },
} as const;

/** A member of `const` in expressions. */
export const identifier = {
  type: 'string',
  pattern: '^[a-z][A-Za-z0-9_]{0,63}$',
  description: 'a name that starts with a lower-case letter, then letters, digits or _',
} as const;

/** `if`, `then` and `else` of JSON Schema. */
export function conditional(condition: object, consequence: object, otherwise?: object): object {
  // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema
  const schema = { if: condition, then: consequence };
  return otherwise === undefined ? schema : { ...schema, else: otherwise };
}

const TITLE_CHARS_MAX = 128;

interface Envelope {
  /** Fields of `metadata` beside or instead of the usual ones. */
  readonly metadata?: object;
  /** Whether the document needs a name. Nothing refers to a kind that does not. */
  readonly isNamed?: boolean;
  readonly $defs?: object;
}

/** A whole document: the envelope around a kind's `spec`. */
export function documentSchema(
  kind: string,
  spec: object,
  { metadata = {}, isNamed = true, $defs }: Envelope = {},
): object {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: `urn:sallyport:schema:${kind.toLowerCase()}`,
    title: `${kind} (sallyport/v1)`,
    type: 'object',
    additionalProperties: false,
    required: ['apiVersion', 'kind', ...(isNamed ? ['metadata'] : []), 'spec'],
    properties: {
      apiVersion: { const: 'sallyport/v1' },
      kind: { const: kind },
      metadata: {
        type: 'object',
        additionalProperties: false,
        required: ['name'],
        properties: {
          name,
          description: text,
          owner: { type: 'string', minLength: 1, maxLength: 256 },
          ...metadata,
        },
      },
      spec,
    },
    ...($defs === undefined ? {} : { $defs }),
  };
}

export const title = { type: 'string', minLength: 1, maxLength: TITLE_CHARS_MAX } as const;
