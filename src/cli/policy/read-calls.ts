/** Calls that a server recorded, as they can be decided again. */
import { readEvents } from '../audit/read-events.ts';
import type { Client } from '../client.ts';
import { NotDecidable, readRecordedCall } from './recorded-calls.ts';
import type { RecordedCall } from './recorded-calls.ts';

/** Events that a call leaves when it is decided. What was approved has one of its request, and is not counted twice. */
const decisionEvents = ['intent', 'approval_requested', 'denied', 'quota_exceeded'] as const;

/** The newest, oldest first; `skipped`: why others cannot be decided again, and how many. */
export async function readCalls(
  client: Client,
  from: string,
  limit: number,
): Promise<{
  readonly calls: readonly RecordedCall[];
  readonly skipped: Readonly<Record<string, number>>;
  readonly isCut: boolean;
}> {
  const calls: RecordedCall[] = [];
  const skipped: Record<string, number> = {};
  for (const type of decisionEvents) {
    let taken = 0;
    for await (const event of readEvents(client, { type, from })) {
      if (taken > limit) break;
      if (type === 'intent' && event.details['approvalId'] !== undefined) continue;
      taken += 1;
      try {
        calls.push(readRecordedCall(event));
      } catch (error) {
        if (!(error instanceof NotDecidable)) throw error;
        // Each block has its own name.
        const why = error.message.replace(/ \(.*\)/, '');
        skipped[why] = (skipped[why] ?? 0) + 1;
      }
    }
  }
  const inOrder = calls.toSorted((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
  return { calls: inOrder.slice(-limit), skipped, isCut: inOrder.length > limit };
}
