/**
 * Clearing of content: by erasure, which somebody asks for, and by age. The chain stays, with who did what under which
 * rule and how it ended; arguments, results, prints, files, names, addresses, labels and words of people go.
 */
import type { StoredCall } from './record.ts';

/** What an erasure or a hold means. All that is given must fit; at least one of call, principal and session is. */
export interface RecordSelection {
  readonly callId?: string;
  /** Calls of this principal with everything that others did about them, and what else it did itself. */
  readonly principal?: string;
  readonly session?: string;
  readonly tenant?: string;
  /** RFC 3339, inclusive. */
  readonly from?: string;
  /** RFC 3339, exclusive. */
  readonly to?: string;
}

/** While it stands, what it means is neither erased nor removed by age. */
export interface Hold {
  /** `hold_…`. */
  readonly id: string;
  readonly selection: RecordSelection;
  readonly reason: string;
  readonly setBy: string;
  readonly setAtMs: number;
}

/** Content to clear, named by places of events in the store: opaque numbers, good for the store that gave them. */
export interface Clearing {
  /** Events whose content goes, and the uploaded files that they name. */
  readonly places: readonly number[];
  /** Calls whose files, waiting arguments, words of approvers and idempotency fingerprints go. */
  readonly callIds: readonly string[];
  /** The calls themselves: emptied by what the same write puts in their place, or removed. */
  readonly calls: 'emptied' | 'removed';
  /** Sessions whose labels go. */
  readonly sessionIds: readonly string[];
}

/** What an erasure would clear, as the store stands. */
export interface ErasurePlan {
  readonly places: readonly number[];
  readonly callIds: readonly string[];
  /** Of these, those that are stored: a call that was refused is not. */
  readonly calls: readonly StoredCall[];
  readonly sessionIds: readonly string[];
  /** Whose calls these are, and who did what is told of with them: an approver, too. */
  readonly principals: readonly string[];
  /** RFC 3339; of the events in question, null without any. */
  readonly oldest: string | null;
  readonly newest: string | null;
  /** Ids of holds that mean some of it. */
  readonly holds: readonly string[];
  /** More fits than one erasure takes: the oldest are here. */
  readonly remaining: boolean;
}

/** What is past its time, oldest first, without what is held. */
export interface PurgePlan {
  readonly places: readonly number[];
  readonly callIds: readonly string[];
  /** Sessions that were opened by one of these events. */
  readonly sessionIds: readonly string[];
  readonly artifacts: number;
  /** Uploaded ones. */
  readonly files: number;
  readonly idempotency: number;
}

export type ScrubDue = 'no' | 'some_time' | 'now';

/** A hold means something of what should be cleared; nothing was. */
export class ContentHeld extends Error {
  override readonly name = 'ContentHeld';
}
