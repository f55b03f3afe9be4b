import { confinementNames } from '../../model/confinement.ts';
import { jsonSchemaDefs } from './json-schema.ts';
import { conditional, documentSchema, label, limits, name, taints, text, title } from './parts.ts';

const CALL_USD_MAX = 1_000_000;

const codePath = { type: 'string', minLength: 1, maxLength: 512 } as const;

const isolate = {
  type: 'object',
  additionalProperties: false,
  required: ['kind'],
  properties: {
    kind: { const: 'isolate' },
    code: {
      ...codePath,
      description: 'JavaScript, or TypeScript (.ts) whose types are left out when the policy is loaded.',
    },
    reuse: { enum: ['never', 'principal', 'tenant'], default: 'tenant' },
    minConfinement: {
      enum: confinementNames,
      default: 'process',
      description:
        'the weakest confinement of the worker under which the tool may run: process < container < bwrap. Where the host has less at start, the server does not start; where it has less later, calls of the tool are refused',
    },
    webAssembly: {
      type: 'boolean',
      default: false,
      description: 'Gives the code WebAssembly. Its memory counts towards limits.memory.',
    },
  },
} as const;

const container = {
  type: 'object',
  additionalProperties: false,
  required: ['kind', 'image'],
  properties: {
    kind: { const: 'container' },
    image: name,
    code: codePath,
    engineRuntime: { enum: ['runc', 'runsc'], default: 'runc' },
  },
} as const;

const runtime = {
  type: 'object',
  required: ['kind'],
  properties: { kind: { enum: ['isolate', 'container'] } },
  allOf: [
    conditional({ properties: { kind: { const: 'isolate' } }, required: ['kind'] }, isolate),
    conditional({ properties: { kind: { const: 'container' } }, required: ['kind'] }, container),
  ],
};

const argumentsSchema = {
  type: 'object',
  required: ['type'],
  properties: { type: { const: 'object' } },
  $ref: '#/$defs/schema',
} as const;

/** A tool: what it takes, where it runs, how much it may use. */
export const toolSchema = documentSchema(
  'Tool',
  {
    type: 'object',
    additionalProperties: false,
    required: ['input', 'runtime'],
    properties: {
      input: argumentsSchema,
      output: { type: 'object', $ref: '#/$defs/schema' },
      runtime,
      limits,
      returns: {
        type: 'object',
        additionalProperties: false,
        properties: {
          taints: {
            ...taints,
            description: 'what a call of the tool leaves its caller and its session with: `session.taints`',
          },
        },
      },
      cost: {
        type: 'object',
        additionalProperties: false,
        required: ['perCallUsd'],
        properties: {
          perCallUsd: {
            type: 'number',
            minimum: 0,
            maximum: CALL_USD_MAX,
            description: 'What a call costs, in steps of a millionth; quotas in cost_usd count it.',
          },
        },
      },
    },
  },
  {
    metadata: {
      title,
      description: text,
      labels: { type: 'array', maxItems: 32, uniqueItems: true, items: label },
    },
    $defs: jsonSchemaDefs,
  },
);
