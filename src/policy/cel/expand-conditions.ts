/** Puts a policy's named conditions in the place of their names, and keeps the way back to the source. */

/** Longest expression after its conditions are put in. */
export const EXPANDED_CHARS_MAX = 65_536;

export interface Expansion {
  readonly text: string;
  /** Names of the conditions put in. */
  readonly conditions: readonly string[];
  /** The offset in the source for an offset in `text`; inside a condition, where its name stands. */
  sourceOffset(offset: number): number;
}

interface Segment {
  /** Where the segment starts in the expanded text. */
  readonly at: number;
  readonly source: number;
  /** Text of a condition: all of it maps to `source`. */
  readonly inserted: boolean;
}

/**
 * `names`: the free names of `source`. Conditions cannot name each other, so one pass is enough. Null when the result
 * would be longer than `EXPANDED_CHARS_MAX`.
 */
export function expandConditions(
  source: string,
  names: readonly { readonly name: string; readonly start: number; readonly end: number }[],
  conditions: ReadonlyMap<string, string>,
): Expansion | null {
  let text = '';
  let copied = 0;
  const segments: Segment[] = [];
  const used = new Set<string>();
  for (const { name, start, end } of names.toSorted((a, b) => a.start - b.start)) {
    const condition = conditions.get(name);
    if (condition === undefined || start < copied) continue;
    used.add(name);
    segments.push({ at: text.length, source: copied, inserted: false });
    text += source.slice(copied, start);
    segments.push({ at: text.length, source: start, inserted: true });
    // The line break ends a comment that the condition may end with.
    text += `(${condition}\n)`;
    copied = end;
    if (text.length > EXPANDED_CHARS_MAX) return null;
  }
  segments.push({ at: text.length, source: copied, inserted: false });
  text += source.slice(copied);
  if (text.length > EXPANDED_CHARS_MAX) return null;
  return {
    text,
    conditions: [...used],
    sourceOffset(offset) {
      const segment = segments.findLast(({ at }) => at <= offset);
      if (segment === undefined) return 0;
      return segment.inserted ? segment.source : segment.source + offset - segment.at;
    },
  };
}
