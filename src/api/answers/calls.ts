import type { ApprovalDetail, ApprovalView } from '../../calls/approvals/approval-view.ts';
import { approvalStatuses } from '../../model/approval.ts';
import { callStatuses } from '../../model/call.ts';
import type * as calls from '../../model/call.ts';
import type { Decision, NearestCall, QuotaDraw, RequiredApproval, TraceEntry } from '../../model/decision.ts';
import { quotaUnitNames } from '../../model/decision.ts';
import { actions } from '../../model/finding.ts';
import type { BoundaryReport, Finding } from '../../model/finding.ts';
import type { Limits } from '../../model/limits.ts';
import type { Session } from '../../model/session.ts';
import { sessionEndReasons } from '../../model/session.ts';
import { anything, boolean, idOf, integer, listOf, mapOf, number, object, oneOf } from './shape.ts';
import { orNull, pageOf, ref, sha256, shapeOf, text, time } from './shape.ts';

const effects = ['allow', 'deny', 'require_approval'] as const;

const limits = shapeOf<Limits>(
  {
    timeoutMs: integer,
    memoryMiB: integer,
    cpus: number,
    pids: integer,
    outputBytes: integer,
    logBytes: integer,
    artifactBytes: integer,
    hostCalls: integer,
  },
  'What the call may use at most.',
);

const decision = shapeOf<calls.DecisionSummary>({
  effect: oneOf(effects),
  policy: orNull(text),
  rule: orNull(text),
  matched: listOf(text),
  revision: text,
});

const finding = shapeOf<Finding>({
  detector: text,
  action: oneOf(actions),
  where: { ...text, description: 'JSON pointer, or stream and byte offset.' },
  count: integer,
  confidence: oneOf(['low', 'medium', 'high']),
  via: listOf(text),
});

const boundary = shapeOf<BoundaryReport>({
  verdict: oneOf(['clean', 'flagged', 'wrapped', 'redacted', 'blocked']),
  findings: listOf(ref('Finding')),
  scanned: listOf(text),
});

const runtime = shapeOf<calls.RuntimeReport>({
  kind: oneOf(['isolate', 'container']),
  confinement: text,
  image: orNull(text),
  warm: boolean,
});

const usage = shapeOf<calls.Usage>({
  queueMs: number,
  wallMs: number,
  cpuMs: number,
  memoryPeakBytes: integer,
  outputBytes: integer,
});

const artifact = shapeOf<calls.Artifact>({
  id: idOf('art'),
  name: text,
  mediaType: text,
  sizeBytes: integer,
  sha256,
  url: text,
  expiresAt: time,
});

const call = shapeOf<calls.Call & { readonly modelText?: string }>(
  {
    id: idOf('call'),
    tool: text,
    status: oneOf(callStatuses),
    result: { description: 'What the tool yielded, as the boundary let it out.' },
    error: orNull(
      shapeOf<calls.CallError>(
        { name: text, message: text, stack: text },
        "The tool's own code threw.",
        'stack',
      ),
    ),
    output: shapeOf<calls.CallOutput>({
      stdout: text,
      stderr: text,
      truncated: listOf(
        shapeOf<calls.Truncation>({ stream: text, keptBytes: integer, droppedBytes: integer }),
      ),
    }),
    artifacts: listOf(ref('Artifact')),
    boundary: orNull(ref('BoundaryReport')),
    decision: ref('DecisionSummary'),
    approval: orNull(
      shapeOf<calls.CallApproval>({
        id: idOf('apr'),
        status: oneOf(approvalStatuses),
        expiresAt: time,
        decidedAt: orNull(time),
        reason: orNull(text),
      }),
    ),
    limits: ref('Limits'),
    session: idOf('ses'),
    runtime: orNull(ref('Runtime')),
    usage: orNull(ref('Usage')),
    labels: mapOf(text),
    createdAt: time,
    startedAt: orNull(time),
    finishedAt: orNull(time),
    erasedAt: { ...time, description: 'When its content was erased; left out where it was not.' },
    modelText: { ...text, description: 'With `view=model`.' },
  },
  'A call. All states but `queued`, `running` and `pending_approval` are final.',
  'session',
  'erasedAt',
  'modelText',
);

const approvalMembers: { readonly [K in keyof ApprovalView]: object } = {
  id: idOf('apr'),
  status: oneOf(approvalStatuses),
  callId: idOf('call'),
  tool: text,
  toolDigest: text,
  principal: text,
  tenant: text,
  act: listOf(text),
  reasons: listOf(text),
  matched: listOf(text),
  revision: text,
  limits: ref('Limits'),
  digest: { ...text, description: 'What exactly the decision is about: the same digest is what runs.' },
  requestedAt: time,
  expiresAt: time,
  decidedAt: orNull(time),
  decidedBy: orNull(text),
  reason: orNull(text),
};
type Members<T> = { readonly [K in keyof Required<T>]: Readonly<Record<string, unknown>> };

