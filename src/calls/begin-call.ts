/** The intent: durable, in one transaction with the call and its idempotency key, before anything runs. */
import { decisionDetails } from './decision-details.ts';
import type { EventDraft, RecordWrite } from '../audit/record.ts';
import { ApprovalSettled, IdempotencyTaken, RecordUnavailable } from '../audit/record.ts';
import type { ExecutionRequest, SessionPlace, StoredContent } from '../execution/executor.ts';
import type { Approval } from '../model/approval.ts';
import type { JsonObject } from '../model/json.ts';
import type { Call, CallStatus, DecisionSummary } from '../model/call.ts';
import type { Decision } from '../model/decision.ts';
import type { Caller } from '../model/principal.ts';
import type { Tool } from '../model/tool.ts';
import type { Revision } from '../policy/revision.ts';
import { callApproval, settledAnswer } from './approvals/approval-view.ts';
import type { CallAnswer, CallContext, CallRequest, CheckedArguments } from './call-context.ts';
import type { Decided } from './decide-call.ts';
import { idempotencyEntry, raceAnswer } from './idempotency.ts';
import { actor } from './key-ring.ts';
import { taintDetails, taintsToShare } from './taint-ledger.ts';
import { boundaryProfiles } from './check-arguments.ts';
import type { Inbound } from './check-arguments.ts';
import { fileDetails, fileDigests } from './uploads/named-files.ts';
import { taintsOf } from '../boundary/taints.ts';
import type { Taint } from '../model/taint.ts';

export interface CallStart {
  readonly callId: string;
  /** The call keeps the revision that it was decided under. */
  readonly revision: Revision;
  readonly caller: Caller;
  readonly request: CallRequest;
  readonly tool: Tool;
  readonly args: CheckedArguments;
  readonly decided: Decided;
  readonly inbound: Inbound;
  /** What lets a call run that had to wait for a person; null where nobody had to be asked. */
  readonly claim: ApprovalClaim | null;
}

/** An approval, taken up by the intent itself: both are durable together, and only one intent can have it. */
export interface ApprovalClaim {
  /** As it stands once claimed: `approved`. */
  readonly approval: Approval;
  /** Who approved. */
  readonly decided: EventDraft;
  /** The call as it waited. */
  readonly waiting: Call;
  /** Asked once more when there is a place: whether caller, approver or policy changed since it was approved. */
  readonly isOvertaken: () => Promise<boolean>;
}

export interface BegunCall extends CallStart {
  readonly kind: 'begun';
  /** As stored with the intent: `running`. */
  readonly call: Call;
  readonly execution: ExecutionRequest;
}

/** What a call runs with beside its arguments. */
interface RunWith {
  /** Nobody keeps a connection open for it. */
  readonly isFollowed: boolean;
  /** The call as it waited for its turn; null when it left nothing behind so far. */
  readonly queued: Call | null;
  /** Where it runs, claimed for this call. */
  readonly session: SessionPlace | null;
  /** Uploaded files that the arguments name. */
  readonly files: readonly StoredContent[];
}

export async function beginCall(
  context: CallContext,
  start: CallStart,
  { isFollowed, queued, session, files }: RunWith,
): Promise<BegunCall | CallAnswer> {
  const { callId, caller, request, tool, args, decided, claim } = start;
  if (decided.decision.effect !== (claim === null ? 'allow' : 'require_approval'))
    throw new TypeError(`call ${callId} may not begin: ${decided.decision.effect}`);
  const labels = labelsOf(context, request);
  const createdAt = claim?.waiting.createdAt ?? queued?.createdAt;
  const call = newCall(context, start, labels, createdAt);
  const owner = { tenant: caller.principal.tenant, principal: caller.principal.id };
  // Of a call that waited it is durable already.
  const idempotency =
    claim === null && queued === null ? idempotencyEntry(context, caller, request, callId) : null;
  const taints = await taintsOfIntent(context, start);
  const refused = await writeOrRefuse(context, start, {
    events: [...(claim === null ? [] : [claim.decided]), intentEvent(context, start, labels, taints)],
    calls: [{ call, ...owner }],
    ...(taints.length === 0 ? {} : { taints }),
    ...(request.session === null ? {} : { sessions: context.sessions.callBegins(request.session) }),
    ...(claim === null ? {} : { settledApproval: claim.approval }),
    ...(idempotency === null ? {} : { idempotency }),
  });
  if (refused !== null) return refused;
  const execution: ExecutionRequest = {
    callId,
    ...owner,
    revision: decided.decision.revision,
    tool: tool.name,
    limits: decided.limits,
    args: args.bytes,
    ...(claim === null ? {} : { reuse: 'never' }),
    ...(isFollowed ? { isPatient: true } : {}),
    ...(session === null ? {} : { session }),
    ...(files.length === 0 ? {} : { files }),
  };
  return { ...start, kind: 'begun', call, execution };
}

