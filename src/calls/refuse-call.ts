/** Early exits: each is on the record with the rule that caused it, and only then answered. */
import { decisionDetails } from './decision-details.ts';
import { RecordUnavailable } from '../audit/record.ts';
import type { EventType } from '../audit/events.ts';
import type { EventDraft } from '../audit/record.ts';
import type { NotStarted } from '../execution/executor.ts';
import type { Call } from '../model/call.ts';
import type { BoundaryReport } from '../model/finding.ts';
import type { JsonObject, JsonValue } from '../model/json.ts';
import type { Caller } from '../model/principal.ts';
import type { BegunCall, CallStart } from './begin-call.ts';
import { callEvent, summaryOf } from './begin-call.ts';
import type { CallAnswer, CallContext, CallRequest } from './call-context.ts';
import { decoyEvents, logDecoys } from './decoy-alert.ts';
import type { Decided } from './decide-call.ts';
import { storedKey } from './idempotency.ts';
import { actor } from './key-ring.ts';
import type { Refusal, RefusalCode } from './refusal.ts';
import { refusalFields } from './refusal.ts';

/** AUDIT.md: a refused call stores at most 4 KiB of content. */
const refusedContentCharsMax = 4096;

/** Codes that are no decision about the call but a state of the server leave no event: they could fill the disk. */
const eventTypes: Readonly<Partial<Record<RefusalCode, EventType>>> = {
  unknown_tool: 'invalid',
  invalid_arguments: 'invalid',
  limit_exceeds_policy: 'invalid',
  not_found: 'invalid',
  session_image_mismatch: 'invalid',
  arguments_blocked: 'denied',
  policy_denied: 'denied',
  quota_exceeded: 'quota_exceeded',
  quota_unavailable: 'quota_exceeded',
};

export async function refuseCall(
  context: CallContext,
  caller: Caller,
  request: CallRequest,
  refusal: Refusal,
  decided?: Pick<Decided, 'decision' | 'facts' | 'shadow'>,
): Promise<CallAnswer> {
  context.metrics.callRefused(refusal.code, refusal.code === 'unknown_tool' ? null : request.tool);
  const type = eventTypes[refusal.code];
  if (type === undefined) return { kind: 'refused', refusal, callId: null };
  if (!context.hasDiskReserve()) return unrecorded;
  // Also of a call that policy refused: an attempt to use a decoy is the alert, not its success.
  const { report } = await context.filter.checkArguments(request.args, [], caller.principal.tenant);
  // What stands in an uploaded file is not in the arguments.
  const boundary: BoundaryReport =
    refusal.code === 'arguments_blocked'
      ? { ...report, verdict: 'blocked', findings: refusal.findings }
      : report;
  const { findings } = boundary;
  const subject = {
    ...actor(caller),
    tenant: caller.principal.tenant,
    ...(refusal.code === 'unknown_tool' ? {} : subjectTool(context, request.tool, decided)),
  };
  logDecoys(context, findings, { principal: caller.principal.id, requestId: caller.requestId });
  const event: EventDraft = {
    type,
    ...subject,
    status: refusal.code,
    boundary,
    ...(decided === undefined ? {} : { decision: summaryOf(decided.decision) }),
    details: {
      code: refusal.code,
      ...permanentFields(refusal),
      ...(decided === undefined ? {} : decisionDetails(context, caller, decided)),
    },
    content: {
      ...(refusal.code === 'unknown_tool' ? { tool: context.boundary.redactText(request.tool) } : {}),
      args: capped(await context.filter.redactForRecord(request.args, caller.principal.tenant)),
    },
  };
  try {
    await context.record.write({ events: [event, ...decoyEvents(findings, subject)] });
  } catch (error) {
    if (!(error instanceof RecordUnavailable)) throw error;
    return unrecorded;
  }
  return { kind: 'refused', refusal, callId: null };
}

/** The digest of what was decided about, as far as it is in force still. */
function subjectTool(
  context: CallContext,
  tool: string,
  decided: Pick<Decided, 'decision'> | undefined,
): Pick<EventDraft, 'tool' | 'toolDigest'> {
  const { id, tools } = context.revision();
  const isSame = decided === undefined || decided.decision.revision === id;
  const digest = isSame ? tools.get(tool)?.digest : undefined;
  return { tool, ...(digest === undefined ? {} : { toolDigest: digest }) };
}

/** Also below the disk reserve: what is left there belongs to the outcomes of calls in flight. */
const unrecorded: CallAnswer = {
  kind: 'refused',
  refusal: {
    code: 'audit_unavailable',
    detail: 'The record cannot be written, so nothing was run. GET /ready says why.',
  },
  callId: null,
};

/** The sandbox was provably never reached: the intent is closed, the idempotency key is given back. */
export async function withdrawCall(
  context: CallContext,
  begun: BegunCall,
  error: NotStarted,
): Promise<CallAnswer> {
  // In the words of the runner.
  const refusal = { code: error.code, detail: context.boundary.redactText(error.message) };
  await closeUnstarted(context, begun, refusal);
  const { session } = begun.request;
  if (session !== null) context.sessions.noteFailure(session, error);
  return { kind: 'refused', refusal, callId: begun.callId };
}

/** Its caller ended it. */
export interface TakenBack {
  readonly code: 'cancelled';
  readonly detail: string;
}

/** A call that is on the record, and of which nothing ran nor will: its idempotency key is free again. */
export async function closeUnstarted(
  context: CallContext,
  start: CallStart & { readonly call: Call },
  why: Refusal | TakenBack,
): Promise<Call> {
  const { callId, call, caller, request, tool } = start;
  const { idempotencyKey } = request;
  const principal = caller.principal.id;
  if (why.code !== 'cancelled') context.metrics.callRefused(why.code, tool.name);
  const error = { name: 'NotStarted', message: why.detail };
  const finishedAt = new Date(context.clock.now()).toISOString();
  const closed = { ...call, status: 'cancelled', error, startedAt: null, finishedAt } as const;
  await context.outcomes.write({
    events: [
      {
        type: 'not_started',
        ...callEvent(start),
        status: 'cancelled',
        details: { code: why.code, ...(why.code === 'cancelled' ? {} : permanentFields(why)) },
      },
    ],
    calls: [
      {
        call: closed,
        tenant: caller.principal.tenant,
        principal,
      },
    ],
    ...(idempotencyKey === null
      ? {}
      : { releasedIdempotency: { principal, key: storedKey(context, idempotencyKey), callId } }),
  });
  return closed;
}

/** Facts that hold no caller content: rule names, limits, counts. Errors and suggestions quote the arguments. */
function permanentFields(refusal: Refusal): JsonObject {
  const {
    errors: _errors,
    nearest: _nearest,
    reasons: _reasons,
    didYouMean: _didYouMean,
    ...fields
  } = refusalFields(refusal);
  return fields;
}

function capped(value: JsonValue): JsonValue {
  const text = JSON.stringify(value);
  return text.length <= refusedContentCharsMax ? value : `${text.slice(0, refusedContentCharsMax)}…`;
}
