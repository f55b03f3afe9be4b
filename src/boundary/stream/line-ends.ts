/**
 * Decides at which line ends a stream can be cut: where nothing that a detector may find reaches from before to after, but
 * for a name that a number may follow, which the filter of what comes after is told.
 * What is found in two parts filtered apart is then what is found in both together.
 * Hostile: how many lines there are, and how much each leaves open. A line costs what it holds and what is still open of
 * the lines before; what has been open for long is looked at again only at some of the line ends.
 */
import { signDistanceMax, isSign } from '../content/injection.ts';
import { createDecodeBudget } from '../decoding/budget.ts';
import { decodeViews } from '../decoding/decoded-views.ts';
import { namesNumber } from '../detectors.ts';
import { endsLikeWrappedRun, wrappedTailUnits } from '../decoding/runs.ts';
import type { KnownSecretTail } from '../known-secrets.ts';
import { boundaryLimits } from '../limits.ts';
import type { Candidate, LiteralScanner } from '../scan/literal-scanner.ts';
import { numberContextUnitsMax } from '../scan/number-text.ts';
import { noSeams } from '../scan/seams.ts';
import { endsLikeKeyBody, keyTailUnitsMax } from '../secrets/private-key.ts';
import { findInvisible } from '../unicode/invisible.ts';
import { viewsBeside } from '../unicode/views.ts';
import { lastAtMost, plainView, surveyed } from '../view.ts';
import { createHeldText } from './held-text.ts';

export interface LineEnds {
  /** Takes the next line, or several. True: the stream is cut behind it, and nothing before matters any more. */
  isCut(lines: string): boolean;
  /** Remembers where it stands. What it answers with goes back to there, past one `isCut` that said no. */
  mark(): () => void;
}

interface Open {
  /** In units since the stream began. */
  readonly start: number;
  readonly isOpen: Candidate['isOpen'];
  /** How much of it was there when it was last looked at. */
  readonly seenUnits: number;
}

/** Up to this length a candidate is looked at again at each line end, beyond it each time it has grown by a sixteenth. */
const eachLineUnits = 256;
const laterLooks = growing(eachLineUnits, 2 * boundaryLimits.candidateUnitsMax);
/** What a pattern reads before it begins: a letter, or a word that turns its meaning round. */
const lookBehindUnits = 32;

export function followLineEnds(scanner: LiteralScanner, isInKnownSecret: KnownSecretTail): LineEnds {
  const decoding = createDecodeBudget();
  const held = createHeldText();
  let open: Open[] = [];
  /** Up to here everything is read together, whatever it is. */
  let heldUntil = 0;
  let cutAt = 0;

  const addLines = (lines: string) => {
    const lineStart = held.end;
    held.add(lines);
    const plain = surveyed(plainView(lines, noSeams), scanner);
    for (const { start, isOpen } of scanner.candidates(plain.survey))
      open.push({ start: lineStart + start, isOpen, seenUnits: 0 });
    for (const hit of scanner.scan(plain.survey, noSeams))
      if (isSign(hit)) heldUntil = Math.max(heldUntil, lineStart + hit.end + signDistanceMax);
    const beside = viewsBeside(lines, findInvisible(lines, plain.survey.hidden), noSeams);
    const read = [plain, ...beside.map((view) => surveyed(view, scanner))];
    const decoded = read.flatMap((view) => decodeViews(view, view.survey.codes, decoding, scanner).views);
    const isBegun = [...read.slice(1), ...decoded].some(
      ({ text, survey }) =>
        scanner.candidates(survey).length > 0 || namesNumber(text.slice(-numberContextUnitsMax)),
    );
    if (isBegun) heldUntil = Math.max(heldUntil, held.end + boundaryLimits.heldAfterUnits);
  };

  /**
   * Whether it was open at the first line end from a length of `laterLooks` on. Which one that is depends on the text
   * alone, not on how many lines were taken at once, nor on when it was looked at before.
   */
  const lookAgain = (candidate: Open, heldStart: number): Open | null => {
    const { start, isOpen, seenUnits } = candidate;
    if (start < heldStart) return null;
    const units = held.end - start;
    const isShort = units <= eachLineUnits;
    const lookUnits = isShort ? units : (laterLooks[lastAtMost(laterLooks, units)] ?? units);
    if (lookUnits <= seenUnits) return candidate;
    const from = Math.max(heldStart, start - lookBehindUnits);
    const isOpenIn = (text: string) => isOpen(text, start - from);
    // Most are over soon: then no more of the text is read.
    for (let first = eachLineUnits; first < lookUnits; first *= 4)
      if (first > seenUnits && !isOpenIn(held.slice(from, start + first))) return null;
    const text = held.slice(from);
    const lineEnd = isShort ? text.length : text.indexOf('\n', start - from + lookUnits - 1) + 1;
    return isOpenIn(text.slice(0, lineEnd)) ? { start, isOpen, seenUnits: lineEnd - (start - from) } : null;
  };

  /** The last that began is looked at first. While it is open, those before it need no look. */
  const isAnyOpen = (): boolean => {
    const heldStart = Math.max(cutAt, held.end - boundaryLimits.candidateUnitsMax);
    if ((open[0]?.start ?? heldStart) < heldStart - boundaryLimits.candidateUnitsMax)
      open = open.filter(({ start }) => start >= heldStart);
    for (let last = open.pop(); last !== undefined; last = open.pop()) {
      const seen = lookAgain(last, heldStart);
      if (seen === null) continue;
      open.push(seen);
      return true;
    }
    return false;
  };

  const ending = (units: number) => held.slice(Math.max(cutAt, held.end - units));

  return {
    mark() {
      const marked = { open: [...open], heldUntil };
      return () => {
        ({ open, heldUntil } = marked);
        held.takeBack();
      };
    },
    isCut(lines) {
      addLines(lines);
      const isCut =
        held.end > heldUntil &&
        !isAnyOpen() &&
        !endsLikeWrappedRun(ending(wrappedTailUnits)) &&
        !endsLikeKeyBody(ending(keyTailUnitsMax)) &&
        !isInKnownSecret(ending);
      if (isCut) cutAt = held.end;
      return isCut;
    },
  };
}

/** Lengths from `from` to `to`, each a sixteenth more than the one before. */
function growing(from: number, to: number): number[] {
  const lengths: number[] = [];
  for (let length = from; length <= to; length += Math.ceil(length / 16)) lengths.push(length);
  return lengths;
}
