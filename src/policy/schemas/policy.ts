import type { Effect } from '../documents.ts';
import {
  approvers,
  conditional,
  documentSchema,
  duration,
  expression,
  identifier,
  limits,
  name,
  subjects,
  text,
  toolSelectors,
} from './parts.ts';

const RULES_MAX = 10_000;
const QUOTA_LIMIT_MAX = 1_000_000_000;

const rule = {
  type: 'object',
  additionalProperties: false,
  required: ['name', 'effect', 'tools'],
  properties: {
    name,
    effect: { enum: ['allow', 'deny', 'require_approval', 'limit'] },
    tools: toolSelectors,
    when: expression,
    message: text,
    limits,
    boundary: name,
    approval: {
      type: 'object',
      additionalProperties: false,
      required: ['approvers'],
      properties: { approvers, expires: duration },
    },
  },
  allOf: [
    ifEffect('limit', { required: ['limits'] }),
    ifEffect('deny', {
      properties: { limits: { not: {}, description: 'has no meaning here: a deny rule runs nothing' } },
    }),
    ifEffect(
      'require_approval',
      { required: ['approval'] },
      { properties: { approval: { not: {}, description: 'belongs to effect: require_approval' } } },
    ),
  ],
};

function ifEffect(effect: Effect, consequence: object, otherwise?: object): object {
  const condition = { properties: { effect: { const: effect } }, required: ['effect'] };
  return conditional(condition, consequence, otherwise);
}

const quota = {
  type: 'object',
  additionalProperties: false,
  required: ['name', 'key', 'unit', 'limit'],
  properties: {
    name,
    tools: toolSelectors,
    key: expression,
    unit: { enum: ['calls', 'concurrent'] },
    limit: { type: 'integer', minimum: 1, maximum: QUOTA_LIMIT_MAX },
    window: duration,
  },
  ...conditional(
    { properties: { unit: { const: 'calls' } }, required: ['unit'] },
    { required: ['window'] },
    conditional(
      { properties: { unit: { const: 'concurrent' } }, required: ['unit'] },
      { properties: { window: { not: {}, description: 'has no meaning for concurrent calls' } } },
    ),
  ),
} as const;

/** Who may call what, under which conditions and within which quotas. */
export const policySchema = documentSchema('Policy', {
  type: 'object',
  additionalProperties: false,
  required: ['subjects'],
  properties: {
    mode: { enum: ['enforce'], default: 'enforce' },
    subjects,
    conditions: {
      type: 'object',
      maxProperties: 100,
      propertyNames: identifier,
      additionalProperties: expression,
    },
    rules: { type: 'array', minItems: 1, maxItems: RULES_MAX, items: rule },
    quotas: { type: 'array', minItems: 1, maxItems: 100, items: quota },
  },
});