/** The call's first or next state on the record; what keeps it from becoming durable is the answer. */
export async function writeOrRefuse(
  context: CallContext,
  { callId, caller, request, claim }: CallStart,
  write: RecordWrite,
): Promise<CallAnswer | null> {
  if (!context.hasDiskReserve()) {
    return unavailable(
      'The disk is too full to promise room for another outcome. Nothing was run; ops must free space.',
    );
  }
  try {
    await context.record.write(write);
    return null;
  } catch (error) {
    if (error instanceof IdempotencyTaken) return await raceAnswer(context, caller, request);
    if (error instanceof ApprovalSettled && claim !== null)
      return await settledAnswer(context, claim.approval.id);
    if (!(error instanceof RecordUnavailable)) throw error;
    context.logger.error({ err: error, callId }, 'call not durable, refused');
    return unavailable('The record cannot be written, so nothing was run. GET /ready says why.');
  }
}

export function unavailable(detail: string): Extract<CallAnswer, { kind: 'refused' }> {
  return { kind: 'refused', refusal: { code: 'audit_unavailable', detail }, callId: null };
}

export function summaryOf(decision: Decision): DecisionSummary {
  const { effect, policy, rule, matched, revision } = decision;
  return { effect, policy, rule, matched, revision };
}

export function labelsOf({ boundary }: CallContext, request: CallRequest): Call['labels'] {
  return boundary.redactForRecord({ ...request.labels }) as Call['labels'];
}

/** `createdAt`: of one that waited before. */
function newCall(
  context: CallContext,
  start: CallStart,
  labels: Call['labels'],
  createdAt: string | undefined,
): Call {
  const now = new Date(context.clock.now()).toISOString();
  return {
    ...emptyCall(start, 'running', labels, createdAt ?? now),
    ...(start.claim === null ? {} : { approval: callApproval(start.claim.approval) }),
    startedAt: now,
  };
}

/** A call of which nothing is known but what was asked and decided. */
export function emptyCall(
  start: Omit<CallStart, 'claim'>,
  status: CallStatus,
  labels: Call['labels'],
  now: string,
): Call {
  return {
    id: start.callId,
    tool: start.tool.name,
    status,
    result: null,
    error: null,
    output: { stdout: '', stderr: '', truncated: [] },
    artifacts: [],
    boundary: start.inbound.report,
    decision: summaryOf(start.decided.decision),
    approval: null,
    limits: start.decided.limits,
    ...(start.request.session === null ? {} : { session: start.request.session }),
    runtime: null,
    usage: null,
    labels,
    createdAt: now,
    startedAt: null,
    finishedAt: null,
  };
}

/** What every event of a call says: who, what and under which rule. */
export function callEvent(
  start: Omit<CallStart, 'claim'>,
): Pick<
  EventDraft,
  | 'callId'
  | 'tenant'
  | 'principal'
  | 'key'
  | 'act'
  | 'requestId'
  | 'address'
  | 'traceId'
  | 'tool'
  | 'toolDigest'
  | 'decision'
> {
  return {
    ...actor(start.caller),
    callId: start.callId,
    tenant: start.caller.principal.tenant,
    tool: start.tool.name,
    toolDigest: start.tool.digest,
    decision: summaryOf(start.decided.decision),
  };
}

/** Set before the tool runs: what its code does, and its result, may already carry what it is said to return. */
function taintsOfIntent(context: CallContext, start: CallStart): Promise<readonly Taint[]> {
  const { caller, decided, inbound, request, revision, tool } = start;
  const profiles = boundaryProfiles(revision, decided);
  const names = [...(tool.taints ?? []), ...taintsOf(inbound.report.findings, profiles)];
  return taintsToShare(context, caller.principal, request.session, names);
}

function intentEvent(
  context: CallContext,
  start: CallStart,
  labels: Call['labels'],
  taints: readonly Taint[],
): EventDraft {
  return {
    type: 'intent',
    ...callEvent(start),
    status: 'running',
    boundary: start.inbound.report,
    quotas: start.decided.decision.quotas,
    details: {
      ...factsOf(context, start),
      ...taintDetails(taints),
      ...(start.claim === null ? {} : { approvalId: start.claim.approval.id }),
    },
    content: contentOf(start, labels),
  };
}

/** What an event of a call that is to run says about it, without anything that its caller wrote. */
export function factsOf(context: CallContext, start: Omit<CallStart, 'claim'>): JsonObject {
  return {
    limits: { ...start.decided.limits },
    ...decisionDetails(context, start.caller, start.decided),
    argsBytes: start.args.bytes.length,
    ...fileDetails(start.inbound.files),
    ...(start.request.session === null ? {} : { sessionId: start.request.session }),
  };
}

/** What its caller wrote, for the record. */
export function contentOf({ inbound }: Pick<CallStart, 'inbound'>, labels: Call['labels']): JsonObject {
  return { args: inbound.forRecord, ...fileDigests(inbound.files), labels: { ...labels } };
}
