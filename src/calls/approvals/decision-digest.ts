/**
 * What an approval is for. At dispatch the call is decided again: an equal digest runs, anything else is void. The
 * revision is not in it, so an edit of policy that changes nothing for this call voids nothing.
 */
import { canonicalJson } from '../../audit/canonical-json.ts';
import type { Tool } from '../../model/tool.ts';
import type { Revision } from '../../policy/revision.ts';
import { boundaryProfiles } from '../check-arguments.ts';
import type { CallContext, CheckedArguments } from '../call-context.ts';
import type { Decided } from '../decide-call.ts';

export interface DigestedCall {
  readonly principal: string;
  readonly tenant: string;
  readonly act: readonly string[];
  readonly revision: Revision;
  readonly tool: Tool;
  readonly args: CheckedArguments;
  readonly decided: Decided;
  /** The session that it would run in, and how often that was changed so far. */
  readonly session: { readonly id: string; readonly sequence: number | null } | null;
}

/** Of a call that waits: whatever happens in its session meanwhile changes what would run. */
export async function digestedSession(
  { sessions }: Pick<CallContext, 'sessions'>,
  session: string | null,
): Promise<DigestedCall['session']> {
  return session === null ? null : { id: session, sequence: await sessions.sequenceOf(session) };
}

/**
 * `keyed` makes it a commitment: without the key nobody can try arguments against it. The tool's own digest covers its
 * definition with schema, runtime and code; of the boundary profiles the content counts, not the name.
 */
export function decisionDigest(keyed: (text: string) => string, call: DigestedCall): string {
  const { principal, tenant, act, revision, tool, args, decided, session } = call;
  const { effect, matched } = decided.decision;
  const image = tool.runtime.kind === 'container' ? (revision.images.get(tool.runtime.image) ?? null) : null;
  const facts = {
    caller: { principal, tenant, act },
    tool: { name: tool.name, digest: tool.digest, image },
    args: keyed(`args ${Buffer.from(args.bytes).toString()}`),
    effect,
    matched: matched.toSorted(),
    limits: decided.limits,
    boundary: boundaryProfiles(revision, decided),
    ...(session === null ? {} : { session: { ...session } }),
  };
  return `hmac-sha256:${keyed(`decision ${canonicalJson(facts)}`)}`;
}
