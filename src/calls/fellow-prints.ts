/** What calls print live, wherever they run: of several processes, each follower may be at another than its call. */
import type { Fellows } from '../model/fellows.ts';
import type { JsonValue } from '../model/json.ts';
import type { CallChanges } from './call-changes.ts';
import type { LivePrints } from './live-output.ts';
import type { RunningCalls } from './running-calls.ts';

const printsTopic = 'calls.prints';
const progressTopic = 'calls.progressed';

/** For `RunningCalls`: followers here look again, and those of another process that waits. */
export function tellProgress(
  changes: Pick<CallChanges, 'notify'>,
  fellows: Fellows | null,
): (callId: string, isAwaited: boolean) => void {
  return (callId, isAwaited) => {
    changes.notify(callId);
    if (isAwaited) void fellows?.askOthers(progressTopic, callId);
  };
}

/** What has left of a call that runs here or in a process beside this one. */
export function printsAnywhere(
  running: RunningCalls,
  changes: Pick<CallChanges, 'notify'>,
  fellows: Fellows | null,
): (callId: string) => Promise<LivePrints | null> {
  if (fellows === null) return async (callId) => running.prints(callId);
  fellows.onAsked(printsTopic, (callId): JsonValue => {
    const prints = typeof callId === 'string' ? running.awaitedPrints(callId) : null;
    return prints === null ? null : { ...prints };
  });
  fellows.onAsked(progressTopic, (callId): JsonValue => {
    if (typeof callId === 'string') changes.notify(callId);
    return null;
  });
  return async (callId) => {
    if (running.has(callId)) return running.prints(callId);
    const answers = await fellows.askOthers(printsTopic, callId);
    // Both ends are of one build.
    return (answers.find((answer) => answer !== null) as LivePrints | undefined) ?? null;
  };
}
