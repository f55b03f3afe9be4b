/**
 * What a waiting call is worth now: unsealed, its caller looked up, decided under the revision of this moment. Reads
 * only. Hostile: everything that the database holds about it, until the seal has opened under exactly those facts.
 */
import type { ApiKey } from '../../audit/record.ts';
import type { Approval } from '../../model/approval.ts';
import type { RequiredApproval } from '../../model/decision.ts';
import type { Caller, Scope } from '../../model/principal.ts';
import type { CallContext, CallRequest } from '../call-context.ts';
import { decideCall } from '../decide-call.ts';
import type { CallStart } from '../begin-call.ts';
import { isRefusal } from '../refusal.ts';
import { findTool } from '../validate-call.ts';
import { decisionDigest, digestedSession } from './decision-digest.ts';
import { decodePayload, tokenOf } from './pending-payload.ts';
import type { PendingPayload, PendingToken } from './pending-payload.ts';
import { standingOf } from './standing.ts';

/** Why a call can no longer run. */
export type VoidCause = 'seal' | 'caller' | 'tool' | 'denied' | 'decision' | 'files' | 'arguments';

export const voidReasons: Readonly<Record<VoidCause, string>> = {
  seal: 'what was stored does not open: it was altered, or the sealing key is another',
  caller: 'the key of the caller was revoked, has expired, or may no longer call',
  tool: 'the tool was changed or taken away since',
  denied: 'policy denies the call now',
  decision:
    'policy decides otherwise about this call now: rules, limits, boundary or image differ, or its session was used or ended',
  files: 'an uploaded file that its arguments name has expired, was removed or was erased',
  arguments: 'the boundary blocks these arguments now',
};

export interface Reconsidered {
  /** null when the seal does not open. */
  readonly payload: PendingPayload | null;
  /** The rules that ask now; those of then where nothing asks any more. */
  readonly rules: RequiredApproval['rules'];
  /** What would run; its arguments still have to pass the boundary. */
  readonly verdict: { readonly start: Reopened } | { readonly void: VoidCause };
}

export type Reopened = Omit<CallStart, 'claim' | 'inbound'>;

export async function decideAgain(context: CallContext, approval: Approval): Promise<Reconsidered> {
  const payload = await openPayload(context, approval);
  const rules = approval.approvers;
  if (payload === null) return { payload, rules, verdict: { void: 'seal' } };
  const voided = (cause: VoidCause): Reconsidered => ({ payload, rules, verdict: { void: cause } });
  const caller = await activeCaller(context, approval, payload);
  if (caller === null) return voided('caller');
  const revision = context.revision();
  const tool = findTool(revision, caller, approval);
  // The digest covers the schema: arguments that fitted this tool then fit it now.
  if (isRefusal(tool) || tool.digest !== approval.toolDigest) return voided('tool');
  const { args } = payload;
  const request: CallRequest = { tool: approval.tool, args: args.value, ...payload.request };
  const decided = await decideCall(context, revision, caller, tool, args, request);
  if ('refusal' in decided) return voided('denied');
  const { principal, tenant, act } = approval;
  const digest = decisionDigest(context.fingerprint, {
    principal,
    tenant,
    act,
    revision,
    tool,
    args,
    decided,
    session: await digestedSession(context, request.session),
  });
  const asking = decided.decision.approval?.rules ?? rules;
  if (digest !== approval.digest) return { payload, rules: asking, verdict: { void: 'decision' } };
  const start = { callId: approval.callId, revision, caller, request, tool, args, decided };
  return { payload, rules: asking, verdict: { start } };
}

async function openPayload(context: CallContext, approval: Approval): Promise<PendingPayload | null> {
  const sealed = await context.record.getPendingPayload(approval.callId);
  const opened = sealed === null ? null : context.approvals.seal.open(approval, sealed);
  return opened === null ? null : decodePayload(opened);
}

/** The caller as its key stands now: alive, the same principal of the same tenant, still allowed to call. */
async function activeCaller(
  context: CallContext,
  approval: Approval,
  { caller }: PendingPayload,
): Promise<Caller | null> {
  const { token, ...known } = caller;
  const found =
    token === undefined
      ? await activeKey(context, caller.keyId, 'call')
      : activeToken(context, token, 'call');
  if (found === null || found.principal !== approval.principal || found.tenant !== approval.tenant)
    return null;
  return {
    ...known,
    ...(approval.act.length === 0 ? {} : { act: approval.act }),
    ...(token === undefined ? {} : { tokenExpiresAtMs: token.expiresAtMs }),
    principal: {
      id: found.principal,
      tenant: found.tenant,
      roles: found.roles,
      attributes: found.attributes ?? {},
    },
    scopes: new Set(found.scopes),
  };
}

/** Whether this person, with the key as it stands now, may still let this call run. */
export async function isStillApprover(
  context: CallContext,
  approval: Approval,
  rules: RequiredApproval['rules'],
  person: Caller,
): Promise<boolean> {
  const token = tokenOf(person);
  const key =
    token === undefined
      ? await activeKey(context, person.keyId, 'approve')
      : activeToken(context, token, 'approve');
  if (key === null || key.principal !== person.principal.id || key.tenant !== person.principal.tenant)
    return false;
  const principal = { ...person.principal, roles: key.roles };
  if (context.blocks.find(principal, approval.tool) !== null) return false;
  return standingOf(approval, rules, { ...person, principal }).kind === 'approver';
}

/** A token brings no attributes. */
type Standing = Pick<ApiKey, 'principal' | 'tenant' | 'roles' | 'scopes'> &
  Partial<Pick<ApiKey, 'attributes'>>;

/** Null: it was revoked, has expired, or lacks the scope. */
export async function activeKey(context: CallContext, id: string, scope: Scope): Promise<Standing | null> {
  const key = await context.record.getKey(id);
  if (key === null || key.revokedAtMs !== null) return null;
  if (key.expiresAtMs !== null && key.expiresAtMs <= context.clock.now()) return null;
  return key.scopes.includes(scope) || key.scopes.includes('admin') ? key : null;
}

/** What a token said holds as long as the token: nobody can be asked whether it still would be given. */
function activeToken(context: CallContext, token: PendingToken, scope: Scope): Standing | null {
  if (token.expiresAtMs <= context.clock.now()) return null;
  return token.scopes.includes(scope) || token.scopes.includes('admin') ? token : null;
}
