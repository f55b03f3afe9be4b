/** Request bodies of the API as JSON Schema 2020-12: they validate, and the OpenAPI document is made of them. */
import { blockLifetimeMsMax } from '../model/block.ts';
import { idPattern } from '../model/id-pattern.ts';
import { labelLimits } from '../model/labels.ts';
import { scopes } from '../model/principal.ts';

const labels = {
  type: 'object',
  description: 'Free words for finding a call again. Not for secrets: they are on the record.',
  maxProperties: labelLimits.countMax,
  propertyNames: { pattern: labelLimits.namePattern },
  additionalProperties: { type: 'string', maxLength: labelLimits.valueCharsMax },
} as const;

const keyPrincipalId = { type: 'string', pattern: '^[A-Za-z0-9_.:@-]{1,128}$' } as const;
/** Also those of tokens (`oidc:<issuer>:<sub>`), whom no key can name. */
const principalId = { type: 'string', pattern: "^[A-Za-z0-9_.:@/%~!*()'-]{1,255}$" } as const;
const name = { type: 'string', pattern: '^[A-Za-z0-9_-]{1,64}$' } as const;

/** Of a principal, as short as a name: no place for texts about people. */
const attribute = {
  anyOf: [{ type: 'boolean' }, { type: 'integer' }, principalId],
} as const;

const requestLimits = {
  type: 'object',
  description: 'Narrower limits for this call alone.',
  additionalProperties: false,
  properties: {
    timeoutMs: { type: 'integer', minimum: 1 },
    outputBytes: { type: 'integer', minimum: 1 },
    logBytes: { type: 'integer', minimum: 0 },
  },
} as const;
const sessionId = { type: 'string', pattern: idPattern('ses') } as const;

/** A hundred years: later times cannot be written as RFC 3339. */
const keyLifetimeMsMax = 3_153_600_000_000;

/** Kept on the record for good. */
const operatorReason = {
  type: 'string',
  minLength: 1,
  maxLength: 500,
  description: 'For auditors. Not for secrets.',
} as const;

const recordTime = {
  type: 'string',
  pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}\\.\\d{3}Z$',
  description: 'RFC 3339, UTC, with milliseconds.',
} as const;

/** All that is given must fit; one of call, principal and session must be given. */
const recordSelection = {
  callId: { type: 'string', pattern: idPattern('call') },
  principal: { ...principalId, description: 'Its calls, and what else it did.' },
  session: { ...sessionId, description: 'Everything in this session.' },
  tenant: name,
  from: recordTime,
  to: recordTime,
} as const;

const oneSubject = [
  { required: ['callId'] },
  { required: ['principal'] },
  { required: ['session'] },
] as const;

