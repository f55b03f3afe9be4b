/**
 * Everything that can be decoded out of a text, up to three encodings deep. Linear: what is
 * decoded is bounded by a budget that grows with the text; what goes beyond it is reported unread.
 */
import { boundaryLimits } from '../limits.ts';
import type { LiteralScanner } from '../scan/literal-scanner.ts';
import type { Origin, SurveyedView, View } from '../view.ts';
import { surveyed, viewThrough } from '../view.ts';
import type { DecodeBudget } from './budget.ts';
import { decompress, isCompressed } from './compressed.ts';
import { readEscapes } from './escapes.ts';
import { readRuns } from './runs.ts';
import { SegmentedText } from './segments.ts';
import { readWide } from './wide.ts';

interface Decoded {
  readonly views: readonly SurveyedView[];
  /** Encoded stretches of the text that were too much to read. */
  readonly unread: readonly Origin[];
}

const decoders: readonly ((text: string, codes: Buffer, budget: DecodeBudget) => View | null)[] = [
  readEscapes,
  readRuns,
  readWide,
];
const nothing: Decoded = { views: [], unread: [] };

export function decodeViews(
  outer: View,
  codes: Buffer,
  budget: DecodeBudget,
  scanner: LiteralScanner,
): Decoded {
  budget.grantFor(outer.text.length);
  return decodeFrom(outer, codes, budget, scanner, boundaryLimits.decodingDepthMax);
}

/** The same for bytes of an unknown format, one character each: they may be compressed as a whole. */
export function decodeBytes(
  outer: View,
  codes: Buffer,
  budget: DecodeBudget,
  scanner: LiteralScanner,
): Decoded {
  const { text } = outer;
  if (!isCompressed(Buffer.from(text.slice(0, 3), 'latin1')))
    return decodeViews(outer, codes, budget, scanner);
  budget.grantFor(text.length);
  const content = decompress(Buffer.from(text, 'latin1'), budget.unitsLeft);
  if (content === '') return nothing;
  if (content === null) return { views: [], unread: [{ start: 0, end: text.length, via: ['gzip'] }] };
  budget.spend(content.length, 0, text.length);
  const decoded = new SegmentedText();
  decoded.addWhole(content, ['gzip'], 0, text.length);
  const view = surveyed(viewThrough(outer, decoded.toView()), scanner);
  const deeper = decodeFrom(view, view.survey.codes, budget, scanner, boundaryLimits.decodingDepthMax - 1);
  return { views: [view, ...deeper.views], unread: deeper.unread };
}

function decodeFrom(
  outer: View,
  codes: Buffer,
  budget: DecodeBudget,
  scanner: LiteralScanner,
  depth: number,
): Decoded {
  if (depth === 0) return { views: [], unread: encodedStill(outer, codes, budget) };
  const views: SurveyedView[] = [];
  const unread: Origin[] = [];
  for (const decode of decoders) {
    const inner = decode(outer.text, codes, budget);
    for (const { start, end } of budget.takeUnread()) addOrigin(outer.toOriginal(start, end), unread);
    if (inner === null) continue;
    const view = surveyed(viewThrough(outer, inner), scanner);
    const deeper = decodeFrom(view, view.survey.codes, budget, scanner, depth - 1);
    views.push(view, ...deeper.views);
    unread.push(...deeper.unread);
  }
  return { views, unread };
}

/** As many readable characters in a row, or escapes of letters and digits, are no chance. */
const readable = /[\t\n\r -~]{20}/g;
const escaped =
  /(?:%[3-7][0-9A-Fa-f]|\\u00[3-7][0-9A-Fa-f]|\\x[3-7][0-9A-Fa-f]|&#(?:x[3-7][0-9A-Fa-f]|[0-9]{2,3});){8,1024}/g;

/** Stretches of a text as deep as is looked into that are encoded once more: nobody knows what they say. */
function encodedStill(outer: View, codes: Buffer, budget: DecodeBudget): readonly Origin[] {
  const found: Origin[] = [];
  for (const { 0: stretch, index } of outer.text.matchAll(escaped)) {
    const origin = outer.toOriginal(index, index + stretch.length);
    if (origin !== null) found.push({ ...origin, via: [...origin.via, 'escape'] });
  }
  const inner = readRuns(outer.text, codes, budget);
  for (const { start, end } of budget.takeUnread()) addOrigin(outer.toOriginal(start, end), found);
  if (inner === null) return found;
  const view = viewThrough(outer, inner);
  for (const { 0: stretch, index } of inner.text.matchAll(readable))
    addOrigin(view.toOriginal(index, index + stretch.length), found);
  // A look at the text with its escapes undone counts as a step, also where nothing was escaped.
  return found.filter(({ via }) => via.length > boundaryLimits.decodingDepthMax);
}

function addOrigin(origin: Origin | null, origins: Origin[]): void {
  if (origin !== null) origins.push(origin);
}
