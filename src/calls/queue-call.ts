/** A call that waits for its turn, for a caller who does not: durable, with its idempotency key, before that is answered. */
import type { Call } from '../model/call.ts';
import { activeKey } from './approvals/decide-again.ts';
import type { CallStart } from './begin-call.ts';
import { callEvent, contentOf, emptyCall, factsOf, labelsOf, writeOrRefuse } from './begin-call.ts';
import type { CallAnswer, CallContext, CallObserver } from './call-context.ts';
import { idempotencyEntry } from './idempotency.ts';
import { decideCall, decidesAlike } from './decide-call.ts';
import { isRefusal } from './refusal.ts';
import type { Refusal } from './refusal.ts';
import { findTool } from './validate-call.ts';
import { closeUnstarted } from './refuse-call.ts';
import type { TakenBack } from './refuse-call.ts';
import type { RunningCall } from './running-calls.ts';
import type { Slot } from './slots.ts';
import type { RoomLimits } from './uploads/tenant-room.ts';

/** Arguments of calls that are followed and wait for their turn, bytes; in memory they are a few times that. */
export const followedMemoryBytes: RoomLimits = { all: 128 * 1024 * 1024, byTenant: 64 * 1024 * 1024 };

interface Waiting {
  readonly observer: CallObserver;
  /** It is durable that the call waits. */
  readonly onQueued: (call: Call) => Promise<void>;
}

export interface Turn {
  /** Null when there is no room, the server stops, or the call was taken back. */
  readonly slot: Slot | null;
  /** Nobody keeps a connection open for the call. */
  readonly isFollowed: boolean;
  /** The call as it waited; null when it left nothing behind. */
  readonly queued: Call | null;
}

/**
 * Waits for a place. Who follows the call, and is not kept waiting, is told once it is durable that it waits. An
 * approved call needs that not: until its intent it is on the record as one that waits for a person.
 */
export async function takeTurn(
  context: CallContext,
  start: CallStart,
  running: RunningCall,
  { observer, onQueued }: Waiting,
): Promise<Turn | CallAnswer> {
  const isFollowed = observer.queued !== undefined && start.claim === null;
  const { tenant } = start.caller.principal;
  // No connection is held, and with it none of their number bounds what waits.
  using room = isFollowed ? context.followedMemory.take(tenant, start.args.bytes.length) : null;
  if (isFollowed && room === null) return { slot: null, isFollowed, queued: null };
  const slots = isFollowed ? context.followedSlots : context.slots;
  const taken = slots.take(tenant, running.signal);
  if (!(taken instanceof Promise) || !isFollowed) return { slot: await taken, isFollowed, queued: null };
  let waits = false;
  try {
    const queued = await queueCall(context, start);
    if ('kind' in queued) return queued;
    await onQueued(queued);
    observer.queued?.(queued);
    waits = true;
    return { slot: await taken, isFollowed, queued };
  } finally {
    if (!waits) {
      running.end();
      (await taken)?.[Symbol.dispose]();
    }
  }
}

/**
 * A call that waited is looked at again, as its key, policy and what taints its caller may be others by now. It goes on
 * under the policy of this moment, where that decides as before. What a token said holds for the calls that it asked for.
 */
export async function reconsider(context: CallContext, start: CallStart): Promise<CallStart | Refusal> {
  const { args, caller, decided, request } = start;
  const isByKey = caller.tokenExpiresAtMs === undefined;
  if (isByKey && (await activeKey(context, caller.keyId, 'call')) === null) return keyEnded;
  const revision = context.revision();
  const tool = findTool(revision, caller, request);
  // The digest covers the schema: arguments that fitted this tool then fit it now.
  if (isRefusal(tool) || tool.digest !== start.tool.digest) return otherPolicy;
  const again = await decideCall(context, revision, caller, tool, args, request);
  if ('refusal' in again) return again.refusal;
  return decidesAlike(again, decided) ? { ...start, revision, tool, decided: again } : otherPolicy;
}

const noRule = { policy: null, rule: null, reasons: [], nearest: null } as const;

const keyEnded = {
  code: 'policy_denied',
  detail: 'The key of this call was revoked or expired while the call waited for its turn. Nothing was run.',
  ...noRule,
} as const;

const otherPolicy = {
  code: 'policy_denied',
  detail:
    'Policy decides otherwise about this call than when it began to wait for its turn. Nothing was run.',
  ...noRule,
} as const;

/**
 * A call that waited ends without having run; whoever asks for it reads why. Who still waits for an answer may ask again,
 * unless it was taken back.
 */
export async function withdrawQueued(
  context: CallContext,
  start: CallStart,
  queued: Call,
  why: Refusal | TakenBack,
): Promise<CallAnswer> {
  const call = await closeUnstarted(context, { ...start, call: queued }, why);
  return why.code === 'cancelled'
    ? { kind: 'call', call, isReplay: false }
    : { kind: 'refused', refusal: why, callId: call.id };
}

/**
 * Arguments above this wait for those before them to be durable: the record takes 20 ms for a megabyte, and a short call is
 * behind one of them at most.
 */
const largeBytes = 64 * 1024;

/** Null for small arguments, which wait for nobody. */
export async function turnOfLarge(context: CallContext, { args, caller }: CallStart): Promise<Slot | null> {
  return args.bytes.length > largeBytes ? await context.largeIntents.take(caller.principal.tenant) : null;
}

async function queueCall(context: CallContext, start: CallStart): Promise<Call | CallAnswer> {
  using _largeTurn = await turnOfLarge(context, start);
  const { callId, caller, request } = start;
  const labels = labelsOf(context, request);
  const call = emptyCall(start, 'queued', labels, new Date(context.clock.now()).toISOString());
  const idempotency = idempotencyEntry(context, caller, request, callId);
  const refused = await writeOrRefuse(context, start, {
    events: [
      {
        type: 'queued',
        ...callEvent(start),
        status: 'queued',
        boundary: start.inbound.report,
        details: factsOf(context, start),
        content: contentOf(start, labels),
      },
    ],
    calls: [{ call, tenant: caller.principal.tenant, principal: caller.principal.id }],
    ...(idempotency === null ? {} : { idempotency }),
  });
  return refused ?? call;
}
