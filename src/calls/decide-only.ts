/** The path up to the decision, for those who only ask. */
import type { Decision } from '../model/decision.ts';
import type { JsonObject } from '../model/json.ts';
import type { Caller } from '../model/principal.ts';
import type { CallContext } from './call-context.ts';
import { decideUnlessBlocked } from './decide-call.ts';
import type { Refusal } from './refusal.ts';
import { isRefusal } from './refusal.ts';
import { findTool, fitArguments } from './validate-call.ts';

export async function decideOnly(
  context: Pick<CallContext, 'revision' | 'blocks' | 'clock' | 'record' | 'sessions' | 'metrics'>,
  caller: Caller,
  asked: { readonly tool: string; readonly args: JsonObject },
): Promise<Decision | Refusal> {
  const revision = context.revision();
  const tool = findTool(revision, caller, asked);
  if (isRefusal(tool)) return tool;
  const args = fitArguments(revision, tool, asked);
  if (isRefusal(args)) return args;
  // What shadow policies would change is for the record and for nobody who asks.
  return (await decideUnlessBlocked(context, revision, caller, tool, args.value, null)).decision;
}
