/** A call as server-sent events, from any place in it to its end. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Response } from 'express';
import type { CallChanges } from '../calls/call-changes.ts';
import { feedAfter, feedStart, parseFeedId } from '../calls/call-feed.ts';
import type { FeedPosition } from '../calls/call-feed.ts';
import type { Call } from '../model/call.ts';
import type { Caller } from '../model/principal.ts';
import { EventStream } from './event-stream.ts';
import { Problem } from './problem.ts';

/** `Last-Event-ID` as a position. Throws `malformed_request`. */
export function readLastEventId(id: string | undefined): FeedPosition {
  if (id === undefined || id === '') return feedStart;
  const position = parseFeedId(id);
  if (position !== null) return position;
  const message = 'must be the id of an event of this call';
  throw new Problem('malformed_request', `Last-Event-ID ${message}.`, {
    errors: [{ pointer: 'Last-Event-ID', message }],
  });
}

export interface CallFollowerOptions {
  readonly changes: CallChanges;
  /** The call as it stands; null when it is no longer there. */
  readonly current: (callId: string) => Promise<Call | null>;
  /** Whether whoever opened the stream may still read: a key can end while it is open. */
  readonly isStillActive: (caller: Caller) => Promise<boolean>;
}

export interface Following {
  readonly callId: string;
  /** May see the call. */
  readonly caller: Caller;
  readonly position: FeedPosition;
}

export class CallFollower {
  readonly #options: CallFollowerOptions;

  constructor(options: CallFollowerOptions) {
    this.#options = options;
  }

  /** Answers with the events after `position`, then ends. Throws `overloaded` before the answer began. */
  async follow(response: Response, { callId, caller, position }: Following): Promise<void> {
    const { changes, current, isStillActive } = this.#options;
    let wake = Promise.withResolvers<void>();
    using following = changes.follow(callId, caller.principal, () => wake.resolve());
    if (following === null)
      throw new Problem('overloaded', 'Too many streams of events are open. GET the call instead.');
    using stream = new EventStream(response);
    stream.onClosed(() => wake.resolve());
    let at = position;
    while (!stream.isClosed && (await isStillActive(caller))) {
      // Before the call is looked at: a change in between wakes us again.
      wake = Promise.withResolvers<void>();
      const call = await current(callId);
      if (call === null) return;
      const events = feedAfter(call, at);
      let next = events.next();
      for (; next.done !== true; next = events.next()) {
        if (!(await stream.send(next.value))) return;
        // A client that reads slowly may take longer than its key lasts.
        if (!(await isStillActive(caller))) return;
        at = parseFeedId(next.value.id) ?? at;
      }
      if (next.value || changes.isClosed) return;
      await wake.promise;
      // Prints that came in many small pieces are looked at once: each look costs as much as all of them.
      await nextTurn();
    }
  }
}
