/**
 * What an earlier process or a silent node left open is closed, never run again: intents without an outcome as `unknown`,
 * calls that waited for their turn as `cancelled`.
 */
import { CallEnded, RecordUnavailable } from '../audit/record.ts';
import type { RecordStore } from '../audit/record.ts';
import type { QuotaDraw } from '../model/decision.ts';
import { settledDraws } from '../policy/quotas/quota-units.ts';
import type { CallContext, Clock } from './call-context.ts';

/** Calls closed in one write. */
const batchMax = 100;

/** How often it is looked whether another node fell silent, milliseconds. */
const lookEveryMs = 5_000;

export async function closeOpenCalls(
  record: Pick<RecordStore, 'openCalls' | 'listEvents' | 'write'>,
  clock: Clock,
): Promise<number> {
  let closed = 0;
  for (;;) {
    const batch = (await record.openCalls()).slice(0, batchMax);
    if (batch.length === 0) return closed;
    const finishedAt = new Date(clock.now()).toISOString();
    const calls = batch.map(({ call, ...owner }) => ({
      call: { ...call, ...(call.status === 'queued' ? neverRun : lost), finishedAt },
      ...owner,
    }));
    const events = await Promise.all(
      calls.map(async ({ call, tenant, principal }) => ({
        ...(call.status === 'cancelled'
          ? { type: 'not_started' as const }
          : { type: 'outcome' as const, quotas: await leasedInFull(record, call.id) }),
        callId: call.id,
        tenant,
        principal,
        tool: call.tool,
        decision: call.decision,
        status: call.status,
        details: { closedAtStart: true },
      })),
    );
    try {
      const neverRan = calls.flatMap(({ call }) => (call.status === 'cancelled' ? [call.id] : []));
      await record.write({ events, calls, ...(neverRan.length > 0 && { neverRun: neverRan }) });
      closed += batch.length;
    } catch (error) {
      // Another node was first with one of them; the rest is looked for anew.
      if (!(error instanceof CallEnded)) throw error;
    }
  }
}

const lost = {
  status: 'unknown',
  error: {
    name: 'Lost',
    message: 'The server stopped while this call ran; whether it ran to its end is not known.',
  },
} as const;

const neverRun = {
  status: 'cancelled',
  error: {
    name: 'NotStarted',
    message: 'The server stopped while this call waited for its turn. Nothing was run.',
  },
} as const;

/** Goes on looking, for records that several nodes write. Disposing waits for a look that is under way. */
export function watchOpenCalls({
  record,
  clock,
  logger,
}: Pick<CallContext, 'record' | 'clock' | 'logger'>): AsyncDisposable {
  let looking: Promise<void> | null = null;
  const look = async (): Promise<void> => {
    try {
      const closed = await closeOpenCalls(record, clock);
      if (closed > 0) logger.warn({ calls: closed }, 'open calls of a node that fell silent closed');
    } catch (error) {
      const isExpected = error instanceof RecordUnavailable;
      logger[isExpected ? 'warn' : 'error']({ err: error }, 'open calls not looked for');
    }
  };
  const timer = setInterval(() => {
    looking ??= look().finally(() => (looking = null));
  }, lookEveryMs).unref();
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await looking;
    },
  };
}

/** What such a call used is not known, so it counts as if it had used all that it leased. */
async function leasedInFull(
  record: Pick<RecordStore, 'listEvents'>,
  callId: string,
): Promise<readonly QuotaDraw[]> {
  const query = { tenant: null, type: 'intent', callId, limit: 1, order: 'asc' } as const;
  const { items } = await record.listEvents(query);
  return items.flatMap(({ quotas }) => settledDraws(quotas, null));
}
