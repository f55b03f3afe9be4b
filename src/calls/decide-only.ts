/** The path up to the decision, for those who only ask. */
import type { Decision } from '../model/decision.ts';
import type { Caller } from '../model/principal.ts';
import type { CallContext, CallRequest } from './call-context.ts';
import { decideCall } from './decide-call.ts';
import type { Refusal } from './refusal.ts';
import { isRefusal } from './refusal.ts';
import { findSessionObjection } from './sessions/claim-session.ts';
import { findTool, fitArguments } from './validate-call.ts';

export async function decideOnly(
  context: Pick<CallContext, 'revision' | 'blocks' | 'clock' | 'record' | 'sessions' | 'metrics'>,
  caller: Caller,
  asked: Pick<CallRequest, 'tool' | 'args' | 'limits' | 'session'>,
): Promise<Decision | Refusal> {
  const revision = context.revision();
  const tool = findTool(revision, caller, asked);
  if (isRefusal(tool)) return tool;
  const args = fitArguments(revision, tool, asked);
  if (isRefusal(args)) return args;
  const decided = await decideCall(context, revision, caller, tool, args, asked);
  // What shadow policies would change is for the record and for nobody who asks.
  if ('refusal' in decided)
    return decided.refusal.code === 'policy_denied' ? decided.decision : decided.refusal;
  const unfit = await findSessionObjection(context, caller, asked, tool);
  return unfit ?? { ...decided.decision, limits: decided.limits };
}
