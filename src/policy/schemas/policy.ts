import { quotaUnitNames } from '../../model/decision.ts';
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
/** Counters are whole numbers of up to 10¹⁵ steps: thousandths of a millisecond, millionths of a dollar. */
const QUOTA_LIMIT_MAX = 1_000_000_000_000;
const QUOTA_USD_MAX = 1_000_000_000;

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

const isUnit = (...units: readonly string[]): object => ({
  properties: { unit: { enum: units } },
  required: ['unit'],
});

const units = quotaUnitNames.filter((name) => name !== 'amount');
const windowed = units.filter((name) => name !== 'concurrent');

const quota = {
  type: 'object',
  additionalProperties: false,
  required: ['name', 'key', 'limit'],
  properties: {
    name,
    tools: toolSelectors,
    key: expression,
    unit: { enum: units },
    amount: expression,
    limit: { type: 'number' },
    window: duration,
    onStoreLoss: {
      enum: ['deny', 'local'],
      default: 'deny',
      description:
        'while a shared store (Redis) is lost: deny refuses calls, local lets each process give the whole limit by its own count',
    },
  },
  oneOf: [{ required: ['unit'] }, { required: ['amount'] }],
  allOf: [
    conditional(
      isUnit('concurrent'),
      { properties: { window: { not: {}, description: 'has no meaning for concurrent calls' } } },
      conditional({ anyOf: [isUnit(...windowed), { required: ['amount'] }] }, { required: ['window'] }),
    ),
    conditional(
      isUnit('cost_usd'),
      { properties: { limit: { minimum: 0.000001, maximum: QUOTA_USD_MAX } } },
      { properties: { limit: { type: 'integer', minimum: 1, maximum: QUOTA_LIMIT_MAX } } },
    ),
  ],
} as const;

/** Who may call what, under which conditions and within which quotas. */
export const policySchema = documentSchema('Policy', {
  type: 'object',
  additionalProperties: false,
  required: ['subjects'],
  properties: {
    mode: {
      enum: ['enforce', 'shadow'],
      default: 'enforce',
      description:
        'shadow: the decision that there would be with this policy is recorded beside the one that holds; it changes nothing',
    },
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
