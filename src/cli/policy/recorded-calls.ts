/** Calls as the record has them, to be decided again. What it does not hold any more is said, never guessed. */
import type { StoredEvent } from '../../audit/record.ts';
import type { DecisionSummary } from '../../model/call.ts';
import type { Decision } from '../../model/decision.ts';
import type { JsonObject } from '../../model/json.ts';
import { decide } from '../../policy/decide.ts';
import type { CallRequest } from '../../policy/evaluate-rule.ts';
import type { Revision } from '../../policy/revision.ts';
import { validateArgs } from '../../policy/validate.ts';

/** Who called, where the event itself does not say: of an earlier version, or with long attributes. */
export type KnownCaller = Partial<Pick<CallRequest['principal'], 'roles' | 'attributes'>>;

export interface RecordedCall {
  readonly event: string;
  /** Null: it was refused, and never had an id. */
  readonly callId: string | null;
  readonly time: string;
  /** Its arguments before they are held against a schema. */
  readonly request: CallRequest;
  readonly recorded: DecisionSummary;
  /** `policy/name` of the quota that refused it; null: none did. */
  readonly overQuota: string | null;
  /** What may make a decision on it another than it was. */
  readonly caveats: readonly string[];
}

export type Redecided =
  | { readonly kind: 'decided'; readonly call: CallRequest; readonly decision: Decision }
  /** There is no such tool, or the arguments do not fit it. */
  | { readonly kind: 'unfit'; readonly detail: string };

/** Why a call cannot be decided again, in words. */
export class NotDecidable extends Error {
  override readonly name = 'NotDecidable';
}

/** Throws `NotDecidable` for an event of no decision, and for one whose arguments or caller are not known any more. */
export function readRecordedCall(event: StoredEvent, known: KnownCaller = {}): RecordedCall {
  const { callId, content, decision, details, id, principal, tenant, time, tool } = event;
  if (decision === null || principal === null || tenant === null || tool === null)
    throw new NotDecidable('it is no event of a decision');
  if (decision.rule?.startsWith('block:') === true)
    throw new NotDecidable(`an operator had blocked it (${decision.rule}), which no policy says`);
  const args = content?.['args'];
  if (content === null) throw new NotDecidable('its arguments are erased or past their time');
  if (!isObject(args)) throw new NotDecidable('its arguments were too long for the record');
  const facts = isObject(details['decidedWith']) ? details['decidedWith'] : {};
  const roles = known.roles ?? textsOf(facts['roles']);
  if (roles === null) throw new NotDecidable('the record does not say which roles its caller had');
  const attributes = known.attributes ?? facts['attributes'] ?? {};
  const { address } = content;
  return {
    event: id,
    callId,
    time,
    request: {
      principal: { id: principal, tenant, roles, attributes: isObject(attributes) ? attributes : {} },
      tool,
      args,
      session: {
        taints: textsOf(facts['taints']) ?? [],
        callCount: numberOf(facts['callCount']),
        ageMs: numberOf(facts['ageMs']),
      },
      request: { ip: typeof address === 'string' ? address : 'local', timeMs: Date.parse(time) },
    },
    recorded: decision,
    overQuota: quotaOf(event),
    caveats: [
      ...(isRedacted(args, details) ? ['the record holds its arguments with something taken out'] : []),
      ...(details['decidedWith'] === undefined ? ['the record does not say what it was tainted with'] : []),
      ...(facts['attributes'] === null && known.attributes === undefined
        ? ['the attributes of its caller are too long for the record']
        : []),
    ],
  };
}

/** Under another revision than it was, or the same. The kill switch and quotas that are used up are left aside. */
export function decideAgain(revision: Revision, { request }: RecordedCall): Redecided {
  const tool = revision.tools.get(request.tool);
  if (tool === undefined) return { kind: 'unfit', detail: `there is no tool ${request.tool}` };
  const validation = validateArgs(revision, tool, request.args);
  if (!validation.ok) {
    const [first] = validation.errors;
    return { kind: 'unfit', detail: `${first?.pointer || 'args'}: ${first?.message ?? 'does not fit'}` };
  }
  const call = { ...request, args: validation.args };
  return { kind: 'decided', call, decision: decide(revision, call) };
}

/** One of the policy, not of the server itself. */
function quotaOf({ details: { quota }, type }: StoredEvent): string | null {
  return type === 'quota_exceeded' && typeof quota === 'string' && !quota.startsWith('sallyport/')
    ? quota
    : null;
}

/** Placeholders of the filter, or not as many bytes as there were. */
function isRedacted(args: JsonObject, { argsBytes }: JsonObject): boolean {
  const text = JSON.stringify(args);
  return (
    text.includes('[REDACTED:') || (typeof argsBytes === 'number' && argsBytes !== Buffer.byteLength(text))
  );
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textsOf(value: unknown): readonly string[] | null {
  return Array.isArray(value) && value.every((item) => typeof item === 'string') ? value : null;
}

function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}
