/** A call as it stands. */
import type { RecordStore } from '../audit/record.ts';
import type { Call } from '../model/call.ts';
import { isOpen } from '../model/call.ts';
import type { LivePrints } from './live-output.ts';

export interface CallSources {
  readonly record: Pick<RecordStore, 'getCall'>;
  /** What has left of a call that runs; null where prints wait for the outcome. */
  readonly prints: (callId: string) => Promise<LivePrints | null>;
}

/** As recorded; of one that runs, with those prints that left already. null when there is none. */
export async function currentCall({ record, prints }: CallSources, callId: string): Promise<Call | null> {
  const call = (await record.getCall(callId))?.call ?? null;
  return call === null ? null : withPrints(prints, call);
}

/** A call as recorded, as it stands. */
export async function withPrints(prints: CallSources['prints'], call: Call): Promise<Call> {
  const left = isOpen(call) ? await prints(call.id) : null;
  return left === null ? call : { ...call, output: { ...call.output, ...left } };
}
