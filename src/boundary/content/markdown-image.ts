import type { Confidence, Span } from '../detector.ts';

/** A description longer than this is not searched for its beginning; CommonMark sets no limit. */
const descriptionUnitsMax = 1024;
const destination = /\]\(\s{0,4}<?((?:https?:)?\/\/[^\s()<>!]{4,2048})/iy;

/**
 * The URL of an image: `at` is its `![`, or the `](` before its destination. Its description may hold line breaks and
 * balanced brackets (CommonMark §6.3, §6.4).
 */
export function findImage(text: string, at: number, check: (url: string) => Confidence | null): Span | null {
  const close = text.charCodeAt(at) === 0x21 ? closingBracket(text, at + 1) : at;
  if (close === -1 || !mayLeadAway(text, close)) return null;
  // Most of what has a destination is a link, and tells so a few words before it.
  if (close === at && opensLink(text, close, glanceUnits)) return null;
  destination.lastIndex = close;
  const url = destination.exec(text)?.[1];
  const confidence = url === undefined ? null : check(url);
  if (url === undefined || confidence === null) return null;
  const end = destination.lastIndex;
  if (close === at && (text.slice(at, end).includes('\n') || opensLink(text, close, descriptionUnitsMax)))
    return null;
  return { start: end - url.length, end, confidence };
}

const blank = 0x20;
const destinationUnits = ']('.length;
const blanksMax = 4;

/** Whether the destination may be the URL of another host: `//` or `http`. Most lead to files and headings nearby. */
function mayLeadAway(text: string, close: number): boolean {
  let at = close + destinationUnits;
  for (const end = at + blanksMax; at < end && text.charCodeAt(at) <= blank;) at++;
  if (text.charCodeAt(at) === 0x3c) at++;
  const unit = text.charCodeAt(at);
  return unit === 0x2f || unit === 0x68 || unit === 0x48 || unit > 0x7f;
}

/** How far a description is read from its beginning: many may begin in one text. */
const forwardUnitsMax = 240;

/** Whether a description that begins here may end in a later line. */
export function isOpenImage(text: string, at: number): boolean {
  if (text.charCodeAt(at) !== 0x21) return false;
  const close = closingBracket(text, at + 1);
  if (close === -1) return text.length < at + forwardUnitsMax;
  return text.length - close <= 8 && /^\](?:\(\s{0,4}<?)?$/.test(text.slice(close));
}

/** Of the bracket that opens at `open`; -1 when it does not close in time. */
function closingBracket(text: string, open: number): number {
  const until = Math.min(text.length, open + forwardUnitsMax);
  if (!text.slice(open, until).includes(']')) return -1;
  let depth = 0;
  for (let at = open; at < until; at++) {
    const unit = text.charCodeAt(at);
    if (unit === 0x5c) at++;
    else if (unit === 0x5b) depth++;
    else if (unit === 0x5d && --depth === 0) return at;
  }
  return -1;
}

/** So far back is looked before a destination is read. */
const glanceUnits = 64;

/**
 * Whether something else than `![` opens the bracket that closes at `close`, in the same line: earlier images may have left.
 * Further back than `unitsMax` there is nothing to see: a glance does not know then, the whole look finds no image.
 */
function opensLink(text: string, close: number, unitsMax: number): boolean {
  const from = Math.max(0, close - unitsMax);
  let depth = 0;
  for (let at = close; at >= from; at--) {
    const unit = text.charCodeAt(at);
    if (unit === 0x0a) return true;
    if (unit !== 0x5b && unit !== 0x5d) continue;
    if (text.charCodeAt(at - 1) === 0x5c) continue;
    depth += unit === 0x5d ? 1 : -1;
    if (depth === 0) return text.charCodeAt(at - 1) !== 0x21;
  }
  return unitsMax === descriptionUnitsMax;
}
