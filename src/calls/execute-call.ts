/**
 * The one path. Every door ends here: HTTP today, MCP, runs and code mode later.
 *
 * Trusted: the caller's identity (proved at the door), the active policy revision. Hostile: everything in the
 * request, and everything that the tool's code yields. Nothing runs before its intent is durable; nothing
 * leaves before its outcome is.
 */
import { Lost } from '../execution/executor.ts';
import type { Caller } from '../model/principal.ts';
import { requestApproval } from './approvals/request-approval.ts';
import { beginCall } from './begin-call.ts';
import type { BegunCall, CallStart } from './begin-call.ts';
import { Hold } from './hold.ts';
import type { Call } from '../model/call.ts';
import type { CallAnswer, CallContext, CallObserver, CallRequest } from './call-context.ts';
import { checkArguments } from './check-arguments.ts';
import { completeCall } from './complete-call.ts';
import { decideCall, decidesAlike, findBlock } from './decide-call.ts';
import { filterRun, lostRun } from './filter-run.ts';
import { findReplay } from './idempotency.ts';
import { findUnmeetableQuota } from './lease-quota.ts';
import { openLiveOutput } from './live-output.ts';
import { refuseCall, withdrawCall } from './refuse-call.ts';
import { reconsider, takeTurn, turnOfLarge, withdrawQueued } from './queue-call.ts';
import type { Turn } from './queue-call.ts';
import type { RunningCall } from './running-calls.ts';
import { isRefusal } from './refusal.ts';
import type { Refusal } from './refusal.ts';
import { runCall } from './run-call.ts';
import { findSessionObjection } from './sessions/claim-session.ts';
import { loadFiles } from './uploads/named-files.ts';
import { findTool, validateArguments } from './validate-call.ts';

export async function executeCall(
  context: CallContext,
  caller: Caller,
  request: CallRequest,
  observer: CallObserver = {},
): Promise<CallAnswer> {
  const revision = context.revision();
  const replay = await findReplay(context, caller, request);
  if (replay !== null) return replay;

  const tool = findTool(revision, caller, request);
  if (isRefusal(tool)) return refuseCall(context, caller, request, tool);
  const args = validateArguments(revision, tool, request);
  if (isRefusal(args)) return refuseCall(context, caller, request, args);
  const decided = await decideCall(context, revision, caller, tool, args, request);
  if ('refusal' in decided) return refuseCall(context, caller, request, decided.refusal, decided);
  const inbound = await checkArguments(context, { revision, caller, tool, args, decided });
  if (isRefusal(inbound)) return refuseCall(context, caller, request, inbound, decided);
  const unfit = await findSessionObjection(context, caller, request, tool);
  if (unfit !== null) return refuseCall(context, caller, request, unfit, decided);

  const callId = context.newId('call');
  const admitted = { callId, revision, caller, request, tool, args, decided, inbound };
  if (decided.decision.approval !== null) {
    const never = findUnmeetableQuota(decided);
    if (never !== null) return refuseCall(context, caller, request, never, decided);
    return requestApproval(context, admitted);
  }
  return dispatchCall(context, { ...admitted, claim: null }, observer);
}

/**
 * The rest of the path, for a call that may run now: it was allowed, or a person approved it and it was decided again.
 * What is refused before its intent left nothing behind but an event, unless it waited for its turn on the record.
 */
