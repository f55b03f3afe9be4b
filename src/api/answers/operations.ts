import type { ActivationFacts, ApiKey, StoredRevision } from '../../audit/record.ts';
import type { Block } from '../../model/block.ts';
import { scopes } from '../../model/principal.ts';
import type { PolicyProblem } from '../../policy/problem.ts';
import { boolean, integer, listOf, mapOf, object, oneOf, orNull, pageOf, ref } from './shape.ts';
import { shapeOf, text, time } from './shape.ts';

const revisionId = { type: 'string', pattern: '^sha256:[0-9a-f]{64}$' } as const;
const triggers = ['start', 'watch', 'signal', 'api', 'rollback', 'unpin'] as const;

type Shown<T, Times extends string> = Omit<T, `${string}AtMs`> & Readonly<Record<Times, string>>;

const problem = shapeOf<PolicyProblem>(
  { file: text, line: integer, column: integer, path: text, message: text, hint: text },
  'A mistake of the policy files, with where it is.',
  'hint',
);

const factMembers: { readonly [K in keyof ActivationFacts]: Readonly<Record<string, unknown>> } = {
  previous: orNull(revisionId),
  trigger: text,
  principal: orNull(text),
  reason: orNull(text),
  claimed: orNull(
    shapeOf<NonNullable<ActivationFacts['claimed']>>({ commit: orNull(text), author: orNull(text) }),
  ),
};

type RevisionView = Shown<Omit<StoredRevision, 'facts'>, 'firstActivatedAt' | 'lastActivatedAt'> &
  ActivationFacts & { readonly isActive: boolean; readonly isPinned: boolean };

const revisionMembers = {
  revision: revisionId,
  isActive: boolean,
  isPinned: boolean,
  firstActivatedAt: time,
  lastActivatedAt: time,
  ...factMembers,
  contentBytes: integer,
} as const;

const policy = {
  type: 'object',
  required: [
    'revision',
    'activatedAt',
    'trigger',
    'pin',
    'files',
    'tools',
    'policies',
    'images',
    'boundaries',
  ],
  properties: {
    revision: revisionId,
    activatedAt: time,
    trigger: oneOf(triggers),
    pin: orNull(
      shapeOf<{ principal: string; reason: string; at: string }>({ principal: text, reason: text, at: time }),
    ),
    files: {
      type: 'object',
      description: 'How the policy files stand to the revision that decides.',
      required: ['state'],
      properties: {
        state: oneOf(['active', 'pinned', 'rejected', 'waiting']),
        revision: orNull(revisionId),
        reason: text,
        problems: listOf(ref('PolicyProblem')),
        problemCount: integer,
      },
    },
    tools: listOf(
      shapeOf<{ name: string; digest: string; runtime: string }>({
        name: text,
        digest: text,
        runtime: oneOf(['isolate', 'container']),
      }),
    ),
    policies: listOf(object),
    images: listOf(text),
    boundaries: listOf(text),
  },
} as const;

const change = {
  type: 'object',
  required: ['outcome', 'revision'],
  properties: {
    outcome: oneOf(['activated', 'unchanged', 'pinned', 'waiting']),
    revision: orNull(revisionId),
    previous: revisionId,
    pinned: revisionId,
    reason: text,
  },
} as const;

const block = shapeOf<Shown<Block, 'createdAt' | 'expiresAt'>>({
  id: text,
  tool: text,
  principal: orNull(text),
  tenant: orNull(text),
  reason: text,
  createdBy: text,
  createdAt: time,
  expiresAt: time,
});

const keyMembers = {
  id: text,
  principal: text,
  tenant: text,
  roles: listOf(text),
  attributes: { type: 'object' },
  scopes: listOf(oneOf(scopes)),
  createdAt: time,
  expiresAt: orNull(time),
  revokedAt: orNull(time),
} as const;
type KeyView = Shown<Omit<ApiKey, 'secretHash'>, 'createdAt' | 'expiresAt' | 'revokedAt'>;

const state = oneOf(['ok', 'degraded', 'down']);

/** What operators, their programs and MCP clients get. */
export const operationAnswers = {
  PolicyProblem: problem,
  Policy: policy,
  PolicyChange: change,
  PolicyRevision: shapeOf<RevisionView>(revisionMembers),
  PolicyRevisionPage: pageOf(ref('PolicyRevision')),
  PolicyRevisionDetail: {
    ...shapeOf<RevisionView>(revisionMembers),
    description: 'With its documents, constants put in, and the code by tool.',
    additionalProperties: true,
  },
  Block: block,
  BlockPage: pageOf(ref('Block')),
  Key: shapeOf<KeyView>(keyMembers),
  KeyPage: pageOf(ref('Key')),
  NewKey: shapeOf<KeyView & { readonly secret: string }>({
    ...keyMembers,
    secret: { ...text, description: 'Shown this once.' },
  }),
  Health: shapeOf<{ status: 'ok' }>({ status: { const: 'ok' } }),
  Readiness: {
    type: 'object',
    required: ['status', 'dependencies'],
    properties: {
      status: state,
      revision: { ...text, description: 'With a key of scope audit, policy or admin.' },
      dependencies: {
        type: 'array',
        items: {
          type: 'object',
          required: ['name', 'state', 'since'],
          properties: {
            name: text,
            state,
            since: time,
            reason: orNull(text),
            details: mapOf({ anyOf: [text, listOf(text)] }),
          },
        },
      },
    },
  },
  OpenApiDocument: {
    type: 'object',
    required: ['openapi', 'info', 'paths', 'components', 'tags'],
    properties: {
      openapi: { const: '3.1.0' },
      info: object,
      paths: object,
      components: object,
      tags: listOf({ type: 'object', required: ['name'], properties: { name: text } }),
    },
  },
  ProtectedResource: {
    type: 'object',
    required: ['resource', 'authorization_servers'],
    properties: {
      resource: text,
      authorization_servers: listOf(text),
      bearer_methods_supported: listOf(text),
      resource_name: text,
    },
  },
  JsonRpcAnswer: {
    type: 'object',
    description: 'JSON-RPC 2.0: a result or an error.',
    required: ['jsonrpc'],
    oneOf: [{ required: ['result', 'id'] }, { required: ['error'] }],
    properties: {
      jsonrpc: { const: '2.0' },
      id: { type: ['string', 'number', 'null'] },
      result: object,
      error: {
        type: 'object',
        required: ['code', 'message'],
        properties: { code: integer, message: text, data: {} },
      },
    },
  },
} as const;
