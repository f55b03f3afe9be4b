/**
 * Decides at which line ends a stream can be cut: where nothing that a detector may find reaches from before to after.
 * What is found in two parts filtered apart is then what is found in both together.
 */
import { signDistanceMax, isSign } from '../content/injection.ts';
import { createDecodeBudget } from '../decoding/budget.ts';
import { decodeViews } from '../decoding/decoded-views.ts';
import { endsLikeWrappedRun } from '../decoding/runs.ts';
import { boundaryLimits } from '../limits.ts';
import type { Candidate, LiteralScanner } from '../scan/literal-scanner.ts';
import { noSeams } from '../scan/literal-scanner.ts';
import { endsLikeKeyBody } from '../secrets/private-key.ts';
import { findInvisible } from '../unicode/invisible.ts';
import { viewsBeside } from '../unicode/views.ts';
import { plainView, surveyed } from '../view.ts';

export interface LineEnds {
  /** Takes the next line, or several. `held` is everything since the last cut with this line at its end, or the end of that. */
  isCut(line: string, held: string): boolean;
  /** Remembers where it stands. What it answers with goes back to there. */
  mark(): () => void;
}

interface Open {
  /** In units since the stream began. */
  readonly start: number;
  readonly isOpen: Candidate['isOpen'];
}

export function followLineEnds(
  scanner: LiteralScanner,
  isInKnownSecret: (text: string) => boolean,
): LineEnds {
  const decoding = createDecodeBudget();
  let open: Open[] = [];
  /** Up to here everything is read together, whatever it is. */
  let heldUntil = 0;
  let length = 0;

  const addLine = (line: string, lineStart: number) => {
    const plain = surveyed(plainView(line, noSeams), scanner);
    for (const { start, isOpen } of scanner.candidates(plain.survey))
      open.push({ start: lineStart + start, isOpen });
    for (const hit of scanner.scan(plain.survey, noSeams))
      if (isSign(hit)) heldUntil = Math.max(heldUntil, lineStart + hit.end + signDistanceMax);
    const beside = viewsBeside(line, findInvisible(line, plain.survey.hidden), noSeams);
    const read = [plain, ...beside.map((view) => surveyed(view, scanner))];
    const decoded = read.flatMap((view) => decodeViews(view, view.survey.codes, decoding, scanner).views);
    const isBegun = [...read.slice(1), ...decoded].some(
      ({ survey }) => scanner.candidates(survey).length > 0,
    );
    if (isBegun) heldUntil = Math.max(heldUntil, length + boundaryLimits.heldAfterUnits);
  };

  return {
    mark() {
      const marked = { open: [...open], heldUntil, length };
      return () => ({ open, heldUntil, length } = marked);
    },
    isCut(line, held) {
      const lineStart = length;
      length += line.length;
      addLine(line, lineStart);
      const heldStart = length - held.length;
      open = open.filter(({ start, isOpen }) => start >= heldStart && isOpen(held, start - heldStart));
      return (
        open.length === 0 &&
        length > heldUntil &&
        !endsLikeWrappedRun(held) &&
        !endsLikeKeyBody(held) &&
        !isInKnownSecret(held)
      );
    },
  };
}
