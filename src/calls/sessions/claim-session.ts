/** The session that a call asks for, if it asks for one: first whether it fits, then, at dispatch, the session itself. */
import type { Caller } from '../../model/principal.ts';
import type { Tool } from '../../model/tool.ts';
import type { CallContext, CallRequest } from '../call-context.ts';
import type { Refusal } from '../refusal.ts';
import type { SessionClaim } from './live-sessions.ts';

type Sessions = Pick<CallContext, 'sessions'>;

export async function findSessionObjection(
  { sessions }: Sessions,
  { principal }: Caller,
  { session }: Pick<CallRequest, 'session'>,
  tool: Tool,
): Promise<Refusal | null> {
  return session === null ? null : sessions.objection(principal, session, tool);
}

/** Null when the call asks for none. */
export async function claimSession(
  { sessions }: Sessions,
  { principal }: Caller,
  { session }: CallRequest,
  tool: Tool,
): Promise<SessionClaim | Refusal | null> {
  return session === null ? null : sessions.claim(principal, session, { tool, changes: true });
}
