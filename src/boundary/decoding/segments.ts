import { noSeams } from '../scan/seams.ts';
import type { Origin, View } from '../view.ts';
import { lastAtMost } from '../view.ts';

/** A stretch of a decoded text. Places inside it count from its beginning. */
export interface Segment {
  /** Encodings, outermost first. */
  readonly via: readonly string[];
  /** First character of the original that a place in the segment depends on. */
  originalStart(place: number): number;
  /** Past the last character of the original that a place in the segment depends on. */
  originalEnd(place: number): number;
}

/** Puts a decoded view together from segments, in order. */
export class SegmentedText {
  readonly #pieces: string[] = [];
  readonly #starts: number[] = [];
  readonly #segments: Segment[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  add(text: string, segment: Segment): void {
    if (text === '') return;
    this.#pieces.push(text);
    this.#starts.push(this.#length);
    this.#segments.push(segment);
    this.#length += text.length;
  }

  /** The whole segment comes from all of `start..end`: compressed bytes. */
  addWhole(text: string, via: readonly string[], start: number, end: number): void {
    this.add(text, { via, originalStart: () => start, originalEnd: () => end });
  }

  toView(): View {
    const starts = this.#starts;
    const segments = this.#segments;
    const toOriginal = (start: number, end: number): Origin | null => {
      const at = lastAtMost(starts, start);
      const segment = segments[at];
      if (segment === undefined || lastAtMost(starts, end - 1) !== at) return null;
      const base = starts[at] ?? 0;
      return {
        start: segment.originalStart(start - base),
        end: segment.originalEnd(end - 1 - base),
        via: segment.via,
      };
    };
    return { text: this.#pieces.join(''), seams: noSeams, toOriginal };
  }
}
