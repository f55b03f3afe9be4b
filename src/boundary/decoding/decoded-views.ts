/**
 * Everything that can be decoded out of a text, up to three encodings deep. Linear: what is
 * decoded is bounded by a budget that grows with the text; what goes beyond it is reported unread.
 */
import { boundaryLimits } from '../limits.ts';
import type { Origin, View } from '../view.ts';
import { viewThrough } from '../view.ts';
import type { DecodeBudget } from './budget.ts';
import { decompress, isCompressed } from './compressed.ts';
import { readEscapes } from './escapes.ts';
import { readRuns } from './runs.ts';
import { SegmentedText } from './segments.ts';
import { readWide } from './wide.ts';

interface Decoded {
  readonly views: readonly View[];
  /** Encoded stretches of the text that were too much to read. */
  readonly unread: readonly Origin[];
}

const decoders = [readEscapes, readRuns, readWide] as const;
const nothing: Decoded = { views: [], unread: [] };

export function decodeViews(outer: View, budget: DecodeBudget): Decoded {
  budget.grantFor(outer.text.length);
  return decodeFrom(outer, budget, boundaryLimits.decodingDepthMax);
}

/** The same for bytes of an unknown format, one character each: they may be compressed as a whole. */
export function decodeBytes(outer: View, budget: DecodeBudget): Decoded {
  const { text } = outer;
  if (!isCompressed(Buffer.from(text.slice(0, 3), 'latin1'))) return decodeViews(outer, budget);
  budget.grantFor(text.length);
  const content = decompress(Buffer.from(text, 'latin1'), budget.unitsLeft);
  if (content === '') return nothing;
  if (content === null) return { views: [], unread: [{ start: 0, end: text.length, via: ['gzip'] }] };
  budget.spend(content.length, 0, text.length);
  const decoded = new SegmentedText();
  decoded.addWhole(content, 'gzip', 0, text.length);
  const view = viewThrough(outer, decoded.toView());
  const deeper = decodeFrom(view, budget, boundaryLimits.decodingDepthMax - 1);
  return { views: [view, ...deeper.views], unread: deeper.unread };
}

function decodeFrom(outer: View, budget: DecodeBudget, depth: number): Decoded {
  if (depth === 0) return nothing;
  const views: View[] = [];
  const unread: Origin[] = [];
  for (const decode of decoders) {
    const inner = decode(outer.text, budget);
    for (const { start, end } of budget.takeUnread()) addOrigin(outer.toOriginal(start, end), unread);
    if (inner === null) continue;
    const view = viewThrough(outer, inner);
    const deeper = decodeFrom(view, budget, depth - 1);
    views.push(view, ...deeper.views);
    unread.push(...deeper.unread);
  }
  return { views, unread };
}

function addOrigin(origin: Origin | null, origins: Origin[]): void {
  if (origin !== null) origins.push(origin);
}
