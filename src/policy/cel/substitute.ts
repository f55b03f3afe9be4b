/** Puts text in the place of names, and keeps the way back to the source. */

/** A part of a source and what stands in its place. */
export interface Replacement {
  readonly start: number;
  readonly end: number;
  readonly text: string;
  /** Where offset `inner` of `text` came from; null: from the name that it stands for. */
  readonly origin: ((inner: number) => Origin) | null;
}

/** A place that an author wrote: in a named condition, or, with null, in the expression itself. */
export interface Origin {
  readonly condition: string | null;
  readonly offset: number;
}

export interface Substituted {
  readonly text: string;
  readonly originOf: (offset: number) => Origin;
}

interface Segment {
  /** Where the segment starts in the new text. */
  readonly at: number;
  readonly originOf: (inner: number) => Origin;
}

/** `originOf`: where offsets of `source` came from. Replacements must be in order and not overlap. */
export function substitute(
  source: string,
  replacements: readonly Replacement[],
  originOf: (offset: number) => Origin,
): Substituted {
  if (replacements.length === 0) return { text: source, originOf };
  let text = '';
  let copied = 0;
  const segments: Segment[] = [];
  const copy = (end: number): void => {
    const start = copied;
    segments.push({ at: text.length, originOf: (inner) => originOf(start + inner) });
    text += source.slice(start, end);
  };
  for (const { start, end, text: inserted, origin } of replacements) {
    copy(start);
    segments.push({ at: text.length, originOf: origin ?? (() => originOf(start)) });
    text += inserted;
    copied = end;
  }
  copy(source.length);
  return {
    text,
    originOf: (offset) => {
      const segment = segments.findLast(({ at }) => at <= offset);
      return segment === undefined ? originOf(0) : segment.originOf(offset - segment.at);
    },
  };
}
