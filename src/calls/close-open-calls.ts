/** At start: intents that an earlier process left without an outcome are closed as `unknown`, never run again. */
import type { RecordStore } from '../audit/record.ts';
import type { QuotaDraw } from '../model/decision.ts';
import { settledDraws } from '../policy/quotas/quota-units.ts';
import type { Clock } from './call-context.ts';

/** Calls closed in one write. */
const batchMax = 100;

export async function closeOpenCalls(
  record: Pick<RecordStore, 'openCalls' | 'listEvents' | 'write'>,
  clock: Clock,
): Promise<number> {
  let closed = 0;
  for (;;) {
    const batch = (await record.openCalls()).slice(0, batchMax);
    if (batch.length === 0) return closed;
    const finishedAt = new Date(clock.now()).toISOString();
    const error = {
      name: 'Lost',
      message: 'The server stopped while this call ran; whether it ran to its end is not known.',
    };
    const calls = batch.map(({ call, ...owner }) => ({
      call: { ...call, status: 'unknown', error, finishedAt } as const,
      ...owner,
    }));
    const events = await Promise.all(
      calls.map(async ({ call, tenant, principal }) => ({
        quotas: await leasedInFull(record, call.id),
        type: 'outcome' as const,
        callId: call.id,
        tenant,
        principal,
        tool: call.tool,
        decision: call.decision,
        status: call.status,
        details: { closedAtStart: true },
      })),
    );
    await record.write({ events, calls });
    closed += batch.length;
  }
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
