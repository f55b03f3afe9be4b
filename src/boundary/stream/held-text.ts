/**
 * The end of a stream, as far back as something that is undecided may reach. It is kept as it came, in pieces: reading
 * costs what is read, however much is held.
 */
import { boundaryLimits } from '../limits.ts';
import { lastAtMost } from '../view.ts';

export interface HeldText {
  /** Units since the stream began. */
  readonly end: number;
  add(piece: string): void;
  /** Takes the last piece away again. */
  takeBack(): void;
  /** Places count from the start of the stream. What is more than `candidateUnitsMax` before the end may be gone. */
  slice(from: number, to?: number): string;
}

export function createHeldText(): HeldText {
  let pieces: string[] = [];
  let starts: number[] = [];
  let end = 0;
  /** Now and then only, so that each piece is moved a bounded number of times. */
  const forget = () => {
    if (end - (starts[0] ?? end) <= 3 * boundaryLimits.candidateUnitsMax) return;
    const kept = lastAtMost(starts, end - boundaryLimits.candidateUnitsMax);
    pieces = pieces.slice(kept);
    starts = starts.slice(kept);
  };
  return {
    get end() {
      return end;
    },
    add(piece) {
      forget();
      pieces.push(piece);
      starts.push(end);
      end += piece.length;
    },
    takeBack() {
      end -= pieces.pop()?.length ?? 0;
      starts.pop();
    },
    slice(from, to = end) {
      const first = Math.max(0, lastAtMost(starts, from));
      const last = lastAtMost(starts, to - 1);
      const start = starts[first] ?? 0;
      const read = first === last ? (pieces[first] ?? '') : pieces.slice(first, last + 1).join('');
      return read.slice(Math.max(0, from - start), to - start);
    },
  };
}