export async function dispatchCall(
  context: CallContext,
  asked: CallStart,
  observer: CallObserver = {},
): Promise<CallAnswer> {
  await using hold = new Hold();
  const objection = await hold.take(context, asked);
  if (objection !== null) return refuseCall(context, asked.caller, asked.request, objection, asked.decided);
  using running = context.running.enter(asked.callId);
  using held = new DisposableStack();
  let queued: Call | null = null;
  let begun: BegunCall | CallAnswer;
  let waitedMs = 0;
  try {
    const onQueued = (call: Call): Promise<void> => {
      queued = call;
      return hold.giveBack();
    };
    const turn = await takeTurn(context, asked, running, { observer, onQueued });
    if ('kind' in turn) begun = turn;
    else {
      held.use(turn.slot);
      waitedMs = turn.slot?.waitedMs ?? 0;
      begun = await beginInTurn(context, asked, { ...turn, hold, held, running });
    }
  } catch (error) {
    // Nothing ran, and a call that was told to wait must not wait for ever.
    hold.cancel();
    if (queued !== null) await withdrawQueued(context, asked, queued, notPrepared);
    throw error;
  }
  if (begun.kind !== 'begun') {
    hold.cancel();
    return begun;
  }
  observer.begun?.(begun.call);
  using live = openLiveOutput(context, begun, running);
  const run = await runCall(context.executor, begun.execution, running.signal, live);
  // Awaited: whoever waits for running calls at shutdown waits for what becomes of them too.
  if (run.kind === 'not_started') {
    hold.cancel();
    return await withdrawCall(context, begun, run.error);
  }
  try {
    const filtered = await filterRun(context, begun, run, live);
    hold.ran(filtered.used);
    return await completeCall(context, begun, filtered, waitedMs);
  } catch (error) {
    // It ran: a failure of ours is an outcome too, never an error status, and no intent stays open.
    const lost = new Lost('the call ended, its outcome could not be made', { cause: error });
    return await completeCall(context, begun, await lostRun(context, begun, lost, live), waitedMs);
  }
}

interface Place extends Turn {
  readonly hold: Hold;
  /** What is given back when the call is over. */
  readonly held: DisposableStack;
  readonly running: RunningCall;
}

/** Up to the durable intent: a call that has its turn, looked at once more. */
async function beginInTurn(
  context: CallContext,
  asked: CallStart,
  { held, hold, isFollowed, queued, running, slot }: Place,
): Promise<BegunCall | CallAnswer> {
  const { caller, request, decided } = asked;
  const refuse = (refusal: Refusal, why?: Parameters<typeof refuseCall>[4]): Promise<CallAnswer> =>
    queued === null
      ? refuseCall(context, caller, request, refusal, why)
      : withdrawQueued(context, asked, queued, refusal);
  using _largeTurn = slot === null ? null : await turnOfLarge(context, asked);
  if (queued !== null && running.signal.aborted) return withdrawQueued(context, asked, queued, takenBack);
  if (slot === null) return refuse(noRoom, decided);
  const start = queued === null ? asked : await reconsider(context, asked);
  if (isRefusal(start)) return refuse(start);
  const objection = queued === null ? null : await hold.take(context, start);
  if (objection !== null) return refuse(objection);
  const blocked = findBlock(context, start.revision, caller, start.tool);
  if (blocked !== null) return refuse(blocked.refusal, blocked);
  const { session } = hold;
  // What other calls left in the session since it was decided counts: nothing else changes it from here on.
  if (session !== null && start.claim === null && !(await isDecidedSo(context, start)))
    return refuse(sessionChanged, decided);
  if ((await start.claim?.isOvertaken()) === true) return refuse(overtaken);
  const files = await loadFiles(context, caller.principal.tenant, start.inbound.files);
  if (isRefusal(files)) return refuse(files, decided);
  held.use(files);
  const runWith = { isFollowed, queued, session: session?.place ?? null, files: files.contents };
  const begun = await beginCall(context, start, runWith);
  return begun.kind === 'refused' && queued !== null ? refuse(begun.refusal) : begun;
}

/** Whether the session, as it stands now that this call has it, is decided on as it was. */
async function isDecidedSo(
  context: CallContext,
  { revision, caller, tool, args, request, decided }: CallStart,
): Promise<boolean> {
  const again = await decideCall(context, revision, caller, tool, args, request);
  return !('refusal' in again) && decidesAlike(again, decided);
}

const sessionChanged = {
  code: 'session_busy',
  detail:
    'Another call ran in this session while this one was looked at, and policy decides otherwise now. Nothing was run; ask again.',
} as const;

const overtaken = {
  code: 'approval_settled',
  detail:
    'While the approved call waited for a place, its caller, its approver or policy changed. Nothing was run; look at it again.',
  approvalStatus: 'pending',
} as const;

const takenBack = {
  code: 'cancelled',
  detail: 'The call was ended while it waited for its turn. Nothing was run.',
} as const;

const notPrepared = {
  code: 'audit_unavailable',
  detail: 'What this call needs could not be read when its turn came. Nothing was run.',
} as const;

const noRoom = {
  code: 'overloaded',
  detail: 'Too many calls are running and waiting. Nothing was run; try again shortly.',
} as const;
