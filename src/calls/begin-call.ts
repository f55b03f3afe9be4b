/** The intent: durable, in one transaction with the call and its idempotency key, before anything runs. */
import type { EventDraft } from '../audit/record.ts';
import { IdempotencyTaken, RecordUnavailable } from '../audit/record.ts';
import type { CheckedArguments as Inbound } from '../boundary/boundary.ts';
import type { ExecutionRequest } from '../execution/executor.ts';
import type { Call, DecisionSummary } from '../model/call.ts';
import type { Decision } from '../model/decision.ts';
import type { Caller } from '../model/principal.ts';
import type { Tool } from '../model/tool.ts';
import type { Revision } from '../policy/revision.ts';
import type { CallAnswer, CallContext, CallRequest, CheckedArguments } from './call-context.ts';
import type { Decided } from './decide-call.ts';
import { idempotencyEntry, raceAnswer } from './idempotency.ts';
import { actor } from './key-ring.ts';

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
}

export interface BegunCall extends CallStart {
  readonly kind: 'begun';
  /** As stored with the intent: `running`. */
  readonly call: Call;
  readonly execution: ExecutionRequest;
}

export async function beginCall(context: CallContext, start: CallStart): Promise<BegunCall | CallAnswer> {
  const { callId, caller, request, tool, args, decided } = start;
  if (!context.hasDiskReserve()) {
    return unavailable(
      'The disk is too full to promise room for another outcome. Nothing was run; ops must free space.',
    );
  }
  const labels = context.boundary.redactForRecord({ ...request.labels }) as Call['labels'];
  const call = newCall(context, start, labels);
  const owner = { tenant: caller.principal.tenant, principal: caller.principal.id };
  const idempotency = idempotencyEntry(context, caller, request, callId);
  try {
    await context.record.write({
      events: [intentEvent(start, labels)],
      calls: [{ call, ...owner }],
      ...(idempotency === null ? {} : { idempotency }),
    });
  } catch (error) {
    if (error instanceof IdempotencyTaken) return raceAnswer(context, caller, request);
    if (error instanceof RecordUnavailable) {
      context.logger.error({ err: error, callId }, 'intent not durable, call refused');
      return unavailable('The record cannot be written, so nothing was run. GET /ready says why.');
    }
    throw error;
  }
  const execution: ExecutionRequest = {
    callId,
    ...owner,
    revision: decided.decision.revision,
    tool: tool.name,
    limits: decided.limits,
    args: args.bytes,
  };
  return { ...start, kind: 'begun', call, execution };
}

function unavailable(detail: string): CallAnswer {
  return { kind: 'refused', refusal: { code: 'audit_unavailable', detail }, callId: null };
}

export function summaryOf(decision: Decision): DecisionSummary {
  const { effect, policy, rule, matched, revision } = decision;
  return { effect, policy, rule, matched, revision };
}

function newCall(context: CallContext, start: CallStart, labels: Call['labels']): Call {
  const now = new Date(context.clock.now()).toISOString();
  return {
    id: start.callId,
    tool: start.tool.name,
    status: 'running',
    result: null,
    error: null,
    output: { stdout: '', stderr: '', truncated: [] },
    artifacts: [],
    boundary: start.inbound.report,
    decision: summaryOf(start.decided.decision),
    approval: null,
    limits: start.decided.limits,
    runtime: null,
    usage: null,
    labels,
    createdAt: now,
    startedAt: now,
    finishedAt: null,
  };
}

/** What every event of a call says: who, what and under which rule. */
export function callEvent(
  start: CallStart,
): Pick<
  EventDraft,
  'callId' | 'tenant' | 'principal' | 'key' | 'requestId' | 'traceId' | 'tool' | 'toolDigest' | 'decision'
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

function intentEvent(start: CallStart, labels: Call['labels']): EventDraft {
  return {
    type: 'intent',
    ...callEvent(start),
    status: 'running',
    boundary: start.inbound.report,
    quotas: start.decided.decision.quotas,
    details: { limits: { ...start.decided.limits }, argsBytes: start.args.bytes.length },
    content: {
      args: start.inbound.forRecord,
      labels: { ...labels },
      address: start.caller.address,
    },
  };
}