const approvers = listOf(
  shapeOf<RequiredApproval['rules'][number]['approvers'][number]>(
    { ids: listOf(text), roles: listOf(text), tenants: listOf(text) },
    undefined,
    'ids',
    'roles',
    'tenants',
  ),
);

const quotaDraw = shapeOf<QuotaDraw>(
  {
    policy: text,
    name: text,
    key: text,
    unit: oneOf(quotaUnitNames),
    limit: number,
    windowMs: integer,
    amount: number,
    onStoreLoss: oneOf(['deny', 'local']),
    used: number,
  },
  undefined,
  'used',
);

const fullDecision = shapeOf<Omit<Decision, 'trace'> & { readonly trace?: Decision['trace'] }>(
  {
    effect: oneOf(effects),
    policy: orNull(text),
    rule: orNull(text),
    matched: listOf(text),
    revision: text,
    limits: ref('Limits'),
    boundary: listOf(text),
    approval: orNull(
      shapeOf<RequiredApproval>({
        expiresMs: integer,
        rules: listOf(shapeOf<RequiredApproval['rules'][number]>({ id: text, approvers })),
      }),
    ),
    reasons: listOf(text),
    nearest: orNull(
      shapeOf<NearestCall>({
        args: object,
        changes: listOf(
          shapeOf<NearestCall['changes'][number]>({ pointer: text, allowed: text, suggested: anything }),
        ),
        text,
      }),
    ),
    quotas: listOf(ref('QuotaDraw')),
    trace: listOf(
      shapeOf<TraceEntry>({
        policy: text,
        rule: text,
        effect: oneOf([...effects, 'limit']),
        matched: boolean,
        reason: text,
      }),
    ),
  },
  'What policy would decide. `trace` with the scope policy.',
  'trace',
);

const session = shapeOf<Session>({
  id: idOf('ses'),
  image: text,
  status: oneOf(['open', 'ended']),
  endReason: orNull(oneOf(sessionEndReasons)),
  labels: mapOf(text),
  runtime: ref('Runtime'),
  limits: shapeOf<Session['limits']>({ memoryMiB: integer, cpus: number, pids: integer }),
  idleMs: integer,
  createdAt: time,
  expiresAt: time,
  endedAt: orNull(time),
});

const sessionFile = shapeOf<{ path: string; sizeBytes: number; modifiedAt: string | null }>({
  path: text,
  sizeBytes: integer,
  modifiedAt: orNull(time),
});

/** What callers and approvers get. */
export const callAnswers = {
  Limits: limits,
  DecisionSummary: decision,
  Finding: finding,
  BoundaryReport: boundary,
  Runtime: runtime,
  Usage: usage,
  Artifact: artifact,
  Call: call,
  CallPage: pageOf(
    ref('Call'),
    'As long as there is a `nextCursor` there is more, also after an empty page.',
  ),
  QuotaDraw: quotaDraw,
  Decision: fullDecision,
  Approval: shapeOf<ApprovalView>(approvalMembers as Members<ApprovalView>),
  ApprovalDetail: shapeOf<ApprovalDetail>({
    ...(approvalMembers as Members<ApprovalView>),
    args: { description: 'As filtered for the record; null once they are deleted.' },
    isComplete: boolean,
    hindrance: orNull(text),
  }),
  ApprovalPage: pageOf(ref('Approval')),
  DecidedApproval: shapeOf<{ approval: ApprovalView; call: calls.Call }>({
    approval: ref('Approval'),
    call: ref('Call'),
  }),
  Session: session,
  SessionPage: pageOf(ref('Session')),
  SessionFileList: shapeOf<{ items: []; nextCursor: null; dropped: number }>({
    items: listOf(sessionFile),
    nextCursor: { type: 'null' },
    dropped: { ...integer, description: 'Files that are there and not listed.' },
  }),
  WrittenFile: shapeOf<{ path: string; sizeBytes: number; sha256: string }>({
    path: text,
    sizeBytes: integer,
    sha256,
  }),
  UploadedFile: shapeOf<{ id: string; sizeBytes: number; sha256: string; expiresAt: string }>({
    id: text,
    sizeBytes: integer,
    sha256,
    expiresAt: time,
  }),
  UploadedFilePage: pageOf(ref('UploadedFile')),
  ToolList: {
    type: 'object',
    required: ['tools'],
    properties: {
      tools: { type: 'array', items: object, description: 'In the form that `format` asks for.' },
    },
  },
} as const;
