/**
 * A text that can be read out of another: without its invisible characters, unescaped, decoded. Detectors look at each
 * view by itself; what they find leads back to the stretch of the original that it was read from.
 */
import type { LiteralScanner, Survey } from './scan/literal-scanner.ts';
import type { Seams } from './scan/seams.ts';

export interface View {
  readonly text: string;
  readonly seams: Seams;
  /** Where the characters from `start` to `end` (exclusive) of this view come from; null when they do not belong together. */
  readonly toOriginal: (start: number, end: number) => Origin | null;
}

export interface Origin {
  readonly start: number;
  readonly end: number;
  /** Encodings passed, outermost first. */
  readonly via: readonly string[];
}

const notEncoded: readonly string[] = [];

/** The text as it stands. */
export function plainView(text: string, seams: Seams): View {
  return { text, seams, toOriginal: (start, end) => ({ start, end, via: notEncoded }) };
}

/** A view with what a pass over its text found. */
export interface SurveyedView extends View {
  readonly survey: Survey;
}

export function surveyed(view: View, scanner: LiteralScanner): SurveyedView {
  return { ...view, survey: scanner.survey(view.text) };
}

/** A view of a view, as a view of the original. */
export function viewThrough(outer: View, inner: View): View {
  return {
    text: inner.text,
    seams: inner.seams,
    toOriginal: (start, end) => {
      const middle = inner.toOriginal(start, end);
      const origin = middle === null ? null : outer.toOriginal(middle.start, middle.end);
      if (middle === null || origin === null) return null;
      return { ...origin, via: [...origin.via, ...middle.via] };
    },
  };
}

/** Index of the last element that is at most `value`; -1 when there is none. */
export function lastAtMost(sorted: ArrayLike<number>, value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? 0) <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
