import { boundaryLimits } from '../limits.ts';

/** What may be decoded in one direction of a call, and what was not for want of it. */
export interface DecodeBudget {
  /** Each text that is scanned adds its share. */
  grantFor(units: number): void;
  /** False: too much. The stretch of the view that stays unread is remembered. */
  spend(units: number, start: number, end: number): boolean;
  /** What decompression may still yield. */
  readonly unitsLeft: number;
  /** Stretches that nobody looked into since the last call, in units of the view that was being read. */
  takeUnread(): readonly { readonly start: number; readonly end: number }[];
}

export function createDecodeBudget(): DecodeBudget {
  let unitsLeft: number = boundaryLimits.decodedUnitsFloor;
  let unread: { start: number; end: number }[] = [];
  return {
    grantFor(units) {
      unitsLeft += units * boundaryLimits.decodedUnitsPerUnit;
    },
    spend(units, start, end) {
      if (units <= unitsLeft) {
        unitsLeft -= units;
        return true;
      }
      unread.push({ start, end });
      return false;
    },
    get unitsLeft() {
      return unitsLeft;
    },
    takeUnread() {
      const taken = unread;
      unread = [];
      return taken;
    },
  };
}
