/** Waits for a call to get somewhere, without asking again and again. */
import type { Call } from '../model/call.ts';
import type { Caller } from '../model/principal.ts';
import type { CallChanges } from './call-changes.ts';

/** What changes in another process is not told here. */
const lookAgainMs = 1000;

export interface CallWaiterOptions {
  readonly changes: CallChanges;
  /** The call as it stands; null when it is no longer there. */
  readonly current: (callId: string) => Promise<Call | null>;
  /** Whether whoever waits may still read: a key can end in the meantime. */
  readonly isStillActive: (caller: Caller) => Promise<boolean>;
}

export interface Wait {
  readonly callId: string;
  readonly caller: Caller;
  readonly isDone: (call: Call) => boolean;
  readonly withinMs: number;
  /** Aborted: nobody waits any more. */
  readonly signal: AbortSignal;
}

export class CallWaiter {
  readonly #options: CallWaiterOptions;

  constructor(options: CallWaiterOptions) {
    this.#options = options;
  }

  /**
   * The call once `isDone` says so, or as it stands when the time is over, nobody waits any more, the server stops or
   * too many wait already. null when it is gone, or the caller's key has ended.
   */
  async wait({ callId, caller, isDone, withinMs, signal }: Wait): Promise<Call | null> {
    const { changes, current, isStillActive } = this.#options;
    let wake = Promise.withResolvers<void>();
    using following = changes.follow(callId, caller.principal, () => wake.resolve());
    using _looking = setInterval(() => wake.resolve(), lookAgainMs);
    const isOver = AbortSignal.any([signal, AbortSignal.timeout(withinMs)]);
    isOver.addEventListener('abort', () => wake.resolve(), { once: true });
    for (;;) {
      // Before the call is looked at: a change in between wakes us again.
      wake = Promise.withResolvers<void>();
      if (!(await isStillActive(caller))) return null;
      const call = await current(callId);
      if (call === null || isDone(call)) return call;
      if (following === null || isOver.aborted || changes.isClosed) return call;
      await wake.promise;
    }
  }
}