export const requestSchemas = {
  CallRequest: {
    type: 'object',
    additionalProperties: false,
    required: ['tool', 'args'],
    properties: {
      tool: {
        type: 'string',
        minLength: 1,
        maxLength: 64,
        description: 'Name of a tool that GET /v1/tools lists.',
      },
      args: { type: 'object', description: "Arguments as the tool's input schema asks for." },
      limits: requestLimits,
      session: { ...sessionId, description: 'Runs in this session of yours.' },
      labels,
    },
  },
  SessionRequest: {
    type: 'object',
    additionalProperties: false,
    required: ['image'],
    properties: {
      image: { ...name, description: 'Name of an Image resource whose policy has `sessions`.' },
      idleMs: {
        type: 'integer',
        minimum: 1000,
        description: 'Ends when nothing was asked of it for so long; at most what policy gives.',
      },
      lifetimeMs: {
        type: 'integer',
        minimum: 1000,
        description: 'Ends in any case after so long; at most what policy gives.',
      },
      labels,
    },
  },
  DecisionRequest: {
    type: 'object',
    additionalProperties: false,
    required: ['tool', 'args'],
    properties: {
      tool: { type: 'string', minLength: 1, maxLength: 64 },
      args: { type: 'object' },
      limits: requestLimits,
      session: { ...sessionId, description: 'As if it ran in this session.' },
      principal: {
        type: 'object',
        description: 'Another principal; needs the scope `policy`.',
        additionalProperties: false,
        required: ['id', 'tenant', 'roles'],
        properties: {
          id: principalId,
          tenant: name,
          roles: { type: 'array', maxItems: 64, items: name },
          attributes: { type: 'object' },
        },
      },
    },
  },
  ApprovalDecision: {
    type: 'object',
    additionalProperties: false,
    required: ['decision', 'reason'],
    properties: {
      decision: { type: 'string', enum: ['approve', 'reject'] },
      reason: {
        type: 'string',
        minLength: 1,
        maxLength: 1000,
        description: 'Goes on the record; for a rejection the caller reads it.',
      },
    },
  },
  KeyRequest: {
    type: 'object',
    additionalProperties: false,
    required: ['principal', 'tenant', 'roles', 'scopes'],
    properties: {
      principal: keyPrincipalId,
      tenant: name,
      roles: { type: 'array', maxItems: 64, uniqueItems: true, items: name },
      attributes: {
        type: 'object',
        description: 'What policy reads as `principal.attributes`. It is on the record for good.',
        maxProperties: 32,
        propertyNames: { pattern: '^[A-Za-z][A-Za-z0-9_-]{0,63}$' },
        additionalProperties: {
          anyOf: [attribute, { type: 'array', maxItems: 64, items: attribute }],
        },
      },
      // Without `type` the validator compares every pair of items.
      scopes: { type: 'array', minItems: 1, uniqueItems: true, items: { type: 'string', enum: scopes } },
      expiresInMs: {
        type: 'integer',
        minimum: 1000,
        maximum: keyLifetimeMsMax,
        description: 'Lifetime of the key; without it the key does not expire.',
      },
    },
  },
  ActivateRequest: {
    type: 'object',
    additionalProperties: false,
    required: ['revision', 'reason'],
    properties: {
      revision: {
        type: 'string',
        pattern: '^sha256:[0-9a-f]{64}$',
        description: 'One that GET /v1/policy/revisions lists.',
      },
      reason: operatorReason,
    },
  },
  UnpinRequest: {
    type: 'object',
    additionalProperties: false,
    required: ['reason'],
    properties: { reason: operatorReason },
  },
  ErasureRequest: {
    type: 'object',
    additionalProperties: false,
    required: ['reason', 'legalBasis', 'ticket'],
    anyOf: oneSubject,
    properties: {
      ...recordSelection,
      reason: operatorReason,
      legalBasis: {
        ...operatorReason,
        description: 'What obliges or allows it, such as "GDPR Art. 17(1)(a)".',
      },
      ticket: { ...operatorReason, maxLength: 200, description: 'Where it was asked for.' },
    },
  },
  BackupRequest: {
    type: 'object',
    additionalProperties: false,
    required: ['name'],
    properties: {
      name: {
        ...operatorReason,
        maxLength: 200,
        description: 'Where it will be, for whoever has to find it.',
      },
    },
  },
  HoldRequest: {
    type: 'object',
    additionalProperties: false,
    required: ['reason'],
    anyOf: [...oneSubject, { required: ['tenant'] }],
    properties: { ...recordSelection, reason: operatorReason },
  },
  BlockRequest: {
    type: 'object',
    additionalProperties: false,
    required: ['tool', 'reason', 'expiresInMs'],
    properties: {
      tool: {
        type: 'string',
        pattern: '^[A-Za-z0-9_*-]{1,64}$',
        description: 'Name of a tool, or a pattern in which * stands for any run of characters.',
      },
      principal: { ...principalId, description: 'Only calls of this principal.' },
      tenant: { ...name, description: 'Only calls of this tenant.' },
      reason: operatorReason,
      expiresInMs: {
        type: 'integer',
        minimum: 1000,
        maximum: blockLifetimeMsMax,
        description: 'How long it lasts, at most 90 days: what should last longer belongs into policy.',
      },
    },
  },
} as const;

export type RequestSchemaName = keyof typeof requestSchemas;
