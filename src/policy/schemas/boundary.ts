import { actions } from '../../model/finding.ts';
import { documentSchema, taints, title } from './parts.ts';

function direction(allowed: readonly string[]): object {
  return { type: 'object', maxProperties: 1_000, additionalProperties: { enum: allowed } };
}

const inboundActions = ['allow', 'flag', 'block'] as const;

const line = {
  type: 'string',
  pattern: '^[^\\r\\n]{1,1000}$',
  description: 'one line of 1 to 1000 characters',
} as const;

const exampleTexts = {
  type: 'array',
  minItems: 1,
  maxItems: 50,
  items: { type: 'string', maxLength: 4_096 },
} as const;

const detector = {
  type: 'object',
  additionalProperties: false,
  required: ['id', 'keywords', 'pattern', 'examples'],
  properties: {
    id: {
      type: 'string',
      pattern: '^[a-z][a-z0-9-]{2,39}$',
      description: 'an id of 3 to 40 lower-case letters, digits and -',
    },
    title,
    keywords: {
      type: 'array',
      minItems: 1,
      maxItems: 8,
      uniqueItems: true,
      description: 'one of these stands inside of every match; text without them costs nothing',
      items: {
        type: 'string',
        pattern: '^[\\x21-\\x7e][\\x20-\\x7e]{1,62}[\\x21-\\x7e]$',
        description: '3 to 64 characters of ASCII',
      },
    },
    pattern: {
      ...line,
      description:
        'an RE2 pattern, tried within a line around the keywords; a group named secret narrows the hit to a part',
    },
    inbound: { enum: inboundActions, default: 'flag' },
    outbound: { enum: actions, default: 'redact' },
    examples: {
      type: 'object',
      additionalProperties: false,
      required: ['hit', 'miss'],
      properties: { hit: exampleTexts, miss: exampleTexts },
    },
  },
} as const;

/** What is known to be harmless. */
const allow = {
  type: 'object',
  additionalProperties: false,
  properties: {
    hosts: {
      type: 'array',
      maxItems: 1_000,
      description: 'to these, pictures and links may carry what they like',
      items: {
        type: 'string',
        pattern: '^(\\*\\.[a-z0-9-]{1,63}\\.)?[a-z0-9-]{1,63}(\\.[a-z0-9-]{1,63}){0,8}$',
        description: 'a host such as img.example.com, or *.example.com for what is below it',
      },
    },
    texts: {
      type: 'array',
      maxItems: 1_000,
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['detector', 'text'],
        properties: {
          detector: { type: 'string', minLength: 1, maxLength: 64 },
          text: { type: 'string', minLength: 4, maxLength: 4_096 },
        },
      },
    },
  },
} as const;

/** What a detector's hit leads to, by direction. Arguments are never rewritten, so inbound knows no wrap and no redact. */
export const boundarySchema = documentSchema('Boundary', {
  type: 'object',
  additionalProperties: false,
  properties: {
    inbound: direction(inboundActions),
    outbound: direction(actions),
    artifacts: { enum: ['none', 'images', 'any'], default: 'any' },
    taints: {
      type: 'object',
      maxProperties: 1_000,
      additionalProperties: taints,
      description: 'what a hit of a detector leaves the caller with: `session.taints`',
    },
    detectors: { type: 'array', maxItems: 100, items: detector },
    allow,
    stream: { enum: ['buffered', 'live'], default: 'buffered' },
  },
});
