/** What waiting for a person takes beside the one path: the seal, who is told, and how many may wait. */
import type { Approval } from '../../model/approval.ts';
import type { PayloadSeal } from './payload-seal.ts';
import type { WaitingRoom } from './waiting-room.ts';

export interface ApprovalOffice {
  readonly seal: PayloadSeal;
  readonly waitingRoom: WaitingRoom;
  /** Tells approvers of a durable request. Never throws, never waits. */
  readonly announce: (approval: Approval) => void;
}
