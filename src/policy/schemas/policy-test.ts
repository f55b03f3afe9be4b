import { approvers, conditional, documentSchema, duration, limits, name, taints, text } from './parts.ts';

const CASES_MAX = 10_000;
const PRINCIPALS_MAX = 1_000;

const exact = { type: 'string', minLength: 1, maxLength: 256 } as const;

const principal = {
  type: 'object',
  additionalProperties: false,
  properties: {
    id: exact,
    tenant: exact,
    roles: { type: 'array', items: exact },
    attributes: { type: 'object' },
  },
} as const;

const expectation = {
  type: 'object',
  additionalProperties: false,
  minProperties: 1,
  properties: {
    effect: { enum: ['allow', 'deny', 'require_approval', 'invalid'] },
    policy: { type: ['string', 'null'] },
    rule: { type: ['string', 'null'] },
    matched: { type: 'array', items: exact },
    limits,
    boundary: { type: 'array', items: name },
    quota: {
      type: 'array',
      items: {
        type: ['string', 'object'],
        description: 'the name of a quota, or {name, key, amount}',
        additionalProperties: false,
        required: ['name'],
        properties: { name, key: { type: 'string' }, amount: { type: 'number', minimum: 0 } },
      },
    },
    approval: {
      type: 'object',
      additionalProperties: false,
      properties: { approvers, expires: duration },
    },
    reasons: { type: 'array', items: { type: 'string' } },
    nearest: { type: ['object', 'null'] },
  },
} as const;

const misplaced = { not: {}, description: 'must not stand beside `each`: put it into each of them' } as const;

const call = { args: { type: 'object' }, expect: expectation } as const;

/** Calls and what must be decided of them. Tests are no part of a revision. */
export const policyTestSchema = documentSchema(
  'PolicyTest',
  {
    type: 'object',
    additionalProperties: false,
    required: ['cases'],
    properties: {
      principals: { type: 'object', maxProperties: PRINCIPALS_MAX, additionalProperties: principal },
      cases: {
        type: 'array',
        minItems: 1,
        maxItems: CASES_MAX,
        items: {
          type: 'object',
          additionalProperties: false,
          required: ['name', 'principal', 'tool'],
          properties: {
            name: text,
            principal: {
              ...principal,
              type: ['string', 'object'],
              description: 'a name under `principals`, or one written out',
            },
            tool: name,
            now: {
              type: 'string',
              pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(Z|[+-]\\d{2}:\\d{2})$',
              description: 'a time such as 2030-01-31T09:00:00Z',
            },
            ip: { type: 'string', minLength: 1, maxLength: 64 },
            session: {
              type: 'object',
              additionalProperties: false,
              properties: {
                taints,
                callCount: { type: 'integer', minimum: 0 },
                ageMs: { type: 'integer', minimum: 0 },
              },
            },
            ...call,
            each: {
              type: 'array',
              minItems: 1,
              maxItems: CASES_MAX,
              items: { type: 'object', additionalProperties: false, required: ['expect'], properties: call },
            },
          },
          ...conditional(
            { required: ['each'] },
            { properties: { args: misplaced, expect: misplaced } },
            { required: ['expect'] },
          ),
        },
      },
    },
  },
  { isNamed: false },
);
