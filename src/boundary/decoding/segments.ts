import { noSeams } from '../literal-scanner.ts';
import type { Origin, View } from '../view.ts';
import { lastAtMost } from '../view.ts';

/** A stretch of a decoded text. Places inside it count from its beginning. */
interface Segment {
  readonly via: string;
  /** First character of the original that a place in the segment depends on. */
  readonly originalStart: (place: number) => number;
  /** Past the last character of the original that a place in the segment depends on. */
  readonly originalEnd: (place: number) => number;
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
  addWhole(text: string, via: string, start: number, end: number): void {
    this.add(text, { via, originalStart: () => start, originalEnd: () => end });
  }

  toView(): View {
    const starts = this.#starts;
    const segments = this.#segments;
    const toOriginal = (start: number, end: number): Origin => {
      const first = lastAtMost(starts, start);
      const last = lastAtMost(starts, end - 1);
      const via = new Set<string>();
      for (let at = first; at <= last; at++) {
        const kind = segments[at]?.via;
        if (kind !== undefined) via.add(kind);
      }
      return {
        start: segments[first]?.originalStart(start - (starts[first] ?? 0)) ?? 0,
        end: segments[last]?.originalEnd(end - 1 - (starts[last] ?? 0)) ?? 0,
        via: [...via],
      };
    };
    return { text: this.#pieces.join(''), seams: noSeams, toOriginal };
  }
}
