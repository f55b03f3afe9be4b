import type { Hold } from '../../audit/erasure.ts';
import { eventCatalogue } from '../../audit/events.ts';
import type { StoredEvent, VerifyProblem, VerifyReport } from '../../audit/record.ts';
import type { SignedHead, SignedStatement, Statement } from '../../audit/checkpoints/statement.ts';
import type { Call } from '../../model/call.ts';
import { boolean, idOf, integer, listOf, mapOf, object, oneOf, orNull, pageOf } from './shape.ts';
import { ref, sha256, shapeOf, text, time } from './shape.ts';

const event = shapeOf<StoredEvent>(
  {
    id: idOf('evt'),
    type: oneOf(Object.keys(eventCatalogue)),
    time,
    writer: text,
    sequence: integer,
    callId: orNull(text),
    tenant: orNull(text),
    principal: orNull(text),
    key: orNull(text),
    act: listOf(text),
    requestId: orNull(text),
    traceId: orNull(text),
    tool: orNull(text),
    toolDigest: orNull(text),
    decision: orNull(ref('DecisionSummary')),
    status: { ...orNull(text), description: "A call's status, or the code of a refusal." },
    runtime: orNull(ref('Runtime')),
    usage: orNull(ref('Usage')),
    boundary: orNull(ref('BoundaryReport')),
    quotas: listOf(ref('QuotaDraw')),
    details: object,
    content: { ...orNull(object), description: 'null once erased or expired.' },
    commitments: mapOf(text),
    eventHash: text,
    previousHash: text,
    hash: text,
  },
  'An event of the record, with its place in the chain of its writer.',
);

const problemKinds: Readonly<Record<VerifyProblem['kind'], true>> = {
  altered: true,
  missing: true,
  reordered: true,
  truncated: true,
  content_altered: true,
  call_altered: true,
  rewritten: true,
  checkpoint_invalid: true,
  anchor_invalid: true,
  unsigned: true,
};

const report = shapeOf<VerifyReport>(
  {
    valid: boolean,
    events: integer,
    from: orNull(time),
    to: orNull(time),
    writers: listOf(shapeOf<VerifyReport['writers'][number]>({ writer: text, events: integer, head: text })),
    trust: oneOf(['unanchored', 'self-signed', 'known-key', 'anchored']),
    checkpoints: integer,
    keys: listOf(text),
    afterLastCheckpoint: integer,
    problems: listOf(
      shapeOf<VerifyProblem>({
        kind: oneOf(Object.keys(problemKinds)),
        writer: text,
        sequence: integer,
        detail: text,
      }),
    ),
    deep: { const: true },
    omitted: integer,
  },
  undefined,
  'deep',
  'omitted',
);

const checkpoint = shapeOf<SignedStatement>({
  statement: {
    ...shapeOf<Statement>(
      {
        heads: listOf(shapeOf<SignedHead>({ writer: text, sequence: integer, hash: text })),
        key: sha256,
        nextKey: text,
        time,
      },
      undefined,
      'nextKey',
    ),
    additionalProperties: true,
  },
  signature: { type: 'string', pattern: '^[0-9a-f]{128}$' },
});

const hold = shapeOf<Omit<Hold, 'setAtMs'> & { setAt: string }>({
  id: text,
  selection: mapOf(text),
  reason: text,
  setBy: text,
  setAt: time,
});

/** What auditors get. */
export const recordAnswers = {
  AuditEvent: event,
  AuditEventPage: pageOf(ref('AuditEvent')),
  CallStory: shapeOf<{ call: Call | null; events: readonly StoredEvent[]; nextCursor: string | null }>({
    call: orNull(ref('Call')),
    events: listOf(ref('AuditEvent')),
    nextCursor: orNull(text),
  }),
  VerifyReport: report,
  CheckpointPage: pageOf(checkpoint),
  Hold: hold,
  HoldPage: pageOf(ref('Hold')),
  Erasure: shapeOf<{
    id: string;
    calls: number;
    events: number;
    remaining: boolean;
    scrubbed: boolean;
    scrubDelay: string | null;
    backups: readonly string[];
  }>({
    id: text,
    calls: integer,
    events: integer,
    remaining: { ...boolean, description: 'More fits the selection: ask again.' },
    scrubbed: {
      ...boolean,
      description: 'The files were written anew; else this is tried again until it is done.',
    },
    scrubDelay: { ...orNull(text), description: 'What that waits for.' },
    backups: { ...listOf(text), description: 'Made since the oldest of it, and out of reach.' },
  }),
  Backup: shapeOf<{ id: string | null; name: string }>({ id: orNull(idOf('evt')), name: text }),
} as const;
