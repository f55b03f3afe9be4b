/** A call as it stands. */
import type { RecordStore } from '../audit/record.ts';
import type { Call } from '../model/call.ts';
import { isOpen } from '../model/call.ts';
import type { RunningCalls } from './running-calls.ts';

export interface CallSources {
  readonly record: Pick<RecordStore, 'getCall'>;
  readonly running: Pick<RunningCalls, 'prints'>;
}

/** As recorded; of one that runs here, with those prints that left already. null when there is none. */
export async function currentCall({ record, running }: CallSources, callId: string): Promise<Call | null> {
  const call = (await record.getCall(callId))?.call ?? null;
  return call === null ? null : withPrints(running, call);
}

/** A call as recorded, as it stands. */
export function withPrints(running: CallSources['running'], call: Call): Call {
  const prints = isOpen(call) ? running.prints(call.id) : null;
  return prints === null ? call : { ...call, output: { ...call.output, ...prints } };
}
