/** `sallyport policy explain --call`: why a recorded call was decided as it was, and how it would be now. */
import type { StoredEvent } from '../../audit/record.ts';
import type { DecisionSummary } from '../../model/call.ts';
import type { Decision } from '../../model/decision.ts';
import type { Revision } from '../../policy/revision.ts';
import { createClient } from '../client.ts';
import type { Client } from '../client.ts';
import { CommandFailed } from '../command-failed.ts';
import { readAssignments } from '../json-argument.ts';
import { printable } from '../output.ts';
import type { Output } from '../output.ts';
import { revisionOfFiles, revisionOfServer } from './named-revision.ts';
import type { KnownCaller, RecordedCall, Redecided } from './recorded-calls.ts';

export interface ExplainCallOptions {
  /** `call_…`, or `evt_…` of a decision: a refused call has no id. */
  readonly call: string;
  /** What is "now"; the server's active revision otherwise. */
  readonly dir?: readonly string[];
  readonly role?: readonly string[];
  readonly attribute?: readonly string[];
}

/** Exit 1 when it would not be allowed now. Needs the scopes audit and policy. */
export async function explainCall(options: ExplainCallOptions, out: Output): Promise<void> {
  const [{ decideAgain }, { explainDecision }] = await Promise.all([
    import('./recorded-calls.ts'),
    import('../../policy/explain.ts'),
  ]);
  const client = createClient(process.env);
  const call = await readCall(client, options);
  const past = await revisionOfServer(client, call.recorded.revision);
  const present = await (options.dir === undefined ? activeRevision(client) : revisionOfFiles(options.dir));
  const original = past === null ? null : decideAgain(past, call);
  const current = decideAgain(present, call);
  const { event, callId, time, request, recorded, caveats } = call;
  const explain = (revision: Revision, again: Redecided): string =>
    again.kind === 'unfit' ? `NOT RUN  ${again.detail}` : explainDecision({ revision, ...again });
  const shown = {
    event,
    callId,
    time,
    tool: request.tool,
    principal: request.principal,
    recorded,
    original: original === null ? null : shownOf(original),
    current: shownOf(current),
    isSame: isSame(recorded, current),
    caveats,
  };
  out.show(shown, () =>
    printable(
      [
        `${callId ?? event} of ${time}: ${inWords(recorded)}`,
        '',
        '== Then ==',
        past === null || original === null
          ? `The server does not keep revision ${recorded.revision} any more: what is recorded is all there is.`
          : explain(past, original),
        '',
        '== Now ==',
        explain(present, current),
        '',
        isSame(recorded, current) ? 'Now it is decided as it was.' : 'Now it is decided otherwise.',
        ...caveats.map((caveat) => `Mind: ${caveat}.`),
      ].join('\n'),
    ),
  );
  if (current.kind === 'unfit' || current.decision.effect !== 'allow') process.exitCode = 1;
}

/** The decision on it is its first event. */
async function readCall(
  client: Client,
  { call: id, role, attribute }: ExplainCallOptions,
): Promise<RecordedCall> {
  const { NotDecidable, readRecordedCall } = await import('./recorded-calls.ts');
  const event = await readDecisionEvent(client, id);
  const given: KnownCaller = {
    ...(role === undefined ? {} : { roles: role }),
    ...(attribute === undefined ? {} : { attributes: readAssignments(attribute) }),
  };
  try {
    return readRecordedCall(event, given);
  } catch (error) {
    if (!(error instanceof NotDecidable)) throw error;
    const { decision } = event;
    const said = decision === null ? '' : ` What is recorded: ${inWords(decision)}.`;
    throw new CommandFailed(1, `${id} cannot be decided again: ${error.message}.${said}`, { cause: error });
  }
}

async function readDecisionEvent(client: Client, id: string): Promise<StoredEvent> {
  if (!id.startsWith('call_'))
    return (await client.request('GET', `/v1/audit/events/${encodeURIComponent(id)}`)) as StoredEvent;
  const { events } = (await client.request('GET', `/v1/audit/calls/${encodeURIComponent(id)}`)) as {
    readonly events: readonly StoredEvent[];
  };
  const found = events.find(({ decision }) => decision !== null);
  if (found === undefined) throw new CommandFailed(1, `The record holds no decision on ${id}.`);
  return found;
}

async function activeRevision(client: Client): Promise<Revision> {
  const active = await revisionOfServer(client);
  if (active === null) throw new CommandFailed(1, 'The server lists no active revision.');
  return active;
}

function shownOf(again: Redecided): Decision | { readonly detail: string } {
  return again.kind === 'unfit' ? { detail: again.detail } : again.decision;
}

/** The effect and what it hangs on. */
function isSame(recorded: DecisionSummary, again: Redecided): boolean {
  if (again.kind === 'unfit') return false;
  const { effect, policy, rule } = again.decision;
  return recorded.effect === effect && recorded.policy === policy && recorded.rule === rule;
}

function inWords({ effect, policy, rule, revision }: DecisionSummary): string {
  const by = policy === null ? (rule === null ? 'by default' : `by ${rule}`) : `by ${policy}/${rule}`;
  return `${effect} ${by}, under ${revision}`;
}
